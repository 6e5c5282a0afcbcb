"""Reads one endpoint: opens its scopes, lists them side by side, and settles what the listings did not show.

What goes wrong with one scope fails that scope and the run, and leaves the others alone; a refused credential or a host
that does not answer stops all reading, since every further request would end the same way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from holdfast.catalog import records
from holdfast.definitions.identity import split_child_key
from holdfast.errors import CredentialRefused, HoldfastError, PositionExpired, SourceError, SourceUnreachable
from holdfast.operations.backup import absence
from holdfast.operations.backup.absence import Absence
from holdfast.operations.backup.collecting import Collector
from holdfast.operations.backup.committing import Committer
from holdfast.operations.backup.failures import Failures
from holdfast.operations.backup.parents import ParentRecord, Parents, fields_of, place_of
from holdfast.operations.backup.state import Listing, RunContext, Stream
from holdfast.sources.cursors import greatest
from holdfast.sources.page import CursorExpired, Page, Parent, Skipped
from holdfast.sources.source import Source

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """What all endpoint readers of a run share. `permits` bounds the listings and downloads under way."""

    context: RunContext
    source: Source
    committer: Committer
    collector: Collector
    failures: Failures
    permits: asyncio.Semaphore


class EndpointReader:
    """Reads one endpoint in one run."""

    def __init__(self, reading: Reading, stream: Stream, parents: Parents) -> None:
        self._reading = reading
        self._stream = stream
        self._parents = parents
        self._ended: list[Listing] = []
        self._prune_at = 1_000
        self._has_failed = False

    async def read(self) -> None:
        """Read the endpoint to its end. Afterwards everything is committed and the stream's outcome stands."""
        reading = self._reading
        # Of these an earlier process of the run has counted what is counted again now.
        self._stream.counts.skipped = self._stream.counts.held = 0
        global_id = self._stream.endpoint.global_id
        if self._parents and not global_id:
            await self._run(reading.committer.delete_orphans, self._stream, self._parents)
        async with asyncio.TaskGroup() as group:
            async for listing in self._listings():
                await reading.permits.acquire()
                task = group.create_task(self._list(listing))
                task.add_done_callback(lambda _: reading.permits.release())
        await reading.collector.flush()
        await self._settle([listing for listing in self._ended if not listing.settled])
        if self._parents and global_id:
            await self._run(reading.committer.delete_orphans, self._stream, self._parents)
        if self._has_failed or reading.failures.stopped_by is not None:
            self._stream.outcome = "partial" if self._stream.counts.pages else "carried"
        else:
            self._stream.outcome = "complete"
        await self._run(reading.committer.save_streams, [self._stream])

    async def _listings(self) -> AsyncIterator[Listing]:
        """What this run has to list: every scope that it has not completed yet."""
        committer = self._reading.committer
        async for parents in self._parent_groups():
            for listing in await self._run(committer.open_listings, self._stream, parents):
                if self._reading.failures.stopped_by is not None:
                    return
                yield listing

    async def _parent_groups(self) -> AsyncIterator[list[Parent | None]]:
        if not self._parents:
            yield [None]
            return
        groups = self._parents.groups()
        while (group := await asyncio.to_thread(next, groups, None)) is not None:
            yield list(group)

    async def _list(self, listing: Listing) -> None:
        """Read a listing to its end. A failure is recorded, and the listing left where it was."""
        if (listing.ended or await self._read_pages(listing)) and listing.full:
            self._ended.append(listing)
            if len(self._ended) >= self._prune_at:
                self._ended = [one for one in self._ended if not one.settled]
                self._prune_at = 2 * len(self._ended) + 1_000

    async def _read_pages(self, listing: Listing) -> bool:
        """Whether the listing was read to its end."""
        failures = self._reading.failures
        try:
            try:
                await self._collect(listing)
            except PositionExpired as error:
                # The source has forgotten where an earlier process stood, or what has changed since the cursor.
                await self._reading.collector.flush()
                if isinstance(error, CursorExpired):
                    listing.list_in_full()
                else:
                    listing.begin_again(second_pass=False)
                await self._collect(listing)
        except Skipped as skipped:
            self._stream.counts.skipped += 1
            failures.skip(skipped.code, str(skipped), listing)
            await self._run(self._reading.committer.save_listing, listing, "skipped")
            return False
        except SourceError as error:
            await self._reading.collector.flush()
            self._fail(listing, error)
            return False
        return failures.stopped_by is None

    async def _collect(self, listing: Listing) -> None:
        pages = self._pages(listing)
        reached = listing.reached
        collector, failures = self._reading.collector, self._reading.failures
        async with collector.reader():
            async for page in pages:
                if page.cursor is not None:
                    reached = greatest([page.cursor] if reached is None else [reached, page.cursor])
                    page = replace(page, cursor=reached)
                await collector.add(listing, page)
                if failures.stopped_by is not None:
                    return

    async def _pages(self, listing: Listing) -> AsyncIterator[Page]:
        """What there is to read of a listing, from where it stands."""
        source, name, parent = self._reading.source, self._stream.name, listing.parent
        if isinstance(parent, ParentRecord) and self._stream.endpoint.within is not None:
            yield source.within(name, parent, parent.raw)
            return
        cursor = None if listing.full else listing.cursor
        async with aclosing(source.pages(name, parent, cursor, listing.position)) as pages:
            async for page in pages:
                yield page

    def _fail(self, listing: Listing, error: HoldfastError, page: int | None = None) -> None:
        self._has_failed = True
        failures = self._reading.failures
        failures.add(error, listing=listing, page=page or listing.page_number + 1)
        if isinstance(error, CredentialRefused | SourceUnreachable):
            failures.stop_reading(error)

    # --- deletions

    async def _settle(self, listings: list[Listing]) -> None:
        """Conclude the deletions of full listings that ended but did not show every live record of their scope."""
        if self._reading.failures.stopped_by is not None:
            return
        committer = self._reading.committer
        if self._stream.strays:
            await self._run(
                committer.adopt_strays, self._stream, {listing.scope_id: listing for listing in listings}
            )  # fmt: skip
        absences: list[Absence] = []
        for listing in listings:
            live = await self._run(committer.live_in_scope, listing)
            absent = 0 if live == listing.present else await self._run(committer.count_unseen, listing)
            if absent:
                absences.append(Absence(listing, absent, live))
            else:
                await self._run(committer.settle_listing, listing)
        present = self._stream.live - sum(one.absent for one in absences)
        whole_endpoint = absence.is_endpoint_implausible(self._stream, absences, present)
        for one in absences:
            if (whole_endpoint or one.is_implausible) and not self._reading.context.options.accept_deletions:
                await self._hold(one)
            elif one.confirmation == "none":
                await self._delete_absent(one.listing)
            elif one.confirmation == "by_id":
                await self._confirm_by_id(one)
            else:
                await self._list_again(one)

    async def _hold(self, one: Absence) -> None:
        self._has_failed = True
        self._stream.counts.held += one.absent
        self._reading.failures.record(
            "deletions_held",
            f"deletions held: {one.absent:,} of {one.live:,} records of {self._stream.name} are no longer listed. "
            "None was deleted from the backup. If they are really gone, accept it: holdfast backup --accept-deletions",
            listing=one.listing,
        )

    async def _delete_absent(self, listing: Listing) -> None:
        committer = self._reading.committer
        await self._run(lambda: committer.commit_deletions(self._stream, committer.unseen_keys(listing)))
        await self._run(committer.settle_listing, listing)

    async def _list_again(self, one: Absence) -> None:
        """A second listing: a record that neither shows is gone."""
        listing = one.listing
        listing.begin_again(second_pass=True)
        await self._run(self._reading.committer.save_listing, listing, "reading")
        if not await self._read_pages(listing):
            return
        await self._reading.collector.flush()
        if not listing.settled:
            await self._delete_absent(listing)

    async def _confirm_by_id(self, one: Absence) -> None:
        """Ask for each absent record by id. What is still there is taken as read now."""
        listing, committer = one.listing, self._reading.committer
        gone: list[str] = []
        try:
            for key in await self._run(lambda: list(committer.unseen_keys(listing))):
                raw = await self._ask(listing, key)
                if raw is None:
                    gone.append(key)
                else:
                    await self._reading.collector.add(listing, _single(listing, key, raw))
        except SourceError as error:
            self._fail(listing, error)
            return
        finally:
            await self._reading.collector.flush()
        await self._run(committer.commit_deletions, self._stream, gone)
        await self._run(committer.settle_listing, listing)

    async def _ask(self, listing: Listing, key: str) -> bytes | None:
        """The record as the source has it now; None where it says that it is gone."""
        stored = await asyncio.to_thread(self._stored, key)
        return await self._reading.source.record(self._stream.name, listing.parent, fields_of(stored))

    def _stored(self, key: str) -> bytes:
        context = self._reading.context
        with context.services.database.read() as connection:
            row = records.lookup(connection, self._stream.id, [key])[key]
        return context.customer.read(place_of(context, row))

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        """Call the committer in its thread."""
        return await self._reading.collector.run(partial(work, *arguments))


def _single(listing: Listing, key: str, raw: bytes) -> Page:
    """One record that was asked for by id, as a page: the listing stands where it stood."""
    record_id = split_child_key(key)[1] if listing.key_prefix else key
    return Page(
        number=listing.page_number, raws=[raw], ids=[record_id], deleted=None, cursor=None, next=None,
        body_bytes=len(raw), requests=1,
    )  # fmt: skip
