"""Where a listing goes on after a page: pure rules over an answer's headers and body. No I/O.

Each rule ends a listing only where the source itself says so: that a page is short, or shorter than asked for, proves
nothing. `Trail` refuses listings that go round in circles.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from multidict import MultiMapping

from holdfast.definitions.document import Count, Paging
from holdfast.definitions.values import decode, encode, kind_of
from holdfast.errors import PageUnreadable
from holdfast.sources.links import next_link
from holdfast.sources.page import Position

__all__ = [
    "Reply",
    "Trail",
    "beside_selectors",
    "continuation",
    "next_position",
    "query_of",
    "token_of",
    "told_count",
    "total_of",
    "value_of",
]

_MOST_EMPTY_PAGES = 1000
"""Pages without records in a row that a source may send while it says that there are more: some filter afterwards."""
_NOT_CARRIED = re.compile(r"[\x00\ud800-\udfff]")
_LONGEST_COUNT = 18
"""Digits of a count that comes as text."""
_MOST_PAGES = 10_000_000
"""Pages of one listing: a source that makes up new records for ever would never end otherwise."""
_LONGEST_TRAIL = 100_000
"""Hashes remembered, about 10 MB: a circle of more pages than that is found in its second round or never."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What paging looks at of an answer."""

    headers: MultiMapping[str]
    find: Callable[[str], Any]
    """The value of a selector over the body; None where there is nothing."""
    records: int
    """Records on this page, before any are dropped as repeated."""
    url: str
    """Where the page came from, for relative links."""


def beside_selectors(paging: Paging) -> list[str]:
    """The selectors that `next_position` will ask of a body."""
    return [text for text in (paging.body, paging.total, paging.total_pages, paging.has_more) if text]


def query_of(paging: Paging, here: Position | None) -> tuple[str, str] | None:
    """The query parameter that asks for the page at `here` (None: the first one); None: no parameter."""
    value = value_of(paging, here)
    return None if paging.query is None or value is None else (paging.query, str(value))


def value_of(paging: Paging, here: Position | None) -> object:
    """The cursor, number or offset that asks for the page at `here` (None: the first one); None: nothing is sent."""
    if paging.type == "cursor":
        if here is not None and "cursor_json" in here:
            return decode(here["cursor_json"].encode())
        return None if here is None else str(here["cursor"])
    if paging.type == "page":
        return paging.start if here is None else int(here["page"])
    if paging.type == "offset":
        return paging.first_offset if here is None else int(here["offset"])
    return None


def continuation(here: Position | None) -> tuple[int, int]:
    """Pages and records read before the page at `here`."""
    return (0, 0) if here is None else (int(here["pages"]), int(here["records"]))


def total_of(paging: Paging, reply: Reply) -> int | None:
    """How many records the whole list has, as the paging says; None: it says nothing."""
    return _count(paging.total, reply)


def next_position(paging: Paging, here: Position | None, reply: Reply) -> Position | None:
    """The position of the next page, or None: the source says that this one is the last.

    Raises PageUnreadable where the source contradicts itself, as an end before its own total does.
    """
    pages, records = continuation(here)
    done = {"pages": pages + 1, "records": records + reply.records}
    more = _has_more(paging, reply)
    step = _step(paging, here, reply, more, done["records"])
    if step is not None:
        return {**step, **done}
    total = _count(paging.total, reply)
    if total is not None and done["records"] < total:
        raise PageUnreadable(
            f"the listing ends after {done['records']} records, but the source counts {total}",
            hint="If the source's count includes records it does not list, take `total` out of the definition.",
        )
    return None


def _step(
    paging: Paging, here: Position | None, reply: Reply, more: bool | None, listed: int
) -> dict[str, int | str] | None:
    match paging.type:
        case "none":
            return None
        case "page":
            page = paging.start if here is None else int(here["page"])
            return {"page": page + 1} if _goes_on(paging, page, reply, more, listed) else None
        case "offset":
            if more and not reply.records:
                raise PageUnreadable("the page has no records, but the source says that there are more")
            return {"offset": paging.first_offset + listed} if _goes_on(paging, None, reply, more, listed) else None
        case "cursor":
            cursor = _following(_told(paging, reply), more)
            return None if cursor is None else {"cursor": cursor, **_as_sent(paging, reply)}
        case "next_url" | "link_header":
            told = next_link(reply.headers.getall("Link", [])) if paging.type == "link_header" else _told(paging, reply)
            target = _following(told, more)
            return (
                None
                if target is None
                else {"url": target if target.startswith(("http://", "https://")) else urljoin(reply.url, target)}
            )


def _goes_on(paging: Paging, page: int | None, reply: Reply, more: bool | None, listed: int) -> bool:
    """Whether a numbered listing has another page; what the source declares goes before what the page looks like."""
    if more is not None:
        return more
    pages = _count(paging.total_pages, reply)
    if pages is not None and page is not None:
        last = paging.start + pages - 1
        # A page with records past the declared last one: the count is older than they are, so look further.
        return page != last and (page < last or reply.records > 0)
    total = _count(paging.total, reply)
    if total is not None and listed >= total:
        return False
    return reply.records > 0


