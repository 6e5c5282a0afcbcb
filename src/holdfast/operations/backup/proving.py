"""Compares what was listed with the source's own count of it, taken before and after: it must lie between the two."""

from holdfast.errors import SourceError
from holdfast.operations.backup.endpoint import EndpointWork
from holdfast.operations.backup.state import Listing


class Prover:
    """Proves the listings of one endpoint that has a count."""

    def __init__(self, work: EndpointWork) -> None:
        self._work = work

    async def count(self, listing: Listing) -> bool:
        """Take the source's count, where it has to be asked for. False: it could not be had; why is recorded."""
        count = self._work.stream.endpoint.count
        if count is None or count.path is None:
            return True
        try:
            listing.counts.append(await self._work.source.count(self._work.name, listing.parent))
        except SourceError as error:
            self._work.fail(listing, error)
            return False
        self._work.stream.counts.requests += 1
        return True

    async def disagreement(self, listing: Listing) -> str | None:
        """What does not agree, in words; None: everything that can be compared does."""
        if not listing.counts:
            return None
        low, high = min(listing.counts[-2:]), max(listing.counts)
        if listing.full:
            found = (listing.read_records if self._is_shared else listing.present) + listing.skipped
            verb = "were listed"
        else:
            found = await self._work.run(self._work.committer.live_in_scope, listing)
            verb = "are stored after what has changed was read"
        listing.proof = (low, high, found)
        if low <= found <= high:
            return None
        counted = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        return f"the source counts {counted} records of {self._work.name}, but {found:,} {verb}"

    @property
    def _is_shared(self) -> bool:
        """Whether a record may be listed under several parents, each of which counts it."""
        endpoint = self._work.stream.endpoint
        return endpoint.global_id and bool(endpoint.parents)
