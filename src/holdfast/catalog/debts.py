"""Debts: records and blobs that a run knows of and could not get. Every run tries them again until they are paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from holdfast.catalog.schema import debts, streams
from holdfast.catalog.upsert import insert

_MANY = 5_000
Kind = Literal["record", "blob"]
PENDING = "pending"
"""The cause of a debt that nobody has tried to pay yet."""
DAMAGED = "damaged"
"""The cause of a record's debt whose content in the vault was lost: paid by reading it again, changed or not."""


@dataclass(frozen=True, slots=True)
class Debt:
    stream: int
    record_key: str
    kind: Kind
    scope: int | None
    cause: str
    """For machines: `pending` (not tried yet), or why it failed."""
    message: str
    attempts: int
    first_run: int
    """Sequence."""
    last_run: int


_DEBT = tuple(debts.c[name] for name in Debt.__dataclass_fields__)


def put(conn: sa.Connection, rows: Sequence[Debt]) -> None:
    """Add debts. One that is there already keeps its first run, takes over the rest, and its attempts add up."""
    if not rows:
        return
    statement = insert(conn, debts)
    new = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["stream", "record_key", "kind"],
            set_={
                "scope": new.scope, "cause": new.cause, "message": new.message, "last_run": new.last_run,
                "attempts": debts.c.attempts + new.attempts,
            },
        ),
        [{name: getattr(row, name) for name in Debt.__dataclass_fields__} for row in rows],
    )  # fmt: skip


def damaged(conn: sa.Connection, stream: int) -> set[str]:
    """The keys of records whose content in the vault was lost."""
    query = sa.select(debts.c.record_key).where(
        debts.c.stream == stream, debts.c.kind == "record", debts.c.cause == DAMAGED
    )
    return set(conn.execute(query).scalars())


def untried(conn: sa.Connection, stream: int, kind: Kind, sequence: int, limit: int) -> list[Debt]:
    """Debts that the run `sequence` has not tried to pay yet, ascending by key."""
    query = (
        sa.select(*_DEBT)
        .where(
            debts.c.stream == stream, debts.c.kind == kind,
            sa.or_(debts.c.cause == PENDING, debts.c.last_run < sequence),
        )
        .order_by(debts.c.record_key)
        .limit(limit)
    )  # fmt: skip
    return [Debt(*row) for row in conn.execute(query)]


def find(conn: sa.Connection, stream: int, record_key: str, kind: Kind) -> Debt | None:
    """What is owed of one record; None: nothing."""
    query = sa.select(*_DEBT).where(debts.c.stream == stream, debts.c.record_key == record_key, debts.c.kind == kind)
    row = conn.execute(query).one_or_none()
    return None if row is None else Debt(*row)


def settle(conn: sa.Connection, stream: int, kind: Kind, keys: Sequence[str]) -> int:
    """Forget debts that are paid, or whose record is gone. Returns how many there were."""
    settled = 0
    for begin in range(0, len(keys), _MANY):
        settled += conn.execute(
            sa.delete(debts).where(
                debts.c.stream == stream, debts.c.kind == kind, debts.c.record_key.in_(keys[begin : begin + _MANY])
            )
        ).rowcount
    return settled


def clear(conn: sa.Connection, stream: int) -> None:
    """Forget all debts of a stream: those of a later moment take their place."""
    conn.execute(sa.delete(debts).where(debts.c.stream == stream))


def of_stream(
    conn: sa.Connection, stream: int, *, kind: Kind | None = None, after: str | None = None, limit: int = _MANY
) -> list[Debt]:
    """Ascending by record key, on from the key `after`; a record may have a debt of each kind."""
    query = sa.select(*_DEBT).where(debts.c.stream == stream).order_by(debts.c.record_key, debts.c.kind).limit(limit)
    if kind is not None:
        query = query.where(debts.c.kind == kind)
    if after is not None:
        query = query.where(debts.c.record_key > after)
    return [Debt(*row) for row in conn.execute(query)]


def summary(conn: sa.Connection, instance_id: int) -> list[tuple[str, Kind, str, int]]:
    """(endpoint, kind, cause, how many) of an instance."""
    query = (
        sa.select(streams.c.endpoint, debts.c.kind, debts.c.cause, sa.func.count())
        .join(streams, streams.c.id == debts.c.stream)
        .where(streams.c.instance_id == instance_id)
        .group_by(streams.c.ordinal, streams.c.endpoint, debts.c.kind, debts.c.cause)
        .order_by(streams.c.ordinal, debts.c.kind, debts.c.cause)
    )
    return [(endpoint, kind, cause, number) for endpoint, kind, cause, number in conn.execute(query)]
