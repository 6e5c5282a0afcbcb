"""Blobs and the chunks they consist of: what they are and where their bytes stand. A customer's blobs share chunks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from holdfast import clock
from holdfast.catalog.schema import blobs, chunks, current, debts, packs
from holdfast.catalog.upsert import insert

_MANY = 5_000
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class Blob:
    id: int
    """The local number, as in `current.blob`."""
    object_id: str
    """The descriptor's id in the vault."""
    customer_id: int
    instance_id: int
    """Whose records have it."""
    pack: int
    """The pack that describes it."""
    size_bytes: int
    digest: bytes
    content_type: str | None
    name: str | None
    version: str | None
    """What the definition declares as such; another one means other bytes."""
    fetched_at: datetime
    chunks: bytes
    """The chunks' digests in order, 16 bytes each."""

    @property
    def chunk_digests(self) -> list[bytes]:
        return cut(self.chunks)


class ChunkPlace(NamedTuple):
    pack: int
    frame: int
    start: int
    length: int


_BLOB = tuple(blobs.c[name] for name in Blob.__dataclass_fields__)


def any_of(conn: sa.Connection, instance_id: int) -> bool:
    """Whether records of this instance have any."""
    return conn.execute(sa.select(blobs.c.id).where(blobs.c.instance_id == instance_id).limit(1)).first() is not None


def add(
    conn: sa.Connection, object_id: str, *, customer_id: int, instance_id: int, pack: int, size_bytes: int,
    digest: bytes, content_type: str | None, name: str | None, version: str | None, chunk_digests: Iterable[bytes],
    fetched_at: datetime | None = None,
) -> int:  # fmt: skip
    """The new blob's local number. `pack` is the one that describes it."""
    statement = sa.insert(blobs).values(
        object_id=object_id, customer_id=customer_id, instance_id=instance_id, pack=pack, size_bytes=size_bytes,
        digest=digest, content_type=content_type, name=name, version=version, chunks=b"".join(chunk_digests),
        fetched_at=fetched_at or clock.now(),
    )  # fmt: skip
    number: int = conn.execute(statement.returning(blobs.c.id)).scalar_one()
    return number


def get_many(conn: sa.Connection, numbers: Iterable[int]) -> dict[int, Blob]:
    """By local number."""
    wanted = list(set(numbers))
    found: dict[int, Blob] = {}
    for begin in range(0, len(wanted), _MANY):
        query = sa.select(*_BLOB).where(blobs.c.id.in_(wanted[begin : begin + _MANY]))
        found.update((row.id, Blob(*row)) for row in conn.execute(query))
    return found


def get(conn: sa.Connection, number: int) -> Blob:
    return get_many(conn, [number])[number]


def numbers(conn: sa.Connection, object_ids: Sequence[str]) -> dict[str, int]:
    """The local numbers of those of these blobs that the catalog knows."""
    found: dict[str, int] = {}
    for begin in range(0, len(object_ids), _MANY):
        query = sa.select(blobs.c.object_id, blobs.c.id).where(blobs.c.object_id.in_(object_ids[begin : begin + _MANY]))
        found.update((object_id, number) for object_id, number in conn.execute(query))
    return found


def set_fetched(conn: sa.Connection, number: int, moment: datetime, version: str | None = None) -> None:
    """The blob was asked for again and is the same: the recheck policy counts from here. `version`: what the source
    knows it by now."""
    values = {"fetched_at": moment} if version is None else {"fetched_at": moment, "version": version}
    conn.execute(sa.update(blobs).where(blobs.c.id == number).values(values))


