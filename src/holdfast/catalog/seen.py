"""The slots of the records that a running backup has seen, batch by batch, until its end; and its strays.

They are committed with the batch's checkpoint, so that a resumed listing knows what was seen before it stopped.
"""

import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from operator import sub
from typing import NamedTuple

import sqlalchemy as sa

from holdfast.catalog import schema

_U64 = "Q"


class Stray(NamedTuple):
    """A record of a global id that was seen in another scope than it belongs to."""

    scope: int
    seen_in: int


def add(
    conn: sa.Connection, run_id: int, stream: int, batch: int, slots: Sequence[int],
    strays: Mapping[str, Stray | None] | None = None,
) -> None:  # fmt: skip
    """Remember these slots as batch number `batch`; the same batch again replaces it. `strays`, by record key, are
    those it has found; None: the record was seen where it belongs after all."""
    table = schema.seen
    conn.execute(sa.delete(table).where(table.c.run_id == run_id, table.c.stream == stream, table.c.batch == batch))
    conn.execute(
        sa.insert(table).values(run_id=run_id, stream=stream, batch=batch, slots=encode(slots), strays=strays or None)
    )


def load(conn: sa.Connection, run_id: int, stream: int) -> Iterator[list[int]]:
    """Each batch's slots, ascending within the batch."""
    table = schema.seen
    query = sa.select(table.c.slots).where(table.c.run_id == run_id, table.c.stream == stream).order_by(table.c.batch)
    for row in conn.execute(query):
        yield decode(bytes(row.slots))


def strays(conn: sa.Connection, run_id: int, stream: int) -> dict[str, Stray]:
    """All strays that the run has found so far, by record key."""
    table = schema.seen
    query = sa.select(table.c.strays).where(
        table.c.run_id == run_id, table.c.stream == stream, table.c.strays.is_not(None)
    )  # fmt: skip
    found: dict[str, Stray] = {}
    for (of_batch,) in conn.execute(query.order_by(table.c.batch)):
        for key, stray in of_batch.items():
            if stray is None:
                found.pop(key, None)
            else:
                found[key] = Stray(*stray)
    return found


def last_batch(conn: sa.Connection, run_id: int) -> int:
    """The greatest batch number of a run's; 0: there is none."""
    query = sa.select(sa.func.coalesce(sa.func.max(schema.seen.c.batch), 0)).where(schema.seen.c.run_id == run_id)
    return int(conn.execute(query).scalar_one())


def clear(conn: sa.Connection, run_id: int, stream: int | None = None) -> None:
    """Forget what a run has seen, at its end or, for one stream, when its listing starts again."""
    table = schema.seen
    statement = sa.delete(table).where(table.c.run_id == run_id)
    conn.execute(statement if stream is None else statement.where(table.c.stream == stream))


def encode(slots: Sequence[int]) -> bytes:
    """Ascending differences, one byte each where all fit, else eight, compressed: 10,000 neighbours take 40 bytes.

    All loops run in C: 0.1 us a slot.
    """
    if not slots:
        return b""
    ordered = sorted(slots)
    first = ordered[0]
    rest = list(map(sub, ordered[1:], ordered))
    if not rest or max(rest) < 256:
        return b"\1" + first.to_bytes(8, "little") + zlib.compress(bytes(rest), 1)
    wide = array(_U64, rest)
    if sys.byteorder == "big":
        wide.byteswap()
    return b"\2" + first.to_bytes(8, "little") + zlib.compress(wide.tobytes(), 1)


def decode(data: bytes) -> list[int]:
    """What `encode` was given, ascending."""
    if not data:
        return []
    body = zlib.decompress(data[9:])
    if data[0] == 1:
        rest: Sequence[int] = body
    else:
        wide = array(_U64, body)
        if sys.byteorder == "big":
            wide.byteswap()
        rest = wide
    slots = [int.from_bytes(data[1:9], "little")]
    position = slots[0]
    for difference in rest:
        position += difference
        slots.append(position)
    return slots
