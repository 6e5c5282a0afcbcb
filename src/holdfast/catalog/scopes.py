"""Scopes: one listing of an endpoint (per parent record, or the only one), with its cursor, end and checkpoint."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from holdfast.catalog.schema import scopes, streams
from holdfast.catalog.upsert import insert

_MANY = 5_000
"""Rows named in one statement, well below both databases' limits on parameters."""


@dataclass(frozen=True, slots=True)
class Scope:
    id: int
    stream: int
    parent_key: str
    """The parent's record key; empty for an endpoint without a parent."""
    fingerprint: str | None
    """Of what the cursor depends on (`definitions.fingerprint`): another one voids the cursor."""
    cursor: str | None
    live: int
    last_full_run: int | None
    """Sequence of the last run that listed it in full, to the end."""
    last_full_at: datetime | None
    last_complete_run: int | None
    """Sequence of the last run that completed it, in full or by a delta."""
    run_id: int | None
    """The run that `state` and `checkpoint` belong to; another run's mean nothing."""
    state: str | None
    checkpoint: Mapping[str, Any] | None
    memory: Mapping[str, Any] | None
    """What the listing remembers beside its cursor, from run to run."""


_VOID: dict[str, Any] = {"cursor": None, "fingerprint": None, "memory": None}
_SCOPE = tuple(scopes.c[name] for name in Scope.__dataclass_fields__)


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def ensure(conn: sa.Connection, stream: int, parent_keys: Sequence[str]) -> dict[str, Scope]:
    """The scopes of these parents by parent key, made where they are new."""
    found: dict[str, Scope] = {}
    for batch in _batches(parent_keys, _MANY):
        known = sa.select(*_SCOPE).where(scopes.c.stream == stream, scopes.c.parent_key.in_(batch))
        found.update((row.parent_key, Scope(*row)) for row in conn.execute(known))
        missing = [key for key in dict.fromkeys(batch) if key not in found]
        if missing:
            conn.execute(
                insert(conn, scopes).on_conflict_do_nothing(),
                [{"stream": stream, "parent_key": key, "live": 0} for key in missing],
            )
            added = sa.select(*_SCOPE).where(scopes.c.stream == stream, scopes.c.parent_key.in_(missing))
            found.update((row.parent_key, Scope(*row)) for row in conn.execute(added))
    return found


def get(conn: sa.Connection, scope_id: int) -> Scope:
    return Scope(*conn.execute(sa.select(*_SCOPE).where(scopes.c.id == scope_id)).one())


def of_stream(conn: sa.Connection, stream: int) -> list[Scope]:
    """Ascending by parent key, parents that are gone included."""
    query = sa.select(*_SCOPE).where(scopes.c.stream == stream).order_by(scopes.c.parent_key)
    return [Scope(*row) for row in conn.execute(query)]


def parent_keys(conn: sa.Connection, scope_ids: Iterable[int]) -> dict[int, str]:
    """The parents' record keys by scope id."""
    found: dict[int, str] = {}
    for batch in _batches(scope_ids, _MANY):
        query = sa.select(scopes.c.id, scopes.c.parent_key).where(scopes.c.id.in_(batch))
        found.update((row.id, row.parent_key) for row in conn.execute(query))
    return found


def filled(conn: sa.Connection, stream: int, parent_keys: Sequence[str]) -> set[str]:
    """Which of these parents have a listing with live records."""
    found: set[str] = set()
    for batch in _batches(parent_keys, _MANY):
        query = sa.select(scopes.c.parent_key).where(
            scopes.c.stream == stream, scopes.c.parent_key.in_(batch), scopes.c.live > 0
        )
        found.update(conn.execute(query).scalars())
    return found


