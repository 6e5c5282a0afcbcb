"""Records and blobs, and where their bytes stand in the vault. The big tables."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from holdfast.catalog.columns import Id, Message, RecordKey, Time
from holdfast.catalog.schema.parts import local_id, metadata


def _place() -> tuple[Column[int], ...]:
    return (
        Column("pack", Id, nullable=False),
        Column("frame", Integer, nullable=False),
        Column("start", Integer, nullable=False),
        Column("length", Integer, nullable=False),
    )


packs = Table(
    "packs", metadata, local_id(),
    Column("object_id", Text, nullable=False, unique=True),
    Column("customer_id", BigInteger, nullable=False, index=True),  # 0: the installation's
    Column("instance_id", BigInteger, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("raw_bytes", BigInteger, nullable=False),  # what its frames hold once decoded
    Column("contents_only", Boolean, nullable=False),  # its record versions no longer apply, its chunks and blobs do
    Column("condemned_at", Time),  # prune is emptying it: nothing new may rely on it
    Column("deleting_at", Time),  # nothing relies on it any more
    Index("ix_packs_run_id_batch", "run_id", "batch"),
    Index("ix_packs_instance_id_sequence", "instance_id", "sequence"),
    # A pack that was pruned keeps its number, so that no row can ever mean another one's bytes.
    sqlite_autoincrement=True,
)  # fmt: skip

pack_references = Table(
    # Which packs have record versions whose bytes stand in which others.
    "pack_references", metadata,
    Column("pack", Id, primary_key=True, autoincrement=False),
    Column("target", Id, primary_key=True, autoincrement=False),
    Index("ix_pack_references_target", "target"),
    sqlite_with_rowid=False,
)  # fmt: skip

current = Table(
    "current", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("record_key", RecordKey, primary_key=True),
    Column("scope", Id),
    Column("slot", BigInteger, nullable=False),
    Column("run_from", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("compare", LargeBinary),
    Column("shape", BigInteger, nullable=False),
    *_place(),
    Column("blob", Id),
    sqlite_with_rowid=False, postgresql_partition_by="HASH (stream)",
)  # fmt: skip

history = Table(
    "history", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("record_key", RecordKey, primary_key=True),
    Column("run_from", Integer, primary_key=True, autoincrement=False),
    Column("run_to", Integer, nullable=False),
    Column("scope", Id),
    Column("digest", LargeBinary, nullable=False),
    *_place(),
    Column("blob", Id),
    sqlite_with_rowid=False, postgresql_partition_by="HASH (stream)",
)  # fmt: skip

changes = Table(
    # One row for each record that a run after the stream's first one wrote or deleted: what two backups differ in costs
    # what has changed, and an unchanged record costs nothing here.
    "changes", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("record_key", RecordKey, primary_key=True),
    sqlite_with_rowid=False,
)  # fmt: skip

blobs = Table(
    "blobs", metadata, local_id(),
    Column("object_id", Text, nullable=False, unique=True),
    Column("customer_id", BigInteger, nullable=False),
    Column("instance_id", BigInteger, nullable=False),  # whose records have it; chunks are shared, blobs are not
    Column("pack", Id, nullable=False),  # the one that describes it
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("content_type", Message),
    Column("name", Message),
    Column("version", Message),
    Column("fetched_at", Time, nullable=False),
    Column("chunks", LargeBinary, nullable=False),  # their digests, 16 bytes each, in order
    Index("ix_blobs_customer_id_id", "customer_id", "id"),
    Index("ix_blobs_instance_id_id", "instance_id", "id"),
    Index("ix_blobs_pack", "pack"),
    sqlite_autoincrement=True,
)  # fmt: skip

partial_blobs = Table(
    "partial_blobs", metadata,
    Column("stream", Id, ForeignKey("endpoint_streams.id"), primary_key=True),
    Column("record_key", RecordKey, primary_key=True),
    Column("etag", Message, nullable=False),
    Column("modified", Message, nullable=False),
    Column("size_bytes", BigInteger),
    Column("chunks", LargeBinary, nullable=False),  # the digests of those that are stored, from the beginning on
    sqlite_with_rowid=False,
)  # fmt: skip

chunks = Table(
    "chunks", metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, primary_key=True),
    *_place(),
    Index("ix_chunks_pack", "pack"),
    sqlite_with_rowid=False,
)  # fmt: skip
