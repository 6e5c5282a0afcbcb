"""Settles full listings: what they did not show is confirmed where that is needed, then deleted, or held."""

from collections.abc import Awaitable, Callable, Sequence

from holdfast.errors import SourceError
from holdfast.operations.backup import absence
from holdfast.operations.backup.absence import Absence
from holdfast.operations.backup.endpoint import EndpointWork
from holdfast.operations.backup.state import Listing


class Settler:
    """Concludes the deletions of one endpoint."""

    def __init__(self, work: EndpointWork, read_again: Callable[[Listing], Awaitable[bool]]) -> None:
        """`read_again` reads a listing from where it stands to its end; False: it could not be read."""
        self._work = work
        self._read_again = read_again

    async def settle(self, listings: Sequence[Listing]) -> None:
        """Conclude the deletions of full listings that ended but did not show every live record of their scope."""
        work, stream, committer = self._work, self._work.stream, self._work.committer
        if work.is_stopped:
            return
        if stream.strays:
            await work.run(committer.adopt_strays, stream, {listing.scope_id: listing for listing in listings})
        absences: list[Absence] = []
        for listing in listings:
            live = await work.run(committer.live_in_scope, listing)
            absent = 0 if live == listing.present else await work.run(committer.count_unseen, listing)
            if absent:
                absences.append(Absence(listing, absent, live))
            else:
                await work.run(committer.settle_listing, listing)
        present = stream.live - sum(one.absent for one in absences)
        whole_endpoint = absence.is_endpoint_implausible(stream, absences, present)
        for one in absences:
            if (whole_endpoint or one.is_implausible) and not work.reading.context.options.accept_deletions:
                self.hold(one)
            elif one.confirmation == "none":
                await self._delete_absent(one.listing)
            elif one.confirmation == "by_id":
                await self._confirm_by_id(one)
            else:
                await self._list_again(one)

    def hold(self, one: Absence) -> None:
        """Delete nothing of what is no longer listed, and say so."""
        name = self._work.name
        self._work.stream.counts.held += one.absent
        self._work.record_failure(
            "deletions_held",
            f"deletions held: {one.absent:,} of {one.live:,} records of {name} are no longer listed. "
            "None was deleted from the backup. If they are really gone, accept it: holdfast backup --accept-deletions",
            one.listing,
        )

    async def confirmed_gone(self, listing: Listing, keys: Sequence[str]) -> list[str]:
        """Which of these records the source says are gone, asked one by one; what is still there is taken as read now.

        Raises SourceError.
        """
        work = self._work
        gone: list[str] = []
        try:
            for key in keys:
                raw = await work.ask(listing, key)
                if raw is None:
                    gone.append(key)
                else:
                    await work.take(listing, key, raw)
        finally:
            await work.collector.flush()
        return gone

    async def delete_unseen(self, listing: Listing) -> None:
        """Delete what this run has not seen of a scope."""
        work, committer = self._work, self._work.committer
        await work.run(lambda: committer.commit_deletions(work.stream, committer.unseen_keys(listing)))

    async def _delete_absent(self, listing: Listing) -> None:
        await self.delete_unseen(listing)
        await self._work.run(self._work.committer.settle_listing, listing)

    async def _list_again(self, one: Absence) -> None:
        """A second listing: a record that neither shows is gone."""
        listing, work = one.listing, self._work
        listing.begin_again(second_pass=True)
        await work.run(work.committer.save_listing, listing, "reading")
        if not await self._read_again(listing):
            return
        await work.collector.flush()
        if not listing.settled:
            await self._delete_absent(listing)

    async def _confirm_by_id(self, one: Absence) -> None:
        if await self.delete_confirmed(one.listing):
            await self._work.run(self._work.committer.settle_listing, one.listing)

    async def delete_confirmed(self, listing: Listing) -> bool:
        """Delete those of a scope's unseen records of which the source says that they are gone. False: it did not say
        so of each; why is recorded."""
        work, committer = self._work, self._work.committer
        try:
            unseen = await work.run(lambda: list(committer.unseen_keys(listing)))
            gone = await self.confirmed_gone(listing, unseen)
        except SourceError as error:
            work.fail(listing, error)
            return False
        await work.run(committer.commit_deletions, work.stream, gone)
        return True
