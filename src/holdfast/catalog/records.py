"""The records of a stream: which versions there are, from which run to which, and where their bytes stand.

`current` holds the newest version of every record, `history` the ones before; a version is valid from a run's sequence
(inclusive) to another's (exclusive). At most one version per record and run: writing again within a run overwrites.
Callers commit a pack's bytes first, and keep the stream's and scopes' counters (`streams`, `scopes`).
"""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from holdfast.catalog.bulk import bulk
from holdfast.catalog.rows import CurrentColumns, CurrentRow, KeyRange, Known, PlaceRow, RecordRow
from holdfast.catalog.schema import current, history, streams

__all__ = [
    "CurrentRow", "RecordRow", "count", "delete", "get", "get_many", "insert_new", "key_range", "known", "last_span",
    "lookup", "page", "page_at", "places", "recompare", "replace", "scope_keys", "stream_keys",
]  # fmt: skip

_KEYS_AT_ONCE = 10_000
_NEWEST = 2**31 - 1
"""A sequence no run reaches."""


def lookup(conn: sa.Connection, stream: int, keys: Sequence[str]) -> dict[str, CurrentRow]:
    """The newest versions of those of these records that exist, by key. Made for 10,000 keys at once."""
    return bulk(conn).lookup(conn, stream, keys)


def known(conn: sa.Connection, stream: int, keys: Sequence[str]) -> list[Known]:
    """(digest, slot, scope, blob) of each of these records' newest versions, in the order of the keys; all None where a
    record does not exist. Enough to tell what is unchanged, at a third of the cost of `lookup`."""
    return bulk(conn).known(conn, stream, keys)


def insert_new(conn: sa.Connection, stream: int, columns: CurrentColumns) -> None:
    """Add records that do not exist now; `run_from` is the running backup's sequence, the slots are allocated ones."""
    if columns:
        bulk(conn).insert(conn, stream, columns)
        first = CurrentRow._make(column[0] for column in columns)
        _changed(conn, stream, first.run_from, columns[0])


def replace(conn: sa.Connection, stream: int, sequence: int, rows: Sequence[CurrentRow]) -> None:
    """Write new versions of records that exist. The old version goes to history, unless this run wrote it."""
    if rows:
        keys = [row.record_key for row in rows]
        bulk(conn).close(conn, stream, sequence, keys)
        bulk(conn).replace(conn, stream, rows)
        _changed(conn, stream, sequence, keys)


def delete(conn: sa.Connection, stream: int, sequence: int, keys: Sequence[str]) -> list[bytes]:
    """End these records: they are history from this run on, and what this run itself wrote never was.

    Returns the digests of those that existed, in no order.
    """
    removed: list[bytes] = []
    for begin in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[begin : begin + _KEYS_AT_ONCE]
        bulk(conn).close(conn, stream, sequence, some)
        removed += bulk(conn).remove(conn, stream, some)
        _changed(conn, stream, sequence, some)
    return removed


def _changed(conn: sa.Connection, stream: int, sequence: int, keys: Sequence[str]) -> None:
    first_run, last_run = conn.execute(
        sa.select(streams.c.first_run, streams.c.last_run).where(streams.c.id == stream)
    ).one()
    if last_run < sequence:
        conn.execute(sa.update(streams).where(streams.c.id == stream).values(last_run=sequence))
    if sequence > first_run:
        bulk(conn).note_changes(conn, stream, sequence, keys)


def recompare(conn: sa.Connection, stream: int, compares: Mapping[str, bytes]) -> None:
    """Keep another `compare` digest for the newest versions of these records, by key: no new version, since what they
    are compared by has changed and not their bytes."""
    if compares:
        conn.execute(
            sa.update(current)
            .where(current.c.stream == stream, current.c.record_key == sa.bindparam("key"))
            .values(compare=sa.bindparam("compared")),
            [{"key": key, "compared": digest} for key, digest in compares.items()],
        )


def move(conn: sa.Connection, stream: int, key: str, scope: int) -> None:
    """A record whose id is global is listed under another parent now: no new version, its bytes are the same."""
    conn.execute(sa.update(current).where(current.c.stream == stream, current.c.record_key == key).values(scope=scope))


def scope_keys(conn: sa.Connection, stream: int, scope: int | None, *, prefix: str = "") -> Iterator[tuple[str, int]]:
    """(record key, slot) of the newest state, ascending by key; of one scope, or with None of all.

    Give the `prefix` that the scope's keys share where there is one: without it the whole stream is read.
    """
    walk = stream_keys(conn, stream, prefix=prefix)
    return ((key, slot) for key, slot, of_scope in walk if scope is None or of_scope == scope)


