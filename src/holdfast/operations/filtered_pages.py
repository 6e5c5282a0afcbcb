"""Pages of an endpoint's records that fulfil conditions: ascending by key like the plain list, and read as one goes.

Conditions are those of a search. There is no index: each record on the way is read, until a page is full or the time is
over; the next page goes on behind it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.operations.browsing import Browser, State, StoredRecord
from holdfast.operations.search.matching import Matcher
from holdfast.operations.search.query import Query

_FIRST_STEP, _LARGEST_STEP = 100, 2_000
"""Records looked at between two glances at the clock: few at first, for a filter that most records pass."""


@dataclass(frozen=True)
class FilteredPage:
    records: Sequence[StoredRecord]
    after: str | None
    """The key behind which the next page begins; None: there is nothing more."""


def filtered_page(
    browser: Browser, state: State, endpoint: str, query: Query, *, after: str | None, limit: int, patience_s: float
) -> FilteredPage:
    """At most `limit` records behind the key `after`; fewer, or none, where the time is over before they are found.

    Raises NotFound for an endpoint that the state does not have, Damaged, ObjectMissing.
    """
    matcher, deadline = Matcher(query), time.monotonic() + patience_s
    found: list[StoredRecord] = []
    step = max(_FIRST_STEP, limit)
    while True:
        seen = browser.records(state, endpoint, after=after, limit=step)
        for record in seen:
            if matcher.matches(record.raw, record.raw):
                if len(found) == limit:  # so that a page's `next` leads to something
                    return FilteredPage(found, found[-1].key)
                found.append(record)
        if len(seen) < step:
            return FilteredPage(found, None)
        after = seen[-1].key
        if time.monotonic() > deadline:
            return FilteredPage(found, after)
        step = min(step * 2, _LARGEST_STEP)
