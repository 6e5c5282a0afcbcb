"""Downloads the blobs that records owe: in pieces, cut by content, each piece stored once for the customer.

A record whose blob is wanted leaves a debt when it is committed; the blob's commit settles it. So a crash forgets no
blob, and one that could not be had is asked for again in every run. What `recheck` wants to be asked for again
leaves a debt as well. A large blob's download goes on after a crash where its stored chunks end.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from holdfast import tracing
from holdfast.catalog import blobs as catalog_blobs
from holdfast.catalog import debts, partial_blobs, records, scopes, streams
from holdfast.catalog.blobs import Blob
from holdfast.catalog.debts import Debt
from holdfast.catalog.partial_blobs import PartialBlob
from holdfast.clock import now
from holdfast.errors import CredentialRefused, Damaged, NotFound, ObjectMissing, SourceError
from holdfast.ids import new_object_id
from holdfast.operations.backup.attaching import BlobCommitter, FetchedBlob, FetchedChunk, SameBlob
from holdfast.operations.backup.endpoint import Reading
from holdfast.operations.backup.parents import Parents, fields_of, place_of
from holdfast.operations.backup.state import Stream
from holdfast.sources.blobs import BlobChanged, BlobMark
from holdfast.sources.checksums import Checksum, ChecksumDiffers
from holdfast.sources.inline import BlobStream
from holdfast.sources.page import Parent, Skipped
from holdfast.vault import BlobDescriptor, Place, digests
from holdfast.vault.blobs import Chunker

_DEBTS_AT_ONCE = 200
_DUE_AT_ONCE = 1_000
_COMMIT_BYTES = 16 * 1024 * 1024
"""Chunks gathered before they are committed: bounds memory and the size of a pack."""


@dataclass
class _Download:
    """A blob under way: the chunks that are cut off it so far."""

    key: str
    stream: BlobStream
    checksum: Checksum | None
    """What the record announces, fed with all bytes so far."""
    digests: list[bytes] = field(default_factory=list)
    size_bytes: int = 0

    def as_partial(self, stream: int) -> PartialBlob | None:
        """How far it is, for whoever goes on after a crash; None: it would have to begin anew."""
        mark = self.stream.mark
        if mark is None or not self.digests:
            return None
        return PartialBlob(stream, self.key, mark.etag, mark.modified, mark.size, b"".join(self.digests))


class BlobFetcher:
    """Pays one stream's blob debts."""

    def __init__(self, reading: Reading, stream: Stream, parents: Parents) -> None:
        self._reading = reading
        self._context = reading.context
        self._committer = BlobCommitter(reading.writer)
        self._stream = stream
        self._parents = parents
        self._chunks: dict[bytes, bytes] = {}
        self._bytes = 0
        self._finished: list[FetchedBlob] = []
        self._same: list[SameBlob] = []
        self._under_way: dict[str, _Download] = {}
        self._begun: dict[str, PartialBlob] = {}
        """By key, what an earlier process has begun to download."""
        self._committed_at = 0.0
        self._committing = asyncio.Lock()

    async def fetch_owed(self) -> None:
        """Try every debt that this run has not tried yet, once, then what is to be asked for again. What fails stays
        owed and fails the run."""
        self._committed_at = asyncio.get_running_loop().time()
        with self._context.services.database.read() as connection:
            self._begun = partial_blobs.of_stream(connection, self._stream.id)
        await self._pay_all()
        if self._begun and self._reading.failures.stopped_by is None:
            # Nobody owes them any more: their records are gone.
            await self._reading.collector.run(partial(self._committer.forget_begun, self._stream, list(self._begun)))
        blob = self._stream.endpoint.blob
        # What stands in the record itself changes with the record.
        if blob is not None and blob.recheck is not None and (blob.inline is None or blob.lookup is not None):
            await self._ask_again(blob.recheck)

    async def _pay_all(self) -> None:
        permits = self._reading.permits
        while self._reading.failures.stopped_by is None and (owed := await asyncio.to_thread(self._owed)):
            async with asyncio.TaskGroup() as group:
                for debt in owed:
                    await permits.acquire()
                    group.create_task(self._pay(debt)).add_done_callback(lambda _: permits.release())
            await self._commit()

    async def _ask_again(self, recheck: timedelta) -> None:
        """Let those blobs be owed that were last asked for so long ago, and pay them."""
        database, stream, run = self._context.services.database, self._stream, self._reading.collector.run
        before = now() - recheck
        with database.read() as connection:
            oldest = streams.oldest_blob_at(connection, stream.id)
        if oldest is not None and oldest >= before:
            return
        after = ""
        while self._reading.failures.stopped_by is None:
            with database.read() as connection:
                due = catalog_blobs.asked_before(connection, stream.id, before, after=after, limit=_DUE_AT_ONCE)
            if not due:
                await run(partial(self._committer.note_oldest, stream))
                return
            await run(partial(self._committer.owe, stream, due))
            await self._pay_all()
            after = due[-1][0]

    def _owed(self) -> list[Debt]:
        with self._context.services.database.read() as connection:
            return debts.untried(connection, self._stream.id, "blob", self._context.sequence, _DEBTS_AT_ONCE)

    async def _pay(self, debt: Debt) -> None:
        committer, run = self._committer, self._reading.collector.run
        try:
            parent, fields, stored = await asyncio.to_thread(self._record, debt.record_key)
            with tracing.span("blob", endpoint=self._stream.name, record=debt.record_key):
                await self._fetch(debt.record_key, parent, fields, stored)
        except NotFound:  # the record, its parent or its blob's URL has gone since the debt was made
            await run(partial(committer.forgive, self._stream, debt.record_key, "blob"))
        except Skipped as skipped:
            await run(partial(committer.skip_blob, self._stream, debt.record_key, skipped.code, str(skipped)))
        except (Damaged, ObjectMissing) as error:  # the record itself is lost: nobody knows where its blob is
            await run(partial(committer.defer, debt, error))
        except SourceError as error:
            await run(partial(committer.defer, debt, error))
            if isinstance(error, CredentialRefused):
                self._reading.failures.add(error, endpoint=self._stream.name, record_id=debt.record_key)
                self._reading.failures.stop_reading(error)

    def _record(self, key: str) -> tuple[Parent | None, Mapping[str, Any], Blob | None]:
        """The record that owes the blob, its parent, and the blob it has. Raises NotFound where the record has gone."""
        with self._context.services.database.read() as connection:
            row = records.lookup(connection, self._stream.id, [key]).get(key)
            if row is None:
                raise NotFound(f"{self._stream.name} has no record {key}")
            place = place_of(self._context, row)
            stored = None if row.blob is None else catalog_blobs.get(connection, row.blob)
            if stored is not None and not self._is_whole(connection, stored):
                stored = None
            parent_key = "" if row.scope is None else scopes.get(connection, row.scope).parent_key
        parent = self._parents.get(parent_key) if self._parents else None
        return parent, fields_of(self._context.customer.read(place)), stored

    def _is_whole(self, connection: Connection, blob: Blob) -> bool:
        """Whether all its chunks are stored: what was lost is to be sent again, although it has not changed."""
        wanted = catalog_blobs.cut(blob.chunks)
        return len(catalog_blobs.chunk_places(connection, self._context.customer.customer_id, wanted)) == len(
            set(wanted)
        )

    async def _fetch(
        self, key: str, parent: Parent | None, fields: Mapping[str, Any], stored: Blob | None
    ) -> None:  # fmt: skip
        source, name = self._reading.source, self._stream.name
        reference = source.blob_reference(name, parent, fields)
        if reference is None:
            raise NotFound(f"{name} {key} has no blob any more")
        host = reference.host
        blob_declared = self._stream.endpoint.blob
        is_by_http = blob_declared is not None and not blob_declared.version
        known = stored.version if stored is not None and is_by_http else None
        announced = reference.checksum
        if key in self._begun:
            checksum = Checksum(announced) if announced else None
            begun = await asyncio.to_thread(self._again, self._begun.pop(key), checksum)
            if begun is not None:
                there, content, size_bytes, mark = begun
                blob = source.blob(name, parent, fields, resume=(size_bytes, mark))
                download = _Download(key, blob, checksum, there, size_bytes)
                try:
                    await self._download(key, parent, blob, host, content, download)
                    return
                except (BlobChanged, ChecksumDiffers):
                    await self._reading.collector.run(partial(self._committer.forget_begun, self._stream, [key]))
        blob = source.blob(name, parent, fields, known=known)
        content = digests.blob_digest(self._context.customer.blob_key)
        download = _Download(key, blob, Checksum(announced) if announced else None)
        await self._download(key, parent, blob, host, content, download, stored)

    def _again(
        self, begun: PartialBlob, checksum: Checksum | None
    ) -> tuple[list[bytes], Any, int, BlobMark] | None:  # fmt: skip
        """What an earlier process has stored of a blob: its chunks, the digest over them, their size, and the source's
        mark; `checksum` is fed with it. None: not all of it is there any more."""
        customer = self._context.customer
        wanted = begun.chunk_digests
        with self._context.services.database.read() as connection:
            places = catalog_blobs.chunk_places(connection, customer.customer_id, wanted, condemned=False)
        if any(digest not in places for digest in wanted):
            return None
        content = digests.blob_digest(customer.blob_key)
        size_bytes = 0
        for digest in wanted:
            place = places[digest]
            pack = self._context.packs.name(place.pack)
            chunk = customer.read(Place(pack, place.frame, place.start, place.length))
            content.update(chunk)
            if checksum is not None:
                checksum.update(chunk)
            size_bytes += place.length
        return wanted, content, size_bytes, BlobMark(begun.etag, begun.modified, begun.size_bytes)

    async def _download(
        self, key: str, parent: Parent | None, stream: BlobStream, host: str | None, content: Any, download: _Download,
        stored: Blob | None = None,
    ) -> None:  # fmt: skip
        """Read a blob to its end; `content` is the digest over what `download` has of it already."""
        chunker = Chunker()
        try:
            async with stream as blob:
                if blob.unchanged and stored is not None:
                    self._same.append(SameBlob(self._stream, key, stored.id))
                    return
                self._under_way[key] = download
                async for piece in blob:
                    download.size_bytes += len(piece)
                    content.update(piece)
                    if download.checksum is not None:
                        download.checksum.update(piece)
                    for chunk in chunker.feed(piece):
                        download.digests.append(await self._keep(chunk))
                if download.checksum is not None:
                    download.checksum.verify(f"endpoint {self._stream.name}, the blob of record {key}")
                for chunk in chunker.finish():
                    download.digests.append(await self._keep(chunk))
                descriptor = BlobDescriptor(
                    id=new_object_id(),
                    size_bytes=download.size_bytes,
                    digest=content.digest(),
                    chunks=tuple(download.digests),
                    content_type=blob.content_type,
                    name=blob.name,
                    version=blob.version,
                    host=host,
                )
        finally:
            self._under_way.pop(key, None)
            self._stream.counts.requests += stream.requests
        self._finished.append(FetchedBlob(self._stream, key, "" if parent is None else parent.key, descriptor))
        if self._is_due():
            await self._commit()

    async def _keep(self, chunk: bytes) -> bytes:
        """Store a chunk unless the customer's vault holds it; answers its digest."""
        digest = digests.content_digest(self._context.customer.chunk_key, chunk)
        if digest not in self._chunks and not await asyncio.to_thread(self._is_stored, digest):
            if digest not in self._chunks:
                self._chunks[digest] = chunk
                self._bytes += len(chunk)
            if self._bytes >= _COMMIT_BYTES or self._is_due():
                await self._commit()
        return digest

    def _is_due(self) -> bool:
        """Whether a crash would repeat more seconds of downloading than it may."""
        elapsed = asyncio.get_running_loop().time() - self._committed_at
        return elapsed >= self._context.services.settings.checkpoint_seconds

    def _is_stored(self, digest: bytes) -> bool:
        with self._context.services.database.read() as connection:
            customer_id = self._context.customer.customer_id
            return bool(catalog_blobs.chunk_places(connection, customer_id, [digest], condemned=False))

    async def _commit(self) -> None:
        async with self._committing:
            self._committed_at = asyncio.get_running_loop().time()
            found = [FetchedChunk(digest, data) for digest, data in self._chunks.items()]
            finished, self._finished = self._finished, []
            same, self._same = self._same, []
            if not found and not finished and not same:
                return
            begun = [one for each in self._under_way.values() if (one := each.as_partial(self._stream.id)) is not None]
            await self._reading.collector.run(partial(self._committer.commit_blobs, found, finished, same, begun))
            for chunk in found:
                del self._chunks[chunk.digest]
                self._bytes -= len(chunk.data)
