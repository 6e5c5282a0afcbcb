"""Concludes deletions: which live records a full listing did not show, and whether to believe it.

A listing of one request, or one whose records do not move (`stable`), is believed. Otherwise a record counts as gone
only when asking for it by id says so, or when a second listing does not show it either. An implausible share of absent
records is held: nothing is deleted and the run fails, until the operator accepts it. A mass of 404 confirms nothing: a
credential that has lost its right looks just the same.
"""

from dataclasses import dataclass
from typing import Literal

from holdfast.operations.backup.state import Listing, Stream

_IMPLAUSIBLE_SHARE = 0.2
_IMPLAUSIBLE_RECORDS = 100
_EMPTIED_RECORDS = 10
"""An endpoint that lists nothing at all where it had more records than this is held too."""
BY_ID_AT_MOST = 1_000
"""More absent records than this are confirmed by a second listing rather than by a request each."""


@dataclass(frozen=True)
class Absence:
    """How many live records of a listing's scope were not seen."""

    listing: Listing
    absent: int
    live: int

    @property
    def is_implausible(self) -> bool:
        return is_implausible_share(self.absent, self.live)

    @property
    def confirmation(self) -> Literal["none", "by_id", "second_listing"]:
        """What it takes to believe the listing."""
        listing, endpoint = self.listing, self.listing.stream.endpoint
        single_request = listing.page_number <= 1
        if listing.second_pass or (not listing.resumed and (endpoint.stable or single_request)):
            return "none"
        if (endpoint.record_path is not None or endpoint.detail is not None) and self.absent <= BY_ID_AT_MOST:
            return "by_id"
        return "second_listing"


def is_implausible_share(absent: int, live: int) -> bool:
    """Whether so many of a scope's live records are not believed to be gone."""
    return absent > _IMPLAUSIBLE_RECORDS and absent > _IMPLAUSIBLE_SHARE * live


def is_endpoint_implausible(stream: Stream, absences: list[Absence], present: int) -> bool:
    """Whether the endpoint as a whole misses more than one believes; `present` counts its records seen in this run."""
    absent = sum(scope.absent for scope in absences)
    if absent > _IMPLAUSIBLE_RECORDS and absent > _IMPLAUSIBLE_SHARE * stream.live:
        return True
    return present == 0 and absent > _EMPTIED_RECORDS
