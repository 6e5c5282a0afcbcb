"""Pages of lists: what a request asks for, and the `Link` header of RFC 8288 that leads from one page to the others."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, unquote_plus

from fastapi import Depends, Request, Response

from holdfast.api.addresses import own_url
from holdfast.api.parameters import PageNumber, PerPage
from holdfast.catalog.listing import Item, Listing, PageRequest
from holdfast.settings import Settings


async def _page(page: PageNumber = 1, per_page: PerPage = 20) -> PageRequest:
    return PageRequest(page, per_page)


Page = Annotated[PageRequest, Depends(_page)]
"""Page 1 of 20 unless `page` and `per_page` say otherwise."""

LINK_HEADER = {
    "Link": {
        "description": 'Other pages as absolute addresses: rel="first", "prev", "next", "last".',
        "schema": {"type": "string"},
    }
}


_IN_QUERY = "%!$&'()*+,;=:@/?-._~"


def set_links(
    request: Request, response: Response, settings: Settings, listing: Listing[Any]
) -> None:  # fmt: skip
    """Give the answer its `Link` header."""
    response.headers["Link"] = links(
        request, settings, page=listing.page, last_page=listing.last_page
    )  # fmt: skip


def page_of(everything: Sequence[Item], page: PageRequest) -> Listing[Item]:
    """One page of a list that is there as a whole."""
    begin = (page.number - 1) * page.per_page
    return Listing(list(everything[begin : begin + page.per_page]), len(everything), page.number, page.per_page)


def links(request: Request, settings: Settings, *, page: int, last_page: int) -> str:
    """The value of the header; every other parameter of the query stays as it is."""
    return links_of(f"{own_url(request, settings)}?{kept(request)}", page=page, last_page=last_page)


def links_of(here: str, *, page: int, last_page: int, after: str | None = None) -> str:
    """The same for a list whose address, as `kept` has left it, is at hand.

    `after` goes into `next` only: it lets that page begin without a walk over those before it.
    """
    found = [f'<{here}page=1>; rel="first"']
    if page > 1:
        found.append(f'<{here}page={min(page - 1, last_page)}>; rel="prev"')
    if page < last_page:
        found.append(f'<{here}page={page + 1}{f"&after={after}" if after else ""}>; rel="next"')
    found.append(f'<{here}page={last_page}>; rel="last"')
    return ", ".join(found)


def forward_links(request: Request, settings: Settings, *, page: int, after: str | None) -> str:
    """The same for a list that nobody has counted: `first`, and `next` where there may be more."""
    here = f"{own_url(request, settings)}?{kept(request)}"
    found = [f'<{here}page=1>; rel="first"']
    if after is not None:
        found.append(f'<{here}page={page + 1}&after={after}>; rel="next"')
    return ", ".join(found)


def kept(request: Request) -> str:
    """What every page of a list has in its query, each with an `&` behind it."""
    query: str = request.scope["query_string"].decode("latin-1")
    found = [one for one in query.split("&") if one and unquote_plus(one.partition("=")[0]) not in ("page", "after")]
    # What a client sent may not end the address it stands in.
    return "".join(f"{quote(one, safe=_IN_QUERY)}&" for one in found)
