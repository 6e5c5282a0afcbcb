"""What packs hold, as the catalog knows it: for whoever finds one lost or unreadable. Walks whole tables."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

import sqlalchemy as sa

from holdfast.catalog.schema import blobs, chunks, current, history, packs, streams

_MANY = 5_000
_DIGEST = 16


class Holding(NamedTuple):
    """A record whose bytes, or whose blob or a part of it, stand in a pack."""

    kind: Literal["record", "blob"]
    endpoint: str
    record_key: str


def of_packs(conn: sa.Connection, object_ids: Collection[str]) -> dict[str, set[Holding]]:
    """By the pack's name in the vault. Old versions count like newest ones; packs that hold nothing are left out."""
    query = sa.select(packs.c.id, packs.c.object_id).where(packs.c.object_id.in_(object_ids))
    names: dict[int, str] = {row.id: row.object_id for row in conn.execute(query)}
    found: defaultdict[str, set[Holding]] = defaultdict(set)
    for pack, endpoint, key in _records(conn, "pack", names):
        found[names[pack]].add(Holding("record", endpoint, key))
    by_blob = _packs_by_blob(conn, names)
    for blob, endpoint, key in _records(conn, "blob", by_blob):
        for pack in by_blob[blob]:
            found[names[pack]].add(Holding("blob", endpoint, key))
    return dict(found)


def _records(
    conn: sa.Connection, column: Literal["pack", "blob"], numbers: Collection[int]
) -> Iterator[tuple[int, str, str]]:
    """(number, endpoint, record key) of every version that has one of these numbers in the column."""
    wanted = list(numbers)
    for begin in range(0, len(wanted), _MANY):
        for table in (current, history):
            query = (
                sa.select(table.c[column], streams.c.endpoint, table.c.record_key)
                .join(streams, streams.c.id == table.c.stream)
                .where(table.c[column].in_(wanted[begin : begin + _MANY]))
            )
            yield from (tuple(row) for row in conn.execute(query))


def _packs_by_blob(conn: sa.Connection, numbers: Collection[int]) -> dict[int, set[int]]:
    """The blobs that one of these packs describes, or has a chunk of, and which ones do."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for blob, pack in conn.execute(sa.select(blobs.c.id, blobs.c.pack).where(blobs.c.pack.in_(numbers))):
        found[blob].add(pack)
    query = sa.select(chunks.c.digest, chunks.c.pack).where(chunks.c.pack.in_(numbers))
    by_chunk = {bytes(digest): pack for digest, pack in conn.execute(query)}
    if by_chunk:
        owners = sa.select(packs.c.customer_id).where(packs.c.id.in_(numbers))
        for blob, digests in conn.execute(sa.select(blobs.c.id, blobs.c.chunks).where(blobs.c.customer_id.in_(owners))):
            digests = bytes(digests)
            for begin in range(0, len(digests), _DIGEST):
                pack = by_chunk.get(digests[begin : begin + _DIGEST])
                if pack is not None:
                    found[blob].add(pack)
    return dict(found)
