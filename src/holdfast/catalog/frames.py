"""Which frames hold the records of a state: what has to be read to read all of it, each frame once."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from holdfast.catalog.schema import current, history
from holdfast.catalog.streams import Stream


def of_state(conn: sa.Connection, streams: Iterable[Stream], sequence: int) -> list[tuple[int, int]]:
    """(pack, frame) of every record of these streams as they were after a run, ascending, each once.

    Walks over the streams' rows, 0.1 us each, in the database; only the frames come back.
    """
    found: set[tuple[int, int]] = set()
    for stream in streams:
        for query in _queries(stream, sequence):
            found.update((pack, frame) for pack, frame in conn.execute(query))
    return sorted(found)


def _queries(stream: Stream, sequence: int) -> Iterable[sa.Select[Any]]:
    newest = sa.select(current.c.pack, current.c.frame).where(current.c.stream == stream.id).distinct()
    if stream.last_run <= sequence:  # nothing has changed since: no row is younger, and none that was true is history
        yield newest
        return
    yield newest.where(current.c.run_from <= sequence)
    yield (
        sa.select(history.c.pack, history.c.frame)
        .where(history.c.stream == stream.id, history.c.run_from <= sequence, history.c.run_to > sequence)
        .distinct()
    )