def _following(told: str | None, more: bool | None) -> str | None:
    if more is False:
        return None
    if more and told is None:
        raise PageUnreadable("the source says that there are more records, but not where")
    return told


def _told(paging: Paging, reply: Reply) -> str | None:
    """The cursor or URL that the answer gives, from header or body; null, false and empty text mean none."""
    if paging.header:
        return reply.headers.get(paging.header, "").strip() or None
    value = reply.find(paging.body or "")
    if value is None or value is False or value == "":
        return None
    if isinstance(value, str) or (isinstance(value, int) and value is not True):
        return _sendable(value, paging.body or "")
    if paging.into and value is not True:
        return encode(value) if value else None
    raise PageUnreadable(f"where the next page is, {paging.body!r} gives {kind_of(value)}")


def _as_sent(paging: Paging, reply: Reply) -> dict[str, str]:
    """The JSON of a cursor that goes back in a JSON body and is no text: a number, or the values of several fields."""
    value = reply.find(paging.body) if paging.into and paging.body else ""
    return {} if isinstance(value, str) else {"cursor_json": encode(value)}


def _has_more(paging: Paging, reply: Reply) -> bool | None:
    if not paging.has_more:
        return None
    value = reply.find(paging.has_more)
    if value is None or isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise PageUnreadable(f"whether there are more, {paging.has_more!r} gives {kind_of(value)}")


def _count(selector: str | None, reply: Reply) -> int | None:
    if not selector:
        return None
    return _whole_number(reply.find(selector), selector)


def told_count(count: Count, headers: MultiMapping[str], find: Callable[[str], Any]) -> int | None:
    """The count that an answer tells; None: it tells none. Raises PageUnreadable for what is no count."""
    if count.header:
        return _whole_number(headers.get(count.header, "").strip() or None, count.header)
    return _whole_number(find(count.select or ""), count.select or "")


def _whole_number(value: object, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_COUNT:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise PageUnreadable(f"as a count, {where!r} gives {kind_of(value)}")


def token_of(value: object, where: str) -> str | None:
    """A cursor that the source gives; None: none. Raises PageUnreadable for what is no text or number."""
    if value is None or value == "":
        return None
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return _sendable(value, where)
    raise PageUnreadable(f"as a cursor, {where!r} gives {kind_of(value)}")


def _sendable(value: str | int, where: str) -> str:
    """A cursor as it goes back. Raises PageUnreadable for one that no request and no database can carry."""
    text = str(value)
    if _NOT_CARRIED.search(text):
        raise PageUnreadable(f"as a cursor, {where!r} gives text with half a character or a NUL")
    return text


class Trail:
    """Where one listing has been. Refuses positions and pages that were there before, in bounded memory."""

    def __init__(self, start: Position | None, first_url: str, parameter: str | None = None) -> None:
        """`first_url` is where the listing begins: a next URL that leads back there is a circle too. `parameter` is
        what asks for the next page, for messages.
        """
        self._parameter = parameter
        self._positions: set[int] = {_place(start) if start is not None else hash(("url", first_url))}
        self._pages: set[int] = set()
        self._empty = 0

    def page(self, ids: Sequence[str], raws: Sequence[bytes]) -> None:
        """Note a page. Raises PageUnreadable where one of the same records was there already."""
        if not ids:
            self._empty += 1
            if self._empty >= _MOST_EMPTY_PAGES:
                raise PageUnreadable(
                    f"{self._empty} pages in a row have no records, and the source says there are more"
                )
            return
        self._empty = 0
        # The ids and the first and last record's bytes: hashing all bytes would cost as much as reading them.
        if not _note(self._pages, hash((*ids, raws[0], raws[-1]))):
            which = f" `{self._parameter}`" if self._parameter else ""
            raise PageUnreadable(
                "the page repeats one that was listed before, although another was asked for",
                hint=f"Does the source ignore the paging parameter{which}?",
            )

    def move(self, position: Position) -> None:
        """Note the position of the next page. Raises PageUnreadable where the listing has been there, or has no end."""
        if position["pages"] >= _MOST_PAGES:
            raise PageUnreadable(f"the listing has no end: {_MOST_PAGES} pages were read, and there are more")
        if not _note(self._positions, _place(position)):
            raise PageUnreadable("the page repeats: the source leads back to a position that was listed before")


def _place(position: Position) -> int:
    return hash(next((name, position[name]) for name in ("url", "cursor", "page", "offset") if name in position))


def _note(seen: set[int], mark: int) -> bool:
    if mark in seen:
        return False
    if len(seen) >= _LONGEST_TRAIL:
        seen.clear()
    seen.add(mark)
    return True
