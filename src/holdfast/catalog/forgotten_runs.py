"""Runs that prune has dropped from the catalog, until they are gone from the vault too."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog.schema import forgotten_runs
from holdfast.catalog.upsert import insert


@dataclass(frozen=True, slots=True)
class ForgottenRun:
    instance_id: int
    sequence: int
    run_id: int
    status: str
    ended_at: datetime | None
    forgotten_at: datetime


_FORGOTTEN = tuple(forgotten_runs.c[name] for name in ForgottenRun.__dataclass_fields__)


def put(
    conn: sa.Connection, instance_id: int, sequence: int, *, run_id: int, status: str, ended_at: datetime | None,
    forgotten_at: datetime,
) -> None:  # fmt: skip
    """Note a run; one that is noted already stays as it is."""
    statement = insert(conn, forgotten_runs).values(
        instance_id=instance_id, sequence=sequence, run_id=run_id, status=status, ended_at=ended_at,
        forgotten_at=forgotten_at,
    )  # fmt: skip
    conn.execute(statement.on_conflict_do_nothing())


def of_instance(conn: sa.Connection, instance_id: int) -> list[ForgottenRun]:
    """Ascending by sequence."""
    query = sa.select(*_FORGOTTEN).where(forgotten_runs.c.instance_id == instance_id)
    return [ForgottenRun(*row) for row in conn.execute(query.order_by(forgotten_runs.c.sequence))]


def settle(conn: sa.Connection, instance_id: int) -> None:
    """The vault has nothing of them any more."""
    conn.execute(sa.delete(forgotten_runs).where(forgotten_runs.c.instance_id == instance_id))
