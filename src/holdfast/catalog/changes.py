"""What two backups of a stream differ in, at the cost of what has changed between them.

Every run but a stream's first leaves a row in `changes` for each record that it wrote or deleted. The keys of the runs
between two backups are merged, and each record's versions at both ends tell what became of it.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Literal

import sqlalchemy as sa

from holdfast.catalog import records
from holdfast.catalog.bulk import bulk
from holdfast.catalog.rows import RecordRow
from holdfast.catalog.schema import changes as changes_table
from holdfast.catalog.schema import streams

_FIRST_PIECE = 50
_LARGEST_PIECE = 5_000


@dataclass(frozen=True, slots=True)
class Change:
    kind: Literal["added", "changed", "deleted"]
    record_key: str
    before: RecordRow | None
    after: RecordRow | None


def page(
    conn: sa.Connection, stream: int, from_sequence: int, to_sequence: int, *, after: str | None = None,
    limit: int = 100,
) -> list[Change]:  # fmt: skip
    """What the state after the run `to_sequence` has that the one after `from_sequence` (0: nothing) had not, and the
    other way round; ascending by key, on from the key `after`. Fewer than `limit` are the last ones.

    A record that was written and has the same bytes and blob again is no change.
    """
    first_run = conn.execute(sa.select(streams.c.first_run).where(streams.c.id == stream)).scalar_one()
    if from_sequence < first_run:
        added = records.page(conn, stream, sequence=to_sequence, after=after, limit=limit)
        return [Change("added", row.record_key, None, row) for row in added]
    found: list[Change] = []
    keys = _changed_keys(conn, stream, from_sequence, to_sequence, after)
    while len(found) < limit and (some := list(islice(keys, limit))):
        before = bulk(conn).versions(conn, stream, some, from_sequence)
        now = bulk(conn).versions(conn, stream, some, to_sequence)
        found += [change for key in some if (change := _change(key, before.get(key), now.get(key)))]
    return found[:limit]


def next_run(conn: sa.Connection, stream: int, after_run: int, last_run: int) -> int | None:
    """The first run behind `after_run`, and up to `last_run`, that wrote or deleted any of the stream's records. The
    stream's first run counts as one, whether it did or not."""
    first_run = conn.execute(sa.select(streams.c.first_run).where(streams.c.id == stream)).scalar_one()
    if after_run < first_run:
        return first_run if first_run <= last_run else None
    return next(_runs(conn, stream, after_run, last_run), None)


def _change(key: str, before: RecordRow | None, after: RecordRow | None) -> Change | None:
    if before is None:
        return None if after is None else Change("added", key, None, after)
    if after is None:
        return Change("deleted", key, before, None)
    if (before.digest, before.blob) == (after.digest, after.blob):
        return None
    return Change("changed", key, before, after)


def _changed_keys(conn: sa.Connection, stream: int, after_run: int, last_run: int, after: str | None) -> Iterator[str]:
    """The keys that any of these runs wrote or deleted, each once, ascending."""
    merged = heapq.merge(*(_keys(conn, stream, run, after) for run in _runs(conn, stream, after_run, last_run)))
    return (key for key, _ in groupby(merged))


def _keys(conn: sa.Connection, stream: int, run: int, after: str | None) -> Iterator[str]:
    size = _FIRST_PIECE
    while piece := bulk(conn).changed_keys(conn, stream, run, after, size):
        yield from piece
        if len(piece) < size:
            return
        after = piece[-1]
        size = min(2 * size, _LARGEST_PIECE)


def _runs(conn: sa.Connection, stream: int, after_run: int, last_run: int) -> Iterator[int]:
    """The runs that changed anything: from one to the next by the primary key, without reading what lies between."""
    run: int | None = after_run
    while run is not None:
        following = sa.select(sa.func.min(changes_table.c.run)).where(
            changes_table.c.stream == stream, changes_table.c.run > run, changes_table.c.run <= last_run
        )
        run = conn.execute(following).scalar_one()
        if run is not None:
            yield run
