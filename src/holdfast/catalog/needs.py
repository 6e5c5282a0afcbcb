"""What the runs that are kept need: how many bytes of which packs, which blobs, which chunks. Walks whole streams."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa

from holdfast.catalog.blobs import chunks_of_customer, cut
from holdfast.catalog.schema import blobs, chunks, current, history, packs

_MANY = 5_000
_UNCOMMITTED_MAX = 100_000
"""Numbers that transactions under way may have taken: on PostgreSQL they need not become visible in their order."""
_CHUNKS_AT_ONCE = 500_000
"""Chunks held in memory at once, 100 MB; a customer with more takes several walks over its blobs."""


def record_bytes(conn: sa.Connection, streams: Iterable[int], kept: Sequence[int]) -> Counter[int]:
    """By pack: the bytes of records that the newest state or one of the runs `kept` (ascending) has. Without any run
    there is no newest state either."""
    needed: Counter[int] = Counter()
    if not kept:
        return needed
    for stream in streams:
        newest = (
            sa.select(current.c.pack, sa.func.sum(current.c.length))
            .where(current.c.stream == stream)
            .group_by(current.c.pack)
        )
        needed.update({pack: int(size) for pack, size in conn.execute(newest)})
        past = (
            sa.select(history.c.pack, history.c.run_from, history.c.run_to, sa.func.sum(history.c.length))
            .where(history.c.stream == stream)
            .group_by(history.c.pack, history.c.run_from, history.c.run_to)
        )
        for pack, run_from, run_to, size in conn.execute(past):
            needed[pack] += int(size) if is_kept(kept, run_from, run_to) else 0
    return needed


def versions_dropped(conn: sa.Connection, streams: Iterable[int], kept: Sequence[int]) -> int:
    """How many old versions none of the runs `kept` has."""
    dropped = 0
    for stream in streams:
        past = (
            sa.select(history.c.run_from, history.c.run_to, sa.func.count())
            .where(history.c.stream == stream)
            .group_by(history.c.run_from, history.c.run_to)
        )
        dropped += sum(
            number for run_from, run_to, number in conn.execute(past) if not is_kept(kept, run_from, run_to)
        )  # fmt: skip
    return dropped


def is_kept(kept: Sequence[int], run_from: int, run_to: int) -> bool:
    """Whether one of the runs (ascending) has the version that was valid from one run to before another."""
    position = bisect_left(kept, run_from)
    return position < len(kept) and kept[position] < run_to


def dropped_blobs(conn: sa.Connection, instance_id: int, streams: Iterable[int], kept: Sequence[int]) -> set[int]:
    """The blobs of an instance that no record has, in the newest state or a run that is kept; without any run all."""
    dropped = set(conn.execute(sa.select(blobs.c.id).where(blobs.c.instance_id == instance_id)).scalars())
    if not dropped or not kept:
        return dropped
    for stream in streams:
        newest = sa.select(current.c.blob).where(current.c.stream == stream, current.c.blob.is_not(None)).distinct()
        dropped.difference_update(conn.execute(newest).scalars())
        past = (
            sa.select(history.c.blob, history.c.run_from, history.c.run_to)
            .where(history.c.stream == stream, history.c.blob.is_not(None))
            .distinct()
        )
        for blob, run_from, run_to in conn.execute(past):
            if is_kept(kept, run_from, run_to):
                dropped.discard(blob)
    return dropped


def unneeded_chunks(
    conn: sa.Connection, customer_id: int, instance_id: int, dropped: Collection[int]
) -> Iterator[dict[bytes, tuple[int, int]]]:
    """(pack, length) by digest of the chunks in an instance's packs that no blob of the customer needs, when those
    `dropped` are gone; some at a time. A backup may come to need one meanwhile: see `collect_chunks`."""
    mine = sa.select(packs.c.id).where(packs.c.instance_id == instance_id)
    counted = sa.select(sa.func.count()).where(chunks.c.pack.in_(mine))
    parts = conn.execute(counted).scalar_one() // _CHUNKS_AT_ONCE + 1
    for part in range(parts):
        low, high = _bounds(part, parts)
        query = sa.select(chunks.c.digest, chunks.c.pack, chunks.c.length).where(
            chunks.c.customer_id == customer_id, chunks.c.digest >= low, chunks.c.pack.in_(mine)
        )
        if high is not None:
            query = query.where(chunks.c.digest < high)
        found = {bytes(digest): (pack, length) for digest, pack, length in conn.execute(query)}
        if found:
            for some in chunks_of_customer(conn, customer_id):
                for number, digests in some:
                    if number not in dropped:
                        for digest in cut(digests):
                            found.pop(digest, None)
            yield found


def newest_blob(conn: sa.Connection) -> int:
    """The greatest number of a blob: what comes later has a greater one, or one not much smaller."""
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(blobs.c.id), 0))).scalar_one())


def collect_chunks(conn: sa.Connection, customer_id: int, digests: Sequence[bytes], since: int) -> int:
    """Forget chunks that no blob needed when `since` was the newest, but for those that a backup has come to share.

    A backup proves in the transaction that adds its blob that the chunks are still known (`blobs.chunk_places` with
    `lock`): so either it comes first and is seen here, or it finds them gone and stores them anew.
    """
    collected = 0
    for begin in range(0, len(digests), _MANY):
        some = digests[begin : begin + _MANY]
        mine = sa.and_(chunks.c.customer_id == customer_id, chunks.c.digest.in_(some))
        conn.execute(sa.select(chunks.c.digest).where(mine).with_for_update()).all()
        later = sa.select(blobs.c.chunks).where(
            blobs.c.customer_id == customer_id, blobs.c.id > since - _UNCOMMITTED_MAX
        )
        shared = {digest for row in conn.execute(later) for digest in cut(bytes(row.chunks))}
        unshared = [digest for digest in some if digest not in shared]
        collected += conn.execute(
            sa.delete(chunks).where(chunks.c.customer_id == customer_id, chunks.c.digest.in_(unshared))
        ).rowcount
    return collected


def chunk_bytes(conn: sa.Connection, instance_id: int) -> dict[int, int]:
    """By pack of an instance: the bytes of chunks that stand in it."""
    query = (
        sa.select(chunks.c.pack, sa.func.sum(chunks.c.length))
        .join(packs, packs.c.id == chunks.c.pack)
        .where(packs.c.instance_id == instance_id)
        .group_by(chunks.c.pack)
    )
    return {pack: int(size) for pack, size in conn.execute(query)}


def packs_in_use(conn: sa.Connection, streams: Iterable[int]) -> set[int]:
    """Every pack that a record version of these streams stands in."""
    found: set[int] = set()
    for stream in streams:
        for table in (current, history):
            found.update(conn.execute(sa.select(table.c.pack).where(table.c.stream == stream).distinct()).scalars())
    return found


def _bounds(part: int, parts: int) -> tuple[bytes, bytes | None]:
    """Part of the digests' range: from (inclusive), to (exclusive; None: its end)."""
    low = (part << 32) // parts
    high = ((part + 1) << 32) // parts
    return low.to_bytes(4, "big"), None if part + 1 == parts else high.to_bytes(4, "big")
