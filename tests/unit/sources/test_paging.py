"""Every paging type ends where the source says so, and nowhere else."""

from typing import Any

import pytest
from multidict import CIMultiDict

from holdfast.definitions.document import Paging
from holdfast.errors import PageUnreadable
from holdfast.sources import paging as rules
from holdfast.sources.paging import Reply, Trail, next_position, query_of


def _reply(records: int = 10, headers: dict[str, str] | None = None, **body: Any) -> Reply:
    return Reply(CIMultiDict(headers or {}), body.get, records, "https://api.example/v1/items?a=1")


_PAGE = Paging("page", query="page")
_COUNTED = Paging("page", query="page", total_pages="pages")
_MORE = Paging("page", query="page", has_more="more")
_OFFSET = Paging("offset", query="skip")
_TOTAL = Paging("offset", query="skip", total="total")
_CURSOR = Paging("cursor", query="after", body="next")
_CURSOR_MORE = Paging("cursor", query="after", body="next", has_more="more")
_URL = Paging("next_url", body="next")
_HEADER = Paging("next_url", header="Next-Page")
_LINK = Paging("link_header")


def _at(**step: Any) -> dict[str, Any]:
    return {"pages": 2, "records": 20, **step}


@pytest.mark.parametrize(
    ("paging", "here", "reply", "expected"),
    [
        (Paging("none"), None, _reply(), None),
        # A page number: only a page without records ends it...
        (_PAGE, None, _reply(10), {"page": 2}),
        (_PAGE, _at(page=3), _reply(1), {"page": 4}),
        (_PAGE, _at(page=3), _reply(0), None),
        (Paging("page", query="page", start=0), None, _reply(10), {"page": 1}),
        # ... or the declared last page; an empty page before that does not.
        (_COUNTED, None, _reply(10, pages=2), {"page": 2}),
        (_COUNTED, _at(page=2), _reply(10, pages=2), None),
        (_COUNTED, _at(page=2), _reply(10, pages="2"), None),
        (_COUNTED, _at(page=2), _reply(0, pages=5), {"page": 3}),
        (_COUNTED, None, _reply(0, pages=0), None),
        (_COUNTED, None, _reply(10, pages=0), {"page": 2}),
        (_COUNTED, _at(page=3), _reply(10), {"page": 4}),
        (Paging("page", query="p", start=0, total_pages="pages"), _at(page=1), _reply(10, pages=2), None),
        # ... or has_more; where it is not there, an empty page again.
        (_MORE, None, _reply(10, more=False), None),
        (_MORE, None, _reply(0, more=True), {"page": 2}),
        (_MORE, None, _reply(10, more="false"), None),
        (_MORE, None, _reply(10, more=1), {"page": 2}),
        (_MORE, None, _reply(10), {"page": 2}),
        (_MORE, _at(page=2), _reply(0), None),
        # An offset counts the records that came, not those asked for.
        (_OFFSET, None, _reply(7), {"offset": 7}),
        (_OFFSET, _at(offset=20), _reply(3), {"offset": 23}),
        (_OFFSET, _at(offset=20), _reply(0), None),
        (_TOTAL, _at(offset=20), _reply(10, total=30), None),
        (_TOTAL, _at(offset=20), _reply(10, total=31), {"offset": 30}),
        (_TOTAL, _at(offset=20), _reply(10), {"offset": 30}),
        (_TOTAL, None, _reply(0, total=0), None),
        # Cursors: none, null, false and empty text end; has_more goes first.
        (_CURSOR, None, _reply(10, next="x"), {"cursor": "x"}),
        (_CURSOR, None, _reply(0, next=12345678901234567890), {"cursor": "12345678901234567890"}),
        (_CURSOR, None, _reply(10, next=""), None),
        (_CURSOR, None, _reply(10, next=None), None),
        (_CURSOR, None, _reply(10, next=False), None),
        (_CURSOR, None, _reply(10), None),
        (_CURSOR_MORE, None, _reply(10, next="x", more=False), None),
        (_CURSOR_MORE, None, _reply(10, next="x", more=True), {"cursor": "x"}),
        (Paging("cursor", query="c", header="X-Next"), None, _reply(headers={"x-next": "t"}), {"cursor": "t"}),
        # URLs, also relative ones.
        (
            _URL,
            None,
            _reply(next="https://api.example/v1/items?page=2"),
            {"url": "https://api.example/v1/items?page=2"},
        ),
        (_URL, None, _reply(next="?page=2"), {"url": "https://api.example/v1/items?page=2"}),
        (_URL, None, _reply(next="/v2"), {"url": "https://api.example/v2"}),
        (_URL, None, _reply(next=None), None),
        (_HEADER, None, _reply(headers={"next-page": "https://x/2"}), {"url": "https://x/2"}),
        (_HEADER, None, _reply(), None),
        (_LINK, None, _reply(headers={"link": '<https://x/2>; rel="next"'}), {"url": "https://x/2"}),
        (_LINK, None, _reply(headers={"link": '<https://x/2>; rel="prev"'}), None),
    ],
)
def test_where_the_listing_goes_on(
    paging: Paging, here: dict[str, Any] | None, reply: Reply, expected: dict[str, Any] | None
) -> None:
    pages, records = (here["pages"], here["records"]) if here else (0, 0)
    found = next_position(paging, here, reply)
    if expected is None:
        assert found is None
    else:
        assert found == {**expected, "pages": pages + 1, "records": records + reply.records}


