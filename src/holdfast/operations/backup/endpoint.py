"""One endpoint's work in one run: what its readers share, how they fail, and how they ask for a record by its id."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from holdfast.catalog import records
from holdfast.definitions.identity import split_child_key
from holdfast.errors import CredentialRefused, HoldfastError, SourceUnreachable
from holdfast.operations.backup.collecting import Collector
from holdfast.operations.backup.committing import Committer
from holdfast.operations.backup.failures import Failures
from holdfast.operations.backup.parents import fields_of, place_of
from holdfast.operations.backup.state import Listing, RunContext, Stream
from holdfast.operations.backup.writing import RunWriter
from holdfast.sources.page import Page
from holdfast.sources.source import Source

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """What all endpoint readers of a run share. `permits` bounds the listings and downloads under way."""

    context: RunContext
    source: Source
    writer: RunWriter
    committer: Committer
    collector: Collector
    failures: Failures
    permits: asyncio.Semaphore


class EndpointWork:
    """What those who read one endpoint work with."""

    def __init__(self, reading: Reading, stream: Stream) -> None:
        self.reading = reading
        self.stream = stream
        self.source = reading.source
        self.committer = reading.committer
        self.collector = reading.collector
        self.has_failed = False

    @property
    def name(self) -> str:
        return self.stream.name

    @property
    def is_stopped(self) -> bool:
        return self.reading.failures.stopped_by is not None

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Call the committer in its thread."""
        return await self.collector.run(partial(work, *arguments))

    def fail(self, listing: Listing, error: HoldfastError, *, record_id: str | None = None) -> None:
        """Record what went wrong with a listing, or with one record of it; after some errors nothing more is read."""
        self.has_failed = True
        failures = self.reading.failures
        page = None if record_id is not None else listing.page_number + 1
        failures.add(error, listing=listing, page=page, record_id=record_id)
        if isinstance(error, CredentialRefused | SourceUnreachable):
            failures.stop_reading(error)

    def record_failure(self, code: str, message: str, listing: Listing) -> None:
        self.has_failed = True
        self.reading.failures.record(code, message, listing=listing)

    async def ask(self, listing: Listing, key: str, *, heeds_skips: bool = False) -> bytes | None:
        """The record as the source has it now, asked for with what is known of it; None where it says that it is gone.

        Raises SourceError.
        """
        stored = await asyncio.to_thread(self._stored, key)
        if stored is None:
            fields = self.source.fields_of_id(self.name, self._id_of(listing, key))
        else:
            fields = dict(fields_of(stored))
        return await self.source.record(self.name, listing.parent, fields, heeds_skips=heeds_skips)

    async def take(self, listing: Listing, key: str, raw: bytes) -> None:
        """Commit a record that was asked for by id; the listing stands where it stood."""
        await self.collector.add(
            listing,
            Page(
                number=listing.page_number, raws=[raw], ids=[self._id_of(listing, key)], deleted=None, cursor=None,
                next=None, body_bytes=len(raw), requests=1, is_part=True,
            ),
        )  # fmt: skip

    @property
    def can_ask(self) -> bool:
        """Whether the definition says where a single record is."""
        return self.stream.endpoint.record_path is not None or self.stream.endpoint.detail is not None

    def _stored(self, key: str) -> bytes | None:
        context = self.reading.context
        with context.services.database.read() as connection:
            row = records.lookup(connection, self.stream.id, [key]).get(key)
        return None if row is None else context.customer.read(place_of(context, row))

    @staticmethod
    def _id_of(listing: Listing, key: str) -> str:
        return split_child_key(key)[1] if listing.key_prefix else key
