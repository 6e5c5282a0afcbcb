"""Makes downloaded blobs durable: their chunks in a pack, and themselves attached to their records' newest versions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from holdfast.catalog import blobs as catalog_blobs
from holdfast.catalog import debts, partial_blobs, records, skips
from holdfast.catalog import streams as catalog_streams
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.debts import Debt, Kind
from holdfast.catalog.partial_blobs import PartialBlob
from holdfast.catalog.records import CurrentRow
from holdfast.catalog.skips import Skip
from holdfast.clock import now
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


@dataclass(frozen=True)
class SameBlob:
    """A record's stored blob, asked for again: it is the same."""

    stream: Stream
    key: str
    number: int
    version: str | None = None
    """What the source knows it by now; None: what it knew it by."""


class BlobCommitter:
    """Commits blobs and what is owed of them. Not thread-safe: call it in the collector's thread."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._context = writer.context
        self._database = writer.database

    def commit_blobs(
        self, found: Sequence[FetchedChunk], finished: Sequence[FetchedBlob], same: Sequence[SameBlob] = (),
        begun: Sequence[PartialBlob] = (),
    ) -> None:  # fmt: skip
        """Store chunks, attach finished blobs to their records' newest versions, note those that are the same, and how
        far those are that are under way.

        A blob one of whose chunks prune has taken away since it was found in the vault stays owed: it is read again.
        """
        while True:
            usable = self._usable(found, finished)
            try:
                self._commit_blobs(found, usable, same, begun)
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

    def _commit_blobs(
        self, found: Sequence[FetchedChunk], finished: Sequence[FetchedBlob], same: Sequence[SameBlob],
        begun: Sequence[PartialBlob],
    ) -> None:  # fmt: skip
        context = self._context
        customer_id = context.customer.customer_id
        writer = self._writer.pack_writer()
        places = {chunk.digest: writer.add_chunk(chunk.digest, chunk.data) for chunk in found}
        attached: list[tuple[FetchedBlob, CurrentRow]] = []
        kept = list(same)
        with self._database.read() as connection:
            for blob in finished:
                row = records.lookup(connection, blob.stream.id, [blob.key]).get(blob.key)
                if row is None:
                    continue
                old = None if row.blob is None else catalog_blobs.get(connection, row.blob)
                if old is not None and old.digest == blob.descriptor.digest:
                    kept.append(SameBlob(blob.stream, blob.key, old.id, blob.descriptor.version))
                else:
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
            for one in kept:
                catalog_blobs.set_fetched(connection, one.number, now(), one.version)
            ended = [(blob.stream, blob.key) for blob in finished] + [(one.stream, one.key) for one in same]
            for stream, key in ended:
                debts.settle(connection, stream.id, "blob", [key])
                partial_blobs.remove(connection, stream.id, [key])
            partial_blobs.put(connection, begun)
            self._writer.save_streams(connection, list({stream.id: stream for stream, _ in ended}.values()))

    def owe(self, stream: Stream, due: Sequence[tuple[str, int | None]]) -> None:
        """Let these records, by key and scope, owe their blobs: they are to be asked for again."""
        sequence = self._context.sequence
        with self._writer.transaction() as connection:
            debts.put(
                connection,
                [Debt(stream.id, key, "blob", scope, debts.PENDING, "", 0, sequence, sequence) for key, scope in due],
            )

    def note_declaration(self, stream: Stream, declared: str) -> None:
        """Keep what the definition says of the stream's blobs, now that everything owes what that means."""
        with self._writer.transaction() as connection:
            catalog_streams.set_blob_declaration(connection, stream.id, declared)

    def note_oldest(self, stream: Stream) -> None:
        """Keep when the stream's oldest blob was asked for: before it is due nothing has to be looked for."""
        with self._writer.transaction() as connection:
            oldest = catalog_blobs.oldest(connection, stream.id)
            catalog_streams.set_oldest_blob_at(connection, stream.id, oldest or now())

    def forget_begun(self, stream: Stream, keys: Sequence[str]) -> None:
        """There is nothing of these blobs' downloads to go on with."""
        with self._writer.transaction() as connection:
            for key in keys:
                partial_blobs.remove(connection, stream.id, [key])

    def defer(self, debt: Debt, error: HoldfastError) -> None:
        """Note that a debt could not be paid in this run either."""
        tried = replace(debt, cause=error.code, message=error.in_full, attempts=1, last_run=self._context.sequence)
        with self._writer.transaction() as connection:
            debts.put(connection, [tried])

    def forgive(self, stream: Stream, key: str, kind: Kind) -> None:
        """Drop a debt whose record is gone or no longer has a blob."""
        with self._writer.transaction() as connection:
            debts.settle(connection, stream.id, kind, [key])
            partial_blobs.remove(connection, stream.id, [key])

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