@pytest.mark.parametrize(
    ("paging", "here", "reply", "reason"),
    [
        (_TOTAL, _at(offset=20), _reply(0, total=1000), "ends after 20 records, but the source counts 1000"),
        (Paging("link_header", total="total"), None, _reply(10, total=11), "ends after 10 records"),
        (Paging("offset", query="o", has_more="more"), None, _reply(0, more=True), "has no records, but"),
        (_CURSOR_MORE, None, _reply(10, more=True), "there are more records, but not where"),
        (_CURSOR, None, _reply(10, next={"a": 1}), "'next' gives an object"),
        (_CURSOR, None, _reply(10, next=True), "'next' gives true or false"),
        (_COUNTED, None, _reply(10, pages=[1]), "as a count, 'pages' gives a list"),
        (_COUNTED, None, _reply(10, pages=-1), "as a count"),
        (_MORE, None, _reply(10, more="maybe"), "'more' gives text"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused(
    paging: Paging, here: dict[str, Any] | None, reply: Reply, reason: str
) -> None:
    with pytest.raises(PageUnreadable, match=reason):
        next_position(paging, here, reply)


@pytest.mark.parametrize(
    ("paging", "here", "expected"),
    [
        (_PAGE, None, ("page", "1")),
        (_PAGE, _at(page=3), ("page", "3")),
        (_OFFSET, None, ("skip", "0")),
        (_OFFSET, _at(offset=23), ("skip", "23")),
        (_CURSOR, None, None),
        (_CURSOR, _at(cursor="a+b"), ("after", "a+b")),
        (_LINK, None, None),
        (Paging("none"), None, None),
    ],
)
def test_the_parameter_that_asks_for_a_page(
    paging: Paging, here: dict[str, Any] | None, expected: tuple[str, str] | None
) -> None:
    assert query_of(paging, here) == expected


def test_a_position_that_was_there_before_is_a_circle() -> None:
    trail = Trail(None, "https://x/items")
    trail.move(_at(url="https://x/items?page=2"))
    trail.move(_at(url="https://x/items?page=3"))
    with pytest.raises(PageUnreadable, match="repeats"):
        trail.move(_at(url="https://x/items?page=2"))
    with pytest.raises(PageUnreadable, match="repeats"):
        Trail(None, "https://x/items").move(_at(url="https://x/items"))
    with pytest.raises(PageUnreadable, match="repeats"):
        Trail(_at(cursor="c"), "https://x/items").move({"cursor": "c", "pages": 3, "records": 30})


def test_a_page_that_was_there_before_repeats() -> None:
    trail = Trail(None, "https://x")
    trail.page(["1", "2"], [b"{1}", b"{2}"])
    trail.page([], [])
    trail.page(["1", "2"], [b"{1}", b"{2, changed}"])
    with pytest.raises(PageUnreadable, match="the page repeats one"):
        trail.page(["1", "2"], [b"{1}", b"{2}"])


def test_endless_empty_pages_are_refused() -> None:
    trail = Trail(None, "https://x")
    for _ in range(rules._MOST_EMPTY_PAGES - 1):
        trail.page([], [])
    with pytest.raises(PageUnreadable, match="1000 pages in a row have no records"):
        trail.page([], [])


def test_memory_of_a_trail_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_LONGEST_TRAIL", 100)
    trail = Trail(None, "https://x")
    for number in range(1000):
        trail.move(_at(page=number))
        trail.page([str(number)], [b"{}"])
    assert len(trail._positions) <= 100
    assert len(trail._pages) <= 100
