"""Alarms: what a backup found that is far from what is usual for its instance, until somebody has looked at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.schema import alarms
from holdfast.catalog.upsert import insert
from holdfast.errors import NotFound

Kind = Literal["mass_deletion", "mass_change", "mass_encryption"]


@dataclass(frozen=True, slots=True)
class Alarm:
    id: int
    instance_id: int
    run_id: int
    sequence: int
    """Of the run that raised it."""
    kind: Kind
    endpoint: str
    message: str
    """For people."""
    figures: Mapping[str, Any]
    """`value`, and what it was measured by."""
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None


_ALARM = tuple(alarms.c[name] for name in Alarm.__dataclass_fields__)


def add(
    conn: sa.Connection, instance_id: int, *, run_id: int, sequence: int, kind: Kind, endpoint: str, message: str,
    figures: Mapping[str, Any],
) -> Alarm | None:  # fmt: skip
    """A new alarm. None, and nothing is changed, where the run has raised it already."""
    made = Alarm(
        ids.new_id(), instance_id, run_id, sequence, kind, endpoint, message, dict(figures), clock.now(), None, None
    )  # fmt: skip
    statement = insert(conn, alarms).values(**{name: getattr(made, name) for name in Alarm.__dataclass_fields__})
    added = conn.execute(statement.on_conflict_do_nothing().returning(alarms.c.id)).one_or_none()
    return None if added is None else made


def restore(conn: sa.Connection, alarm: Alarm) -> None:
    """Put back an alarm that the vault tells of."""
    conn.execute(sa.insert(alarms).values(**{name: getattr(alarm, name) for name in Alarm.__dataclass_fields__}))


def get(conn: sa.Connection, alarm_id: int, *, instance_id: int | None = None) -> Alarm:
    """Raises NotFound, also for another instance's where `instance_id` is given."""
    row = conn.execute(sa.select(*_ALARM).where(alarms.c.id == alarm_id)).one_or_none()
    if row is None or (instance_id is not None and row.instance_id != instance_id):
        raise NotFound(f"no alarm {alarm_id}", field="alarm_id")
    return Alarm(*row)


def of_instance(
    conn: sa.Connection, instance_id: int, page: PageRequest, *, acknowledged: bool | None = None
) -> Listing[Alarm]:
    """Oldest first; where asked those that were acknowledged, or those that were not."""
    query = sa.select(*_ALARM).where(alarms.c.instance_id == instance_id)
    if acknowledged is not None:
        moment = alarms.c.acknowledged_at
        query = query.where(moment.is_not(None) if acknowledged else moment.is_(None))
    return listed(conn, query, alarms.c.id, page, Alarm)


def unacknowledged(conn: sa.Connection, instance_id: int) -> list[Alarm]:
    """Ascending by run."""
    query = sa.select(*_ALARM).where(alarms.c.instance_id == instance_id, alarms.c.acknowledged_at.is_(None))
    return [Alarm(*row) for row in conn.execute(query.order_by(alarms.c.sequence, alarms.c.id))]


def of_kind(conn: sa.Connection, instance_id: int, endpoint: str, kind: Kind) -> list[Alarm]:
    """All of an endpoint's alarms of one kind, ascending by run."""
    query = sa.select(*_ALARM).where(
        alarms.c.instance_id == instance_id, alarms.c.endpoint == endpoint, alarms.c.kind == kind
    )
    return [Alarm(*row) for row in conn.execute(query.order_by(alarms.c.sequence))]


def of_runs(conn: sa.Connection, instance_id: int, first: int, last: int) -> dict[int, list[Alarm]]:
    """Those of the runs from one sequence to another, by sequence."""
    query = sa.select(*_ALARM).where(
        alarms.c.instance_id == instance_id, alarms.c.sequence >= first, alarms.c.sequence <= last
    )
    found: dict[int, list[Alarm]] = {}
    for row in conn.execute(query.order_by(alarms.c.id)):
        found.setdefault(row.sequence, []).append(Alarm(*row))
    return found


def acknowledge(conn: sa.Connection, alarm_id: int, by: str) -> bool:
    """False, and nothing is changed, where somebody has done so before."""
    done = conn.execute(
        sa.update(alarms)
        .where(alarms.c.id == alarm_id, alarms.c.acknowledged_at.is_(None))
        .values(acknowledged_at=clock.now(), acknowledged_by=by)
    )
    return done.rowcount > 0
