"""Reads one endpoint: opens its scopes, lists them side by side, and has proved and settled what the listings showed.

What goes wrong with one scope fails that scope and the run, and leaves the others alone; a refused credential or a host
that does not answer stops all reading, since every further request would end the same way.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace

from holdfast import tracing
from holdfast.clock import format_time
from holdfast.errors import PositionExpired, SourceError
from holdfast.operations.backup.detailing import DetailReader
from holdfast.operations.backup.due import FEED_START
from holdfast.operations.backup.endpoint import EndpointWork, Reading
from holdfast.operations.backup.opening import open_listings
from holdfast.operations.backup.orphans import Orphans
from holdfast.operations.backup.parents import ParentRecord, Parents
from holdfast.operations.backup.proving import Prover
from holdfast.operations.backup.settling import Settler
from holdfast.operations.backup.state import Listing, Stream
from holdfast.operations.backup.sweeping import Sweeper
from holdfast.sources.cursors import greatest
from holdfast.sources.page import CursorExpired, Page, Parent, Skipped


class EndpointReader:
    """Reads one endpoint in one run."""

    def __init__(self, reading: Reading, stream: Stream, parents: Parents) -> None:
        self._reading = reading
        self._stream = stream
        self._parents = parents
        self._work = EndpointWork(reading, stream)
        self._settler = Settler(self._work, self._read_pages)
        self._sweeper = Sweeper(self._work, self._settler)
        self._prover = Prover(self._work)
        self._ended: list[Listing] = []
        self._unproved: list[Listing] = []
        self._prune_at = 1_000

    async def read(self) -> None:
        """Read the endpoint to its end. Afterwards everything is committed and the stream's outcome stands."""
        reading, work, stream = self._reading, self._work, self._stream
        stream.counts.held = 0  # what an earlier process of the run has held is held anew, or not
        orphans = Orphans(work, self._settler, self._parents)
        await orphans.before_listing()
        async with asyncio.TaskGroup() as group:
            async for listing in self._listings():
                await self._start(group, self._list, listing)
        await reading.collector.flush()
        await self._prove()
        await self._settler.settle([listing for listing in self._ended if not listing.settled])
        await orphans.after_listing()
        if work.has_failed or work.is_stopped:
            stream.outcome = "partial" if stream.counts.pages else "carried"
        else:
            stream.outcome = "complete"
        await work.run(reading.committer.save_streams, [stream])

    async def _start(
        self, group: asyncio.TaskGroup, work: Callable[[Listing], Awaitable[None]], listing: Listing
    ) -> None:
        """Begin to work on a listing as soon as there are not too many under way."""

        async def do() -> None:
            with tracing.span("list", endpoint=listing.stream.name, parent=listing.parent_key, full=listing.full):
                await work(listing)

        await self._reading.permits.acquire()
        group.create_task(do()).add_done_callback(lambda _: self._reading.permits.release())

    async def _listings(self) -> AsyncIterator[Listing]:
        """What this run has to list: every scope that it has not completed yet."""
        async for parents in self._parent_groups():
            for listing in await self._work.run(open_listings, self._reading.writer, self._stream, parents):
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
        if listing.lost:
            message = f"{listing.lost} records could not be read by an earlier process of this run; its log has more"
            self._work.record_failure("records_missing", message, listing)
        if not listing.ended and not (await self._begin(listing) and await self._read_pages(listing)):
            return
        if listing.then_full:
            await self._reading.collector.flush()
            listing.go_on_in_full()
            if not await self._read_pages(listing):
                return
        if listing.lost or (listing.awaits_proof and not await self._prover.count(listing)):
            return
        if listing.may_have_slipped and not await self._list_twice(listing):
            return
        if listing.awaits_proof:
            self._unproved.append(listing)
        elif listing.full:
            self._ended.append(listing)
            if len(self._ended) >= self._prune_at:
                self._ended = [one for one in self._ended if not one.settled]
                self._prune_at = 2 * len(self._ended) + 1_000

    async def _list_twice(self, listing: Listing) -> bool:
        """Read a listing again whose pages go by number: what slipped past the first reading stands in the second."""
        await self._reading.collector.flush()
        listing.begin_again(second_pass=True)
        await self._work.run(self._reading.committer.save_listing, listing, "reading")
        if not await self._read_pages(listing) or listing.lost:
            return False
        return not listing.awaits_proof or await self._prover.count(listing)

    async def _begin(self, listing: Listing) -> bool:
        """What has to be known before the first page. False: it could not be had; why is recorded."""
        work, endpoint = self._work, self._stream.endpoint
        try:
            if endpoint.deletions is not None and listing.position is None:
                await self._sweeper.take_deletions(listing)
            if endpoint.changes is not None and listing.full and listing.reached is None:
                listing.reached = await self._feed_start(listing)
        except SourceError as error:
            work.fail(listing, error)
            return False
        return await self._prover.count(listing)

    async def _feed_start(self, listing: Listing) -> str:
        """The cursor behind which the feed will tell what this full listing may have missed. Raises SourceError.

        Taken before the list: what changes while it is read, the feed tells later.
        """
        start = await self._work.source.first_cursor(self._work.name, listing.parent)
        if not listing.asks_all:
            # Whoever goes on after a failure believes what was stored since then, as far as the feed does not say more.
            await self._work.run(self._work.committer.remember, listing, {FEED_START: start})
        return start

    async def _read_pages(self, listing: Listing) -> bool:
        """Whether the listing was read to its end."""
        failures, work = self._reading.failures, self._work
        try:
            try:
                await self._collect(listing)
            except PositionExpired as error:
                # The source has forgotten where an earlier process stood, or what has changed since the cursor.
                await work.collector.flush()
                if isinstance(error, CursorExpired):
                    listing.list_in_full()
                    if not await self._begin(listing):
                        return False
                else:
                    listing.begin_again(second_pass=False)
                await self._collect(listing)
        except Skipped as skipped:
            self._stream.counts.absent += not listing.was_skipped
            await work.run(self._reading.committer.skip_listing, listing, skipped.code, str(skipped))
            return False
        except SourceError as error:
            await work.collector.flush()
            work.fail(listing, error)
            return False
        return failures.stopped_by is None

    async def _collect(self, listing: Listing) -> None:
        collector, failures = self._reading.collector, self._reading.failures
        reached = listing.reached
        async with collector.reader():
            async for page in self._whole(listing):
                if page.cursor is not None:
                    by_field = self._is_by_field and reached is not None
                    reached = greatest([reached, page.cursor]) if by_field and reached is not None else page.cursor
                    page = replace(page, cursor=reached)
                await collector.add(listing, page)
                if failures.stopped_by is not None:
                    return

    @property
    def _is_by_field(self) -> bool:
        """The cursor is the greatest value of a field, not what the source says last."""
        incremental = self._stream.endpoint.incremental
        return incremental is not None and bool(incremental.field)

    async def _whole(self, listing: Listing) -> AsyncIterator[Page]:
        """The pages of a listing from where it stands, with whole records."""
        details = None
        if self._stream.endpoint.detail is not None or listing.by_feed:
            details = DetailReader(self._work)
        position = listing.position
        async for page in self._pages(listing):
            self._note(listing, page, is_first=position is None)
            if details is None:
                yield page
            else:
                async for part in details.parts(listing, page, position):
                    yield part
            position = page.next

    def _note(self, listing: Listing, page: Page, *, is_first: bool) -> None:
        if listing.started is None and page.asked_at is not None:
            listing.started = format_time(page.asked_at)
        listing.read_pages = page.number
        if page.total is not None:
            told = [*listing.totals, page.total]
            listing.totals = [min(told), max(told)]
        # A delta's pages count what has changed, not what there is.
        if page.counted is not None and listing.full and (is_first or page.next is None):
            listing.counts.append(page.counted)

    async def _pages(self, listing: Listing) -> AsyncIterator[Page]:
        """What there is to read of a listing, from where it stands."""
        source, name, parent = self._reading.source, self._stream.name, listing.parent
        if isinstance(parent, ParentRecord) and self._stream.endpoint.within is not None:
            yield source.within(name, parent, parent.raw)
            return
        if listing.by_feed and listing.cursor is not None:
            found = source.changes(name, parent, listing.cursor, listing.position)
        else:
            found = source.pages(name, parent, None if listing.full else listing.cursor, listing.position)
        async with aclosing(found) as pages:
            async for page in pages:
                yield page

    # --- what is proved after the last page

    async def _prove(self) -> None:
        """Sweep what is due, and compare with the source's own counts. What does not agree is listed once more."""
        again = await self._disagreeing(self._unproved)
        if not again or self._work.is_stopped:
            return
        reread: list[Listing] = []

        async def read_again(listing: Listing) -> None:
            is_read = await self._begin(listing) and await self._read_pages(listing)
            if is_read and not listing.lost and await self._prover.count(listing):
                reread.append(listing)

        async with asyncio.TaskGroup() as group:
            for listing, _ in again:
                if listing.full:
                    listing.begin_again(second_pass=True)
                else:
                    listing.list_in_full()
                await self._start(group, read_again, listing)
        await self._reading.collector.flush()
        for listing, disagreement in await self._disagreeing(reread):
            await self._work.run(self._reading.committer.save_listing, listing, "listed")
            hint = "If the source's count includes records it does not list, take `count` out of the definition."
            self._work.record_failure("counts_disagree", f"{disagreement} ({hint})", listing)

    async def _disagreeing(self, listings: Iterable[Listing]) -> list[tuple[Listing, str]]:
        """Which of these do not agree with what the source says there is, and how; the others are done with."""
        found: list[tuple[Listing, str]] = []
        for listing in listings:
            if self._work.is_stopped:
                break
            if listing.sweeps and not listing.full and not await self._sweeper.sweep(listing):
                continue
            disagreement = await self._prover.disagreement(listing)
            if listing.wants_full:
                found.append((listing, "the sweep shows records that no list of changes has shown"))
            elif disagreement is not None:
                found.append((listing, disagreement))
            else:
                listing.awaits_proof = False
                if listing.full:
                    self._ended.append(listing)
                else:
                    await self._work.run(self._reading.committer.settle_listing, listing)
        return found