def asked_before(
    conn: sa.Connection, stream: int, moment: datetime, *, after: str = "", limit: int = _MANY
) -> list[tuple[str, int | None]]:  # fmt: skip
    """(record key, scope) of current records whose blob was last asked for before that moment and that owe none,
    ascending by key, on from `after`."""
    owing = sa.exists().where(
        debts.c.stream == current.c.stream, debts.c.record_key == current.c.record_key, debts.c.kind == "blob"
    )  # fmt: skip
    query = (
        sa.select(current.c.record_key, current.c.scope)
        .join(blobs, blobs.c.id == current.c.blob)
        .where(current.c.stream == stream, current.c.record_key > after, blobs.c.fetched_at < moment, ~owing)
        .order_by(current.c.record_key)
        .limit(limit)
    )
    return [(key, scope) for key, scope in conn.execute(query)]


def oldest(conn: sa.Connection, stream: int) -> datetime | None:
    """When that blob of the current records was asked for that was asked for least lately; None: there is none."""
    query = (
        sa.select(sa.func.min(blobs.c.fetched_at))
        .join(current, current.c.blob == blobs.c.id)
        .where(current.c.stream == stream)
    )  # fmt: skip
    found: datetime | None = conn.execute(query).scalar_one()
    return found


def add_chunks(conn: sa.Connection, customer_id: int, places: Mapping[bytes, ChunkPlace]) -> None:
    """Where these chunks stand, by digest. A new place replaces the old one, whose pack may be condemned."""
    if not places:
        return
    statement = insert(conn, chunks)
    new = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["customer_id", "digest"],
            set_={"pack": new.pack, "frame": new.frame, "start": new.start, "length": new.length},
        ),
        [{"customer_id": customer_id, "digest": digest, **place._asdict()} for digest, place in places.items()],
    )


def chunk_places(
    conn: sa.Connection, customer_id: int, digests: Iterable[bytes], *, condemned: bool = True, lock: bool = False
) -> dict[bytes, ChunkPlace]:
    """Where those of these chunks stand that are stored. To share one with a new blob ask without the `condemned`:
    a chunk in a pack that prune is about to delete is stored anew. `lock` keeps them to the transaction's end."""
    wanted = list(set(digests))
    found: dict[bytes, ChunkPlace] = {}
    for begin in range(0, len(wanted), _MANY):
        query = sa.select(chunks.c.digest, chunks.c.pack, chunks.c.frame, chunks.c.start, chunks.c.length).where(
            chunks.c.customer_id == customer_id, chunks.c.digest.in_(wanted[begin : begin + _MANY])
        )
        if not condemned:
            query = query.join(packs, packs.c.id == chunks.c.pack).where(packs.c.condemned_at.is_(None))
        if lock:
            query = query.with_for_update(read=True)
        found.update((bytes(digest), ChunkPlace(*place)) for digest, *place in conn.execute(query))
    return found


def chunks_of_customer(conn: sa.Connection, customer_id: int) -> Iterator[list[tuple[int, bytes]]]:
    """(local number, its `chunks`) of all blobs of a customer, ascending, thousands at a time."""
    after = 0
    while True:
        query = (
            sa.select(blobs.c.id, blobs.c.chunks)
            .where(blobs.c.customer_id == customer_id, blobs.c.id > after)
            .order_by(blobs.c.id)
            .limit(_MANY)
        )
        rows = conn.execute(query).all()
        if not rows:
            return
        after = rows[-1].id
        yield [(row.id, bytes(row.chunks)) for row in rows]


def without_place(conn: sa.Connection, customer_id: int) -> set[bytes]:
    """The digests of chunks that a blob of the customer consists of and that are stored nowhere."""
    missing: set[bytes] = set()
    for some in chunks_of_customer(conn, customer_id):
        wanted = {digest for _, digests in some for digest in cut(digests)}
        missing |= wanted - chunk_places(conn, customer_id, wanted).keys()
    return missing


def remove(conn: sa.Connection, numbers: Sequence[int]) -> None:
    """No record has these blobs any more. Their chunks stay until prune has seen that nothing else needs them."""
    conn.execute(sa.delete(blobs).where(blobs.c.id.in_(numbers)))


def cut(digests: bytes) -> list[bytes]:
    """The digests that stand one after another in `Blob.chunks`."""
    return [digests[begin : begin + _DIGEST] for begin in range(0, len(digests), _DIGEST)]
