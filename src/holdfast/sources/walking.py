"""Walks a list from page to page, whatever the list is for: asks, tells failures from pages, says where it goes on.

What is on a page is read by whoever walks (`Course.read`). Every failure names endpoint, parent, page and reason.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace

from holdfast.definitions.document import Paging
from holdfast.errors import PageUnreadable, PositionExpired, SourceError, SourceRefused
from holdfast.sources.answers import refusal
from holdfast.sources.bodies import Content
from holdfast.sources.client import Client
from holdfast.sources.exchange import Answer, Request, asking
from holdfast.sources.judging import Judge
from holdfast.sources.page import CursorExpired, ListingAbsent, Page, Position
from holdfast.sources.paging import Reply, Trail, continuation, next_position, query_of, total_of, value_of
from holdfast.sources.scanner import NotJson
from holdfast.sources.splitter import Split, excerpt
from holdfast.sources.targets import with_parameter

__all__ = ["Course", "charset", "named", "walk"]

_EXPIRED = frozenset({400, 404, 410, 422})
"""What sources answer to a page position they no longer know."""
_UNREADABLE_ATTEMPTS = 3
"""Tries of a page whose body is no JSON: an answer cut off on its way without a length looks just so."""
_INLINE_BYTES = 1024 * 1024
"""Larger bodies are taken apart in a thread: the slower ways take up to 50 ms per MB, and others are being read too."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What stays the same from one page of a list to the next."""

    whose: str
    """Names the list in messages."""
    url: str
    """Of the first page, without the paging's own query parameter."""
    further_url: str | None = None
    """Of the pages behind it, where that is another one: a feed's cursor is often what its pages are asked for by."""
    headers: Mapping[str, str]
    paging: Paging
    judge: Judge
    read: Callable[[Answer], tuple[Page, Split]]
    """Makes a page of an answer, without its number, requests and continuation. Raises PageUnreadable."""
    method: str = "GET"
    content: Content | None = None
    is_delta: bool = False
    """Asked for with a cursor."""
    is_child: bool = False
    """Asked for on behalf of a parent."""
    optional_on: frozenset[int] = frozenset()
    expired_on: frozenset[int] = frozenset()
    finish: Callable[[Page, Answer, Split], Page] | None = None
    """Looks at a page that has its `next`. Raises PageUnreadable."""


async def walk(client: Client, course: Course, position: Position | None) -> AsyncGenerator[Page, None]:
    """The pages from `position` on. See `Source.pages` for the errors."""
    trail = Trail(position, course.url, course.paging.query)
    while True:
        number = continuation(position)[0] + 1
        what = f"{course.whose}, page {number}"
        request = _request(course, position)
        with asking(request):
            page = await _page(client, course, request, position, number, what)
            try:
                trail.page(page.ids, page.raws)
                if page.next is not None:
                    trail.move(page.next)
            except PageUnreadable as error:
                raise named(error, what) from error
        yield page
        if page.next is None:
            return
        position = page.next


def _request(course: Course, position: Position | None) -> Request:
    paging = course.paging
    if position is not None and "url" in position:
        url = position["url"]
    else:
        base = course.url if position is None else course.further_url or course.url
        url = with_parameter(base, query_of(paging, position))
    if course.content is None:
        return Request(url, course.headers, course.method)
    value = value_of(paging, position) if paging.into else None
    headers = {**course.headers, "Content-Type": course.content.content_type}
    return Request(url, headers, course.method, course.content.encoded(paging.into, value))


async def _page(
    client: Client, course: Course, request: Request, position: Position | None, number: int, what: str
) -> Page:
    requests = 0
    attempt = 0
    while True:
        answer = await client.fetch(request, what=what, judge=course.judge)
        requests += answer.requests
        attempt += 1
        if not answer.is_success:
            raise _failure(course, answer, position, what)
        try:
            if len(answer.body) <= _INLINE_BYTES:
                return _read(client, course, answer, position, number, requests)
            return await asyncio.to_thread(_read, client, course, answer, position, number, requests)
        except CursorExpired as error:
            raise CursorExpired(f"{what}: {error}") from error
        except NotJson as error:
            if attempt == _UNREADABLE_ATTEMPTS:
                raise named(error, what) from error
        except PageUnreadable as error:
            raise named(error, what) from error


def _read(
    client: Client, course: Course, answer: Answer, position: Position | None, number: int, requests: int
) -> Page:
    page, split = course.read(answer)
    reply = Reply(answer.headers, split.find, len(split.raws), answer.url)
    following = next_position(course.paging, position, reply)
    if following is not None and "url" in following:
        following = {**following, "url": client.without_credential(following["url"])}
    page = replace(
        page,
        number=number,
        next=following,
        body_bytes=len(answer.body),
        requests=requests,
        asked_at=answer.asked_at,
        total=total_of(course.paging, reply),
    )
    return page if course.finish is None else course.finish(page, answer, split)


def _failure(course: Course, answer: Answer, position: Position | None, what: str) -> SourceError:
    """What an answer means that is no page."""
    status = answer.status
    means = "" if answer.verdict is None else answer.verdict.means
    is_first = position is None
    if is_first and (status in course.optional_on if not means else means == "gone" and course.is_child):
        return ListingAbsent(f"{what}: there is no such list (the source answered {status})", status=status)
    if not is_first and (status in _EXPIRED if not means else means == "expired"):
        return PositionExpired(
            f"{what}: the source no longer knows this position (it answered {status}): {excerpt(answer.body)}",
            status=status,
            hint="The listing has to start again from its first page.",
        )
    if course.is_delta and (status in course.expired_on if not means else means == "expired"):
        return CursorExpired(
            f"{what}: the source no longer knows what changed since then (it answered {status})", status=status
        )
    error = refusal(status, answer.body, what, answer.verdict)
    if means == "skip" and not is_first:
        # What came before it has been read: to leave out the rest without a word would be a loss.
        return SourceRefused(f"{error}, in the middle of the list", status=status)
    return error


def named(error: PageUnreadable, what: str) -> PageUnreadable:
    """The same error, saying where it happened."""
    return PageUnreadable(f"{what}: {error}", status=error.status, hint=error.hint)


def charset(answer: Answer) -> str | None:
    """The encoding that the answer's Content-Type says."""
    content_type = answer.headers.get("Content-Type", "")
    if "charset" not in content_type:
        return None
    return content_type.partition("charset=")[2].partition(";")[0].strip().strip('"') or None
