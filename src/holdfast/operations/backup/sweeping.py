"""Deletions that deltas do not show: found by a sweep of all ids, or told by a list of what was deleted."""

from holdfast.clock import format_time, now
from holdfast.errors import SourceError
from holdfast.operations.backup.absence import BY_ID_AT_MOST, Absence, is_implausible_share
from holdfast.operations.backup.due import SWEPT_AT
from holdfast.operations.backup.endpoint import EndpointWork
from holdfast.operations.backup.seen import SeenSlots
from holdfast.operations.backup.settling import Settler
from holdfast.operations.backup.state import Listing
from holdfast.sources.cursors import greatest

_DELETIONS = "deletions"


class Sweeper:
    """Finds one endpoint's deletions by lists of ids."""

    def __init__(self, work: EndpointWork, settler: Settler) -> None:
        self._work = work
        self._settler = settler

    async def sweep(self, listing: Listing) -> bool:
        """Delete what a complete list of ids no longer has, and get what it has beside the stored records.

        False: it cannot be concluded; why is recorded. None of it moves the listing.
        """
        work, committer = self._work, self._work.committer
        began = now()
        try:
            swept, unknown, pages = await self._ids(listing)
            absent = await work.run(lambda: list(committer.keys_beyond(listing, swept)))
            live = await work.run(committer.live_in_scope, listing)
            one = Absence(listing, len(absent), live)
            emptied = not swept and one.absent > 0
            if (one.is_implausible or emptied) and not work.reading.context.options.accept_deletions:
                self._settler.hold(one)
                return False
            gone = absent
            if absent and work.can_ask and len(absent) <= BY_ID_AT_MOST:
                gone = await self._settler.confirmed_gone(listing, absent)
            elif absent and pages > 1:
                # A list of ids may shift between its pages like any other.
                again, _, _ = await self._ids(listing)
                gone = await work.run(lambda: list(committer.keys_beyond(listing, swept, again)))
            await self._get(listing, unknown)
        except SourceError as error:
            work.fail(listing, error)
            return False
        await work.run(committer.commit_deletions, work.stream, gone)
        await work.run(committer.remember, listing, {SWEPT_AT: format_time(began)})
        return True

    async def take_deletions(self, listing: Listing) -> None:
        """Delete what the list of deletions tells of since it was read last. Raises SourceError.

        Before the records are listed: one that was deleted and then made anew is listed again.
        """
        work, committer = self._work, self._work.committer
        known = listing.memory.get(_DELETIONS)
        cursor: str | None = known["cursor"] if known else None
        before = set(known["ids"]) if known else set()
        newest, newest_ids = cursor, before
        named: dict[str, None] = {}
        async for page in work.source.removals(work.name, listing.parent, cursor):
            for record_id, moment in page:
                if newest is None or _is_later(moment, newest):
                    newest, newest_ids = moment, {record_id}
                elif moment == newest:
                    newest_ids = newest_ids | {record_id}
                # `since` shows the last moment's deletions once more: what was made anew since then is not deleted.
                if moment != cursor or record_id not in before:
                    named[record_id] = None
        if known is not None and named:
            keys = await work.run(committer.living, listing, list(named))
            live = await work.run(committer.live_in_scope, listing)
            if is_implausible_share(len(keys), live) and not work.reading.context.options.accept_deletions:
                self._settler.hold(Absence(listing, len(keys), live))
                return
            await work.run(committer.commit_deletions, work.stream, keys)
        # Also where there was none: the first one that comes is then no old one.
        memory = {_DELETIONS: {"cursor": newest, "ids": sorted(newest_ids)}}
        await work.run(committer.remember, listing, memory)

    async def _ids(self, listing: Listing) -> tuple[SeenSlots, list[str], int]:
        """The slots of the known records that the sweep shows, the ids of unknown ones, and its pages."""
        work = self._work
        swept = SeenSlots()
        unknown: list[str] = []
        pages = 0
        async for page in work.source.sweep(work.name, listing.parent):
            pages += 1
            work.stream.counts.requests += 1
            slots = await work.run(work.committer.slots_of, listing, page.ids)
            for record_id, slot in zip(page.ids, slots, strict=True):
                if slot is None:
                    unknown.append(record_id)
                else:
                    swept.add(slot)
        return swept, unknown, pages

    async def _get(self, listing: Listing, unknown: list[str]) -> None:
        """Records that exist and that no delta has shown: written with a time in the past, as imports do."""
        if not unknown:
            return
        work = self._work
        if not work.can_ask or len(unknown) > BY_ID_AT_MOST:
            listing.wants_full = True
            return
        for key in listing.keys_of(unknown):
            raw = await work.ask(listing, key)
            if raw is not None:
                await work.take(listing, key, raw)
        await work.collector.flush()


def _is_later(moment: str, newest: str) -> bool:
    return moment != newest and greatest([moment, newest]) == moment
