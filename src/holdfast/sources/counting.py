"""Asks for the source's own count of a list, where its pages do not tell it."""

from typing import Any

from holdfast.definitions.document import Count
from holdfast.definitions.selectors import selector
from holdfast.errors import PageUnreadable
from holdfast.sources.answers import refusal
from holdfast.sources.client import Client
from holdfast.sources.exchange import Request, asking
from holdfast.sources.listing import Listing
from holdfast.sources.page import Parent
from holdfast.sources.paging import told_count
from holdfast.sources.splitter import decode_leniently, utf8
from holdfast.sources.targets import Targets
from holdfast.sources.walking import charset, named

__all__ = ["ask_count"]


async def ask_count(
    count: Count, listing: Listing, targets: Targets, client: Client, parent: Parent | None
) -> int:  # fmt: skip
    """Ask for the count of a parent's list. Raises SourceError."""
    assert count.path is not None, "other counts come with the pages"
    what = f"{listing.name(parent)}, count"
    url = targets.single(count.path, count.query, parent)
    request = Request(url, targets.headers(listing.endpoint.headers, parent), count.method)
    with asking(request):
        answer = await client.fetch(request, what=what, judge=listing.judge)
        if not answer.is_success:
            raise refusal(answer.status, answer.body, what, answer.verdict)
        try:

            def find(text: str) -> Any:
                return selector(text).find(decode_leniently(utf8(answer.body, charset(answer))))

            counted = told_count(count, answer.headers, find)
            if counted is None:
                raise PageUnreadable(f"the answer has no count at {count.header or count.select!r}")
        except PageUnreadable as error:
            raise named(error, what) from error
        return counted