def stream_keys(conn: sa.Connection, stream: int, *, prefix: str = "") -> Iterator[tuple[str, int, int | None]]:
    """(record key, slot, scope) of the newest state, ascending by key: one walk over the stream serves all scopes.

    Read piece by piece, so that the caller may write meanwhile; the walk shows what is there when it arrives.
    """
    within = KeyRange.of_prefix(prefix)
    while piece := bulk(conn).keys(conn, stream, within, _KEYS_AT_ONCE):
        yield from piece
        within = within.after(piece[-1][0])


def page(
    conn: sa.Connection, stream: int, *, sequence: int | None = None, after: str | None = None, limit: int = 20,
    prefix: str = "", scope: int | None = None,
) -> list[RecordRow]:  # fmt: skip
    """Records as they were after the run `sequence` (None: as they are now, a running backup's part included),
    ascending by key, on from the key `after`; those of one scope or with one prefix where asked."""
    within = KeyRange.of_prefix(prefix).after(after)
    sequence, within = _located(conn, stream, sequence, within)
    return bulk(conn).page(conn, stream, sequence, within, scope, limit, 0, False)


def places(conn: sa.Connection, stream: int, *, sequence: int | None, after: str | None, limit: int) -> list[PlaceRow]:
    """Like `page`, with nothing but where the bytes stand: half the cost, for who reads a million of them."""
    sequence, within = _located(conn, stream, sequence, KeyRange().after(after))
    return bulk(conn).places(conn, stream, sequence, within, limit)


def page_at(conn: sa.Connection, stream: int, offset: int, *, sequence: int | None, limit: int) -> list[RecordRow]:
    """Records of a state from the `offset`-th on (0: the first), for jumps to a page's number.

    This walks over what it leaves out, from the nearer end; `page` with `after` does not.
    """
    total = count(conn, stream, sequence)
    if offset >= total:
        return []
    sequence, within = _located(conn, stream, sequence, KeyRange())
    size = min(limit, total - offset)
    behind = total - offset - size
    if offset <= behind:
        return bulk(conn).page(conn, stream, sequence, within, None, size, offset, False)
    return bulk(conn).page(conn, stream, sequence, within, None, size, behind, True)[::-1]


def _located(
    conn: sa.Connection, stream: int, sequence: int | None, within: KeyRange
) -> tuple[int | None, KeyRange]:  # fmt: skip
    """The cheapest place for the state after a run: the newest state where nothing has changed since, else only the
    keys from the first to the last that the state had. Without that a listing's end would walk over everything that
    later runs added behind it."""
    if sequence is None:
        return None, within
    found = bulk(conn).state_range(conn, stream, sequence)
    if found.last_run <= sequence:
        return None, within
    if found.first_key is not None and found.last_key is not None:
        within = within.within(found.first_key, found.last_key)
    return sequence, within


def get(conn: sa.Connection, stream: int, key: str, sequence: int | None = None) -> RecordRow | None:
    """One record as it was after a run (None: as it is now)."""
    return get_many(conn, stream, [key], sequence).get(key)


def last_span(conn: sa.Connection, stream: int, key: str, sequence: int) -> tuple[int, int] | None:
    """From which run (inclusive) to which (exclusive) the last version was valid that had ended by a run."""
    query = (
        sa.select(history.c.run_from, history.c.run_to)
        .where(history.c.stream == stream, history.c.record_key == key, history.c.run_to <= sequence)
        .order_by(history.c.run_to.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def get_many(
    conn: sa.Connection, stream: int, keys: Sequence[str], sequence: int | None = None
) -> dict[str, RecordRow]:
    """These records as they were after a run, by key, without those that were not there."""
    return bulk(conn).versions(conn, stream, keys, _NEWEST if sequence is None else sequence)


def count(conn: sa.Connection, stream: int, sequence: int | None = None) -> int:
    """How many records the state after a run has; from the kept counts, or counted where a run has left none."""
    found = bulk(conn).state_range(conn, stream, _NEWEST if sequence is None else sequence)
    if sequence is None or found.last_run <= sequence:
        return found.live_now
    if found.live is not None:
        return found.live
    now = sa.select(sa.func.count()).where(current.c.stream == stream, current.c.run_from <= sequence)
    before = sa.select(sa.func.count()).where(
        history.c.stream == stream, history.c.run_from <= sequence, history.c.run_to > sequence
    )
    total: int = conn.execute(now).scalar_one() + conn.execute(before).scalar_one()
    return total


def key_range(conn: sa.Connection, stream: int) -> tuple[str, str] | None:
    """The first and the last key of the newest state; None: it has no records. `counts` keeps them at a run's end."""
    row = conn.execute(
        sa.select(
            sa.select(sa.func.min(current.c.record_key)).where(current.c.stream == stream).scalar_subquery(),
            sa.select(sa.func.max(current.c.record_key)).where(current.c.stream == stream).scalar_subquery(),
        )
    ).one()
    return None if row[0] is None else (row[0], row[1])
