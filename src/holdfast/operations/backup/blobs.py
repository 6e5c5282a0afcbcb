"""Downloads the blobs that records owe: in pieces, cut by content, each piece stored once for the customer.

A record whose blob is wanted leaves a debt when it is committed; the blob's commit settles it. So a crash forgets no
blob, and one that could not be had is asked for again in every run.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from holdfast.catalog import blobs as catalog_blobs
from holdfast.catalog import debts, records, scopes
from holdfast.catalog.debts import Debt
from holdfast.errors import CredentialRefused, NotFound, SourceError
from holdfast.ids import new_object_id
from holdfast.operations.backup.attaching import BlobCommitter, FetchedBlob, FetchedChunk
from holdfast.operations.backup.endpoint import Reading
from holdfast.operations.backup.parents import Parents, fields_of, place_of
from holdfast.operations.backup.state import Stream
from holdfast.sources.page import Parent, Skipped
from holdfast.vault import BlobDescriptor, digests
from holdfast.vault.blobs import Chunker

_DEBTS_AT_ONCE = 200
_COMMIT_BYTES = 16 * 1024 * 1024
"""Chunks gathered before they are committed: bounds memory and the size of a pack."""


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
        self._committed_at = 0.0
        self._committing = asyncio.Lock()

    async def fetch_owed(self) -> None:
        """Try every debt that this run has not tried yet, once. What fails stays owed and fails the run."""
        permits = self._reading.permits
        self._committed_at = asyncio.get_running_loop().time()
        while self._reading.failures.stopped_by is None and (owed := await asyncio.to_thread(self._owed)):
            async with asyncio.TaskGroup() as group:
                for debt in owed:
                    await permits.acquire()
                    group.create_task(self._pay(debt)).add_done_callback(lambda _: permits.release())
            await self._commit()

    def _owed(self) -> list[Debt]:
        with self._context.services.database.read() as connection:
            return debts.untried(connection, self._stream.id, "blob", self._context.sequence, _DEBTS_AT_ONCE)

    async def _pay(self, debt: Debt) -> None:
        committer, run = self._committer, self._reading.collector.run
        try:
            parent, fields = await asyncio.to_thread(self._record, debt.record_key)
            await self._download(debt.record_key, parent, fields)
        except NotFound:  # the record, its parent or its blob's URL has gone since the debt was made
            await run(partial(committer.forgive, self._stream, debt.record_key, "blob"))
        except Skipped as skipped:
            await run(partial(committer.skip_blob, self._stream, debt.record_key, skipped.code, str(skipped)))
        except SourceError as error:
            await run(partial(committer.defer, debt, error))
            if isinstance(error, CredentialRefused):
                self._reading.failures.add(error, endpoint=self._stream.name, record_id=debt.record_key)
                self._reading.failures.stop_reading(error)

    def _record(self, key: str) -> tuple[Parent | None, Mapping[str, Any]]:
        """The record that owes the blob, and its parent. Raises NotFound where either has gone meanwhile."""
        with self._context.services.database.read() as connection:
            row = records.lookup(connection, self._stream.id, [key]).get(key)
            if row is None:
                raise NotFound(f"{self._stream.name} has no record {key}")
            place = place_of(self._context, row)
            parent_key = "" if row.scope is None else scopes.get(connection, row.scope).parent_key
        parent = self._parents.get(parent_key) if self._parents else None
        return parent, fields_of(self._context.customer.read(place))

    async def _download(self, key: str, parent: Parent | None, fields: Mapping[str, Any]) -> None:
        customer, source, name = self._context.customer, self._reading.source, self._stream.name
        reference = source.blob_reference(name, parent, fields)
        if reference is None:
            raise NotFound(f"{name} {key} has no blob any more")
        content = digests.blob_digest(customer.blob_key)
        chunker = Chunker()
        chunk_digests: list[bytes] = []
        size_bytes = 0
        async with source.blob(name, parent, fields) as blob:
            async for piece in blob:
                size_bytes += len(piece)
                content.update(piece)
                chunk_digests += [await self._keep(chunk) for chunk in chunker.feed(piece)]
            chunk_digests += [await self._keep(chunk) for chunk in chunker.finish()]
            descriptor = BlobDescriptor(
                id=new_object_id(),
                size_bytes=size_bytes,
                digest=content.digest(),
                chunks=tuple(chunk_digests),
                content_type=blob.content_type,
                name=blob.name,
                version=blob.version,
                host=urlsplit(reference.url).hostname,
            )
            self._stream.counts.requests += blob.requests
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
            if not found and not finished:
                return
            await self._reading.collector.run(partial(self._committer.commit_blobs, found, finished))
            for chunk in found:
                del self._chunks[chunk.digest]
                self._bytes -= len(chunk.data)
