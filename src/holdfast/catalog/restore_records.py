"""The journal of a restore, record by record: what is to be done, that it is about to be done, what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from holdfast.catalog.schema import restore_records

Action = Literal["create", "update", "undelete", "leave", "impossible"]
State = Literal["planned", "intent", "written", "verified", "differs", "failed", "done"]
"""`intent`: it may have been written. `written`: it was, and is to be read back. `verified`, `differs` (unexpectedly)
and `failed` are what came of a write; `done` is what needs none."""
ENDED = ("verified", "differs", "failed", "done")


@dataclass(frozen=True, slots=True)
class RestoreRecord:
    endpoint: str
    record_key: str
    place: int
    parent_key: str
    action: Action
    state: State
    stage: int = 0
    """How many of the requests that make it up were sent: the write itself, the blob, the update behind them."""
    target_id: str | None = None
    """Its id at the target, as far as it is known."""
    seen: Sequence[str] | None = None
    """The ids of those at the target that looked like it before."""
    message: str | None = None
    """Why it is left alone, impossible or has failed."""
    differences: Sequence[dict[str, Any]] | None = None
    """What was read back otherwise than it was stored, and why."""


BLOB = "(blob)"
"""What stands for a record's blob among the fields that came out otherwise: it could not be put back."""
DIFFERS = "it is there, and differs"
"""Why a record is left alone that is at the target otherwise than the backup has it."""
AS_IT_WAS = "it is as it was"
BLOB_NOT_COMPARED = "it is as it was; nothing in it tells whether its blob is"
_COLUMNS = tuple(restore_records.c[name] for name in RestoreRecord.__dataclass_fields__)
_AT_ONCE = 1_000


def add(conn: sa.Connection, restore_id: int, instance_id: int, rows: Sequence[RestoreRecord]) -> None:
    """Journal what is to be done with records that the journal does not have."""
    if rows:
        values = [{name: getattr(row, name) for name in RestoreRecord.__dataclass_fields__} for row in rows]
        own = {"restore_id": restore_id, "instance_id": instance_id}
        conn.execute(sa.insert(restore_records), [value | own for value in values])


def drop_endpoint(conn: sa.Connection, restore_id: int, endpoint: str) -> None:
    """Forget what was to be done with an endpoint's records; nothing has been done yet."""
    conn.execute(
        sa.delete(restore_records).where(
            restore_records.c.restore_id == restore_id, restore_records.c.endpoint == endpoint
        )
    )


def note(conn: sa.Connection, restore_id: int, row: RestoreRecord) -> None:
    """Journal how a record stands now."""
    table = restore_records.c
    conn.execute(
        sa.update(restore_records)
        .where(
            table.restore_id == restore_id, table.endpoint == row.endpoint, table.record_key == row.record_key
        )
        .values(
            state=row.state, stage=row.stage, target_id=row.target_id, message=row.message,
            differences=None if row.differences is None else list(row.differences),
        )
    )  # fmt: skip


def get(conn: sa.Connection, restore_id: int, endpoint: str, key: str) -> RestoreRecord | None:
    table = restore_records.c
    query = sa.select(*_COLUMNS).where(
        table.restore_id == restore_id, table.endpoint == endpoint, table.record_key == key
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else RestoreRecord(*row)


def page(
    conn: sa.Connection, restore_id: int, endpoint: str, *, after: int = -1, limit: int = _AT_ONCE,
    open_only: bool = False, state: str | None = None,
) -> list[RestoreRecord]:  # fmt: skip
    """An endpoint's records in their order, on from behind a place; only those that are not through where asked."""
    table = restore_records.c
    query = sa.select(*_COLUMNS).where(table.restore_id == restore_id, table.endpoint == endpoint, table.place > after)
    if open_only:
        query = query.where(table.state.not_in(ENDED))
    if state is not None:
        query = query.where(table.state == state)
    return [RestoreRecord(*row) for row in conn.execute(query.order_by(table.place).limit(limit))]


def walk(conn: sa.Connection, restore_id: int, endpoint: str) -> Iterator[RestoreRecord]:
    """All of an endpoint's records in their order."""
    after = -1
    while rows := page(conn, restore_id, endpoint, after=after):
        yield from rows
        after = rows[-1].place


def claimed(conn: sa.Connection, restore_id: int, endpoint: str, target_ids: Sequence[str]) -> set[str]:
    """Which of these records at the target are ones that the restore knows as its own already."""
    table = restore_records.c
    query = sa.select(table.target_id).where(
        table.restore_id == restore_id, table.endpoint == endpoint, table.target_id.in_(list(target_ids))
    )
    return set(conn.execute(query).scalars())


def counted(conn: sa.Connection, restore_id: int) -> list[tuple[str, Action, State, int, int, int, int]]:
    """How many records there are by endpoint, action and state, how many of them came without their blob, how many are
    left alone although they differ, and how many of which nobody knows whether the blob does."""
    table = restore_records.c
    without = sa.case((sa.cast(table.differences, sa.Text).like(f'%"{BLOB}"%'), 1), else_=0)
    differing = sa.case(((table.action == "leave") & (table.message == DIFFERS), 1), else_=0)
    unknown = sa.case(((table.action == "leave") & (table.message == BLOB_NOT_COMPARED), 1), else_=0)
    sums = (sa.func.sum(one) for one in (without, differing, unknown))
    query = (
        sa.select(table.endpoint, table.action, table.state, sa.func.count(), *sums)
        .where(table.restore_id == restore_id)
        .group_by(table.endpoint, table.action, table.state)
    )
    return [tuple(row) for row in conn.execute(query)]


def reasons(conn: sa.Connection, restore_id: int, action: Action) -> list[tuple[str, str, int]]:
    """(endpoint, message, how many) of the records with an action, the most frequent first."""
    table = restore_records.c
    number = sa.func.count()
    query = (
        sa.select(table.endpoint, table.message, number)
        .where(table.restore_id == restore_id, table.action == action)
        .group_by(table.endpoint, table.message)
        .order_by(number.desc(), table.endpoint, table.message)
    )
    return [(row[0], row[1] or "", row[2]) for row in conn.execute(query)]
