"""Makes downloaded blobs durable: their chunks in a pack, and themselves attached to their records' newest versions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from holdfast.catalog import blobs as catalog_blobs
from holdfast.catalog import debts, records, skips
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.debts import Debt, Kind
from holdfast.catalog.records import CurrentRow
from holdfast.catalog.skips import Skip
from holdfast.errors import HoldfastError
from holdfast.operations.backup.parents import place_of
from holdfast.operations.backup.state import Stream
from holdfast.operations.backup.writing import RunWriter
from holdfast.vault import BlobDescriptor


class _ChunkGone(Exception):
    """Prune has taken away a chunk that a blob of this batch was to share."""


@dataclass(frozen=True)
class FetchedChunk:
    """A piece of a blob that the customer's vault does not hold yet."""

    digest: bytes
    data: bytes


@dataclass(frozen=True)
class FetchedBlob:
    """A blob that was read to its end; its chunks are in the vault or in the same batch."""

    stream: Stream
    key: str
    parent_key: str
    descriptor: BlobDescriptor


class BlobCommitter:
    """Commits blobs and what is owed of them. Not thread-safe: call it in the collector's thread."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._context = writer.context
        self._database = writer.database

    def commit_blobs(self, found: Sequence[FetchedChunk], finished: Sequence[FetchedBlob]) -> None:
        """Store chunks, and attach finished blobs to their records' newest versions.

        A blob one of whose chunks prune has taken away since it was found in the vault stays owed: it is read again.
        """
        while True:
            usable = self._usable(found, finished)
            try:
                self._commit_blobs(found, usable)
                return
            except _ChunkGone:
                continue

    def _usable(self, found: Sequence[FetchedChunk], finished: Sequence[FetchedBlob]) -> list[FetchedBlob]:
        """The blobs all of whose chunks are in the vault to stay, or in this batch."""
        at_hand = {chunk.digest for chunk in found}
        wanted = {digest for blob in finished for digest in blob.descriptor.chunks} - at_hand
        with self._database.read() as connection:
            stored = catalog_blobs.chunk_places(
                connection, self._context.customer.customer_id, wanted, condemned=False
            )  # fmt: skip
        return [blob for blob in finished if all(one in at_hand or one in stored for one in blob.descriptor.chunks)]

    def _commit_blobs(self, found: Sequence[FetchedChunk], finished: Sequence[FetchedBlob]) -> None:
        context = self._context
        customer_id = context.customer.customer_id
        writer = self._writer.pack_writer()
        places = {chunk.digest: writer.add_chunk(chunk.digest, chunk.data) for chunk in found}
        attached: list[tuple[FetchedBlob, CurrentRow]] = []
        with self._database.read() as connection:
            for blob in finished:
                row = records.lookup(connection, blob.stream.id, [blob.key]).get(blob.key)
                if row is not None:
                    attached.append((blob, row))
        for blob, row in attached:
            writer.add_blob(blob.descriptor)
            writer.add_reference(
                blob.stream.name, blob.key, row.digest, row.compare, place_of(context, row), blob.descriptor.id,
                blob.parent_key,
            )  # fmt: skip
        pack = self._writer.put(writer)
        with self._writer.transaction() as connection:
            shared = {digest for blob, _ in attached for digest in blob.descriptor.chunks if digest not in places}
            stored = catalog_blobs.chunk_places(connection, customer_id, shared, condemned=False, lock=True)
            if len(stored) < len(shared):
                raise _ChunkGone
            pack_number = self._writer.register(connection, pack, "blobs", [row.pack for _, row in attached])
            if pack_number is not None:
                chunk_places = {digest: ChunkPlace(pack_number, *place) for digest, place in places.items()}
                catalog_blobs.add_chunks(connection, customer_id, chunk_places)
                for blob, row in attached:
                    self._attach(connection, blob, row, pack_number)
            for blob in finished:
                debts.settle(connection, blob.stream.id, "blob", [blob.key])
            self._writer.save_streams(connection, list({blob.stream.id: blob.stream for blob in finished}.values()))

    def defer(self, debt: Debt, error: HoldfastError) -> None:
        """Note that a debt could not be paid in this run either."""
        tried = replace(debt, cause=error.code, message=str(error), attempts=1, last_run=self._context.sequence)
        with self._writer.transaction() as connection:
            debts.put(connection, [tried])

    def forgive(self, stream: Stream, key: str, kind: Kind) -> None:
        """Drop a debt whose record is gone or no longer has a blob."""
        with self._writer.transaction() as connection:
            debts.settle(connection, stream.id, kind, [key])

    def skip_blob(self, stream: Stream, key: str, code: str, message: str) -> None:
        """Keep that a record's blob is never to be had, and why."""
        stream.counts.absent += 1
        with self._writer.transaction() as connection:
            skips.put(connection, self._context.run_id, [Skip(stream.id, "", key, code, message)])
            debts.settle(connection, stream.id, "blob", [key])
            self._writer.save_streams(connection, [stream])

    def _attach(self, connection: Connection, blob: FetchedBlob, row: CurrentRow, pack: int) -> None:
        stream, sequence = blob.stream, self._context.sequence
        described = blob.descriptor
        number = catalog_blobs.add(
            connection, described.id, customer_id=self._context.customer.customer_id,
            instance_id=self._context.instance_id, pack=pack, size_bytes=described.size_bytes,
            digest=described.digest, content_type=described.content_type, name=described.name,
            version=described.version, chunk_digests=described.chunks,
        )  # fmt: skip
        attached = row._replace(run_from=sequence, blob=number)
        records.replace(connection, stream.id, sequence, [attached])
        self._writer.sum(connection, stream, added=[attached], removed=[row])
        stream.counts.blobs += 1
        stream.counts.blob_bytes += blob.descriptor.size_bytes