def of_run(conn: sa.Connection, stream: int, run_id: int, limit: int) -> tuple[int, list[Scope]]:
    """How many scopes of a stream a run has read or begun to read, and the first of those that have a checkpoint or a
    testimony, ascending by parent key."""
    of_it = sa.and_(scopes.c.stream == stream, scopes.c.run_id == run_id)
    number = conn.execute(sa.select(sa.func.count()).select_from(scopes).where(of_it)).scalar_one()
    query = (
        sa.select(*_SCOPE)
        .where(of_it, scopes.c.checkpoint.is_not(None), scopes.c.state != "skipped")
        .order_by(scopes.c.parent_key)
        .limit(limit)
    )
    return int(number), [Scope(*row) for row in conn.execute(query)]


def set_checkpoint(
    conn: sa.Connection, scope_id: int, run_id: int, state: str, checkpoint: Mapping[str, Any] | None, *,
    live: int | None = None,
) -> None:  # fmt: skip
    """Where the run stands in this listing; to be written in the transaction that commits what was read up to here."""
    values: dict[str, Any] = {"run_id": run_id, "state": state, "checkpoint": checkpoint}
    if live is not None:
        values["live"] = live
    conn.execute(sa.update(scopes).where(scopes.c.id == scope_id).values(**values))


def complete(
    conn: sa.Connection, scope_id: int, run_id: int, sequence: int, *, state: str, cursor: str | None,
    fingerprint: str | None, full_at: datetime | None, live: int | None = None,
    testimony: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """The run has read this listing to its end: only now the cursor moves. `full_at`: when, if in full. `testimony` is
    what the run's receipt tells of it, kept in place of a checkpoint."""
    values: dict[str, Any] = {
        "run_id": run_id, "state": state, "checkpoint": testimony, "cursor": cursor, "fingerprint": fingerprint,
        "last_complete_run": sequence,
    }  # fmt: skip
    if full_at is not None:
        values |= {"last_full_run": sequence, "last_full_at": full_at}
    if live is not None:
        values["live"] = live
    conn.execute(sa.update(scopes).where(scopes.c.id == scope_id).values(**values))


def remember(conn: sa.Connection, scope_id: int, memory: Mapping[str, Any]) -> None:
    """Keep this, from run to run, instead of what was remembered before."""
    conn.execute(sa.update(scopes).where(scopes.c.id == scope_id).values(memory=memory))


def set_live(conn: sa.Connection, live: Mapping[int, int]) -> None:
    """The number of live records by scope id."""
    if live:
        conn.execute(
            sa.update(scopes).where(scopes.c.id == sa.bindparam("scope_id")).values(live=sa.bindparam("count")),
            [{"scope_id": scope_id, "count": count} for scope_id, count in live.items()],
        )


def add_live(conn: sa.Connection, differences: Mapping[int, int]) -> None:
    """Change the numbers of live records, by scope id."""
    changed = [{"scope_id": scope_id, "difference": number} for scope_id, number in differences.items() if number]
    if changed:
        conn.execute(
            sa.update(scopes)
            .where(scopes.c.id == sa.bindparam("scope_id"))
            .values(live=scopes.c.live + sa.bindparam("difference")),
            changed,
        )


def live_total(conn: sa.Connection, stream: int) -> int:
    """The live records of all scopes of a stream together."""
    total = sa.select(sa.func.coalesce(sa.func.sum(scopes.c.live), 0)).where(scopes.c.stream == stream)
    return int(conn.execute(total).scalar_one())


def void(conn: sa.Connection, scope_ids: Sequence[int]) -> None:
    """Forget the cursors: the next run lists these in full."""
    for batch in _batches(scope_ids, _MANY):
        conn.execute(sa.update(scopes).where(scopes.c.id.in_(batch)).values(_VOID))


def void_instance(conn: sa.Connection, instance_id: int) -> None:
    """Forget all cursors of an instance."""
    of_instance = sa.select(streams.c.id).where(streams.c.instance_id == instance_id)
    conn.execute(sa.update(scopes).where(scopes.c.stream.in_(of_instance)).values(_VOID))
