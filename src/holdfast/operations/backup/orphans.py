"""Records whose parents are gone: nobody can list them any more, so they go with their parents.

A record of a global id may have moved to another parent instead. It is deleted where the lists of all other parents,
read in full in this run, do not show it; or, where this run reads only what has changed, where the source says that it
is gone. Where the source cannot be asked for it, all lists are read in full in this run.
"""

from holdfast.operations.backup.absence import BY_ID_AT_MOST
from holdfast.operations.backup.endpoint import EndpointWork
from holdfast.operations.backup.parents import Parents
from holdfast.operations.backup.settling import Settler


class Orphans:
    """Of one endpoint in one run. Does nothing for an endpoint without parents."""

    def __init__(self, work: EndpointWork, settler: Settler, parents: Parents) -> None:
        self._work = work
        self._settler = settler
        self._parents = parents

    async def before_listing(self) -> None:
        """Delete those that cannot have moved; else see to it that this run can tell."""
        if not self._parents:
            return
        stream, committer = self._work.stream, self._work.committer
        orphaned = await self._work.run(committer.orphaned, stream, self._parents)
        if not stream.endpoint.global_id:
            for listing in orphaned:
                await self._settler.delete_unseen(listing)
        elif orphaned:
            number = sum([await self._work.run(committer.live_in_scope, listing) for listing in orphaned])
            stream.lists_all = number > BY_ID_AT_MOST or not stream.endpoint.finds_without_parent

    async def after_listing(self) -> None:
        """Delete those that have not moved."""
        stream, committer = self._work.stream, self._work.committer
        if not self._parents or not stream.endpoint.global_id or self._work.is_stopped:
            return
        orphaned = await self._work.run(committer.orphaned, stream, self._parents)
        if not orphaned:
            return
        await self._work.run(committer.adopt_strays, stream, {listing.scope_id: None for listing in orphaned})
        if await self._work.run(committer.lists_everything, stream, self._parents):
            for listing in orphaned:
                await self._settler.delete_unseen(listing)
        elif not stream.lists_all:  # else a list could not be read in full, and the run has failed
            for listing in orphaned:
                await self._settler.delete_confirmed(listing)
