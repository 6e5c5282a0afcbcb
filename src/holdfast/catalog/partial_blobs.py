"""Downloads of large blobs that have not ended: which chunks of them are stored, and what the rest is asked for by.

Whoever goes on after a crash asks for the rest only. The chunks may have been pruned meanwhile: look before you build
on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from holdfast.catalog.blobs import cut
from holdfast.catalog.schema import partial_blobs
from holdfast.catalog.upsert import insert


@dataclass(frozen=True, slots=True)
class PartialBlob:
    stream: int
    record_key: str
    etag: str
    """As the source sent it; empty: it sent none."""
    modified: str
    size_bytes: int | None
    """Of the whole, as the source announced it; None: it did not."""
    chunks: bytes
    """The digests of the chunks from the blob's beginning on, as in `blobs.Blob`."""

    @property
    def chunk_digests(self) -> list[bytes]:
        return cut(self.chunks)


_NAMES = tuple(PartialBlob.__dataclass_fields__)


def put(conn: sa.Connection, rows: Sequence[PartialBlob]) -> None:
    """How far these downloads are, in place of how far they were."""
    if not rows:
        return
    statement = insert(conn, partial_blobs)
    changed = {name: statement.excluded[name] for name in _NAMES[2:]}
    conn.execute(
        statement.on_conflict_do_update(index_elements=["stream", "record_key"], set_=changed),
        [{name: getattr(row, name) for name in _NAMES} for row in rows],
    )


def of_stream(conn: sa.Connection, stream: int) -> dict[str, PartialBlob]:
    """By record key."""
    query = sa.select(*(partial_blobs.c[name] for name in _NAMES)).where(partial_blobs.c.stream == stream)
    return {row.record_key: PartialBlob(*row) for row in conn.execute(query)}


def remove(conn: sa.Connection, stream: int, record_keys: Sequence[str]) -> None:
    """These downloads have ended, or there is nothing to go on with."""
    if record_keys:
        conn.execute(
            sa.delete(partial_blobs).where(
                partial_blobs.c.stream == stream, partial_blobs.c.record_key.in_(record_keys)
            )
        )
