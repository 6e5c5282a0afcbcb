"""Sync tokens, feeds of changes, details, sweeps, deletions and counts against a real server."""

from typing import Any

import pytest
from aiohttp import web

from holdfast.errors import PageUnreadable, PositionExpired, SourceError, SourceFailed, SourceRefused
from holdfast.sources.page import CursorExpired, Page, Parent
from tests.support.scripted_source import Asked, ScriptedSource, open_source

TOKEN = """
- name: items
  path: /items
  records: items
  id: id
  paging: {type: cursor, query: page, body: next}
  incremental: {token: sync, query: {since: "{{ cursor }}"}, expired_on: 410}
  tombstones: {field: "status == 'gone' && !kept"}
"""
FEED = """
- name: items
  path: /items
  records: items
  id: id
  record: {path: "/items/{{ record.id }}"}
  changes:
    path: /changes
    query: {from: "{{ cursor }}"}
    records: changes
    id: item_id
    record: item
    next: next || end
    paging: {type: cursor, query: page, body: more}
    start: {path: /changes/now, query: {a: b}, token: token}
    tombstones: {field: removed}
    gap: limited
    expired_on: [410]
"""
NAMED = """
- name: items
  path: /items
  records: items
  id: id
  record: {path: "/items/{{ record.id }}"}
  changes:
    path: /changes
    query: {from: "{{ cursor }}", limit: 5}
    paging: {type: cursor, query: from, body: more}
    records: events
    id: "[id, redacts]"
    record: "@"
    next: end
    start: {path: /now, token: token}
"""


async def read(pages: Any) -> list[Page]:
    return [page async for page in pages]


async def test_the_last_page_of_a_list_gives_the_token() -> None:
    def script(asked: Asked) -> Any:
        items = [{"id": 1, "status": "gone"}, {"id": 2, "status": "gone", "kept": True}]
        return {"items": items, "sync": "s1"} if asked.query.get("page") else {"items": [], "next": "p2", "sync": "no"}

    async with ScriptedSource(script) as api, open_source(api, endpoints=TOKEN) as source:
        pages = await read(source.pages("items"))
        assert [page.cursor for page in pages] == [None, "s1"]
        assert pages[1].deleted == [True, False]
        await read(source.pages("items", cursor="s0"))
    assert [asked.query for asked in api.log[2:]] == [{"since": "s0"}, {"since": "s0", "page": "p2"}]


async def test_an_expired_token_asks_for_everything() -> None:
    async with ScriptedSource(lambda asked: (410, {})) as api, open_source(api, endpoints=TOKEN) as source:
        with pytest.raises(CursorExpired, match="endpoint items, page 1: the source no longer knows what changed"):
            await read(source.pages("items", cursor="s0"))
        with pytest.raises(SourceRefused):
            await read(source.pages("items"))
        with pytest.raises(PositionExpired) as caught:
            await read(source.pages("items", cursor="s0", position={"cursor": "p2", "pages": 1, "records": 1}))
        assert type(caught.value) is PositionExpired


async def test_a_feed_tells_what_has_changed_and_where_it_is() -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/changes/now":
            return {"token": 17}
        if "page" in asked.query:
            return {"end": "c3"}
        changes = [
            {"item_id": "1", "item": {"id": 1, "v": 1.50}},
            {"item_id": 2, "removed": True},
            {"item_id": "3"},
            {"item_id": "1", "item": {"id": 1, "v": 2.50}},
            {"item_id": "2", "item": {"id": 2}},
            {"item_id": "4", "item": {"id": 4}},
            {"item_id": "4", "removed": True},
        ]
        return {"changes": changes, "more": "p2", "next": "c2"}

    async with ScriptedSource(script) as api, open_source(api, endpoints=FEED) as source:
        assert await source.first_cursor("items", None) == "17"
        first, last = await read(source.changes("items", None, "17"))
        assert dict(zip(first.ids, zip(first.raws, first.deleted or [], strict=True), strict=True)) == {
            "3": (b"", False), "1": (b'{"id": 1, "v": 2.5}', False), "2": (b'{"id": 2}', False), "4": (b"", True),
        }  # fmt: skip
        assert (first.cursor, last.cursor, last.ids, last.next) == ("c2", "c3", [], None)
        assert await read(source.changes("items", None, "17", first.next)) == [last]
    assert api.log[0].query == {"a": "b"}
    assert [asked.query for asked in api.log[1:3]] == [{"from": "17"}, {"from": "17", "page": "p2"}]


async def test_an_entry_may_name_several_records_and_hold_one_of_them() -> None:
    events = [{"id": "e1"}, {"id": "e2", "redacts": "e0"}]
    async with (
        ScriptedSource(lambda asked: {"events": events, "end": "t"}) as api,
        open_source(api, endpoints=NAMED) as source,
    ):
        (page,) = await read(source.changes("items", None, "s"))
        assert (page.ids, page.raws) == (
            ["e1", "e2", "e0"], [b'{"id": "e1"}', b'{"id": "e2", "redacts": "e0"}', b""],
        )  # fmt: skip
        assert source.fields_of_id("items", "e0") == {"id": "e0"}


async def test_a_feeds_cursor_and_the_cursor_of_its_pages_may_be_the_same_parameter() -> None:
    def script(asked: Asked) -> Any:
        return {"events": [{"id": 2}], "end": "t2"} if asked.query["from"] == "p2" else {"events": [], "more": "p2"}

    async with ScriptedSource(script) as api, open_source(api, endpoints=NAMED) as source:
        assert [page.cursor for page in await read(source.changes("items", None, "s"))] == [None, "t2"]
    assert [asked.query for asked in api.log] == [{"from": "s", "limit": "5"}, {"from": "p2", "limit": "5"}]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ({"changes": [], "next": "c", "limited": True}, CursorExpired, "has left something out"),
        ((410, {}), CursorExpired, "no longer knows"),
        ({"error": "x"}, PageUnreadable, "the last page of the changes has no cursor at 'next || end'"),
        ({"changes": [{"item_id": None}], "next": "c"}, PageUnreadable, "entry 1: the id is null"),
        ({"changes": [{"item_id": 1, "item": {"id": 2}}], "next": "c"}, PageUnreadable, "but holds the record 2"),
        ({"changes": [], "next": {"a": 1}}, PageUnreadable, "as a cursor, 'next || end' gives an object"),
        ((500, {}), SourceFailed, "answered 500"),
    ],
)
async def test_a_feed_that_is_not_whole_is_never_taken_for_one(
    answer: Any, kind: type[SourceError], message: str
) -> None:
    async with ScriptedSource(lambda asked: answer) as api, open_source(api, endpoints=FEED) as source:
        with pytest.raises(kind, match="endpoint items, changes, page 1: ") as caught:
            await read(source.changes("items", None, "17"))
    assert message in str(caught.value)
    assert type(caught.value) is kind


@pytest.mark.parametrize("answer", [{}, {"token": None}, {"token": True}, []])
async def test_a_feed_without_a_beginning_is_a_failure(answer: Any) -> None:
    async with ScriptedSource(lambda asked: answer) as api, open_source(api, endpoints=FEED) as source:
        with pytest.raises(PageUnreadable, match="endpoint items, the first cursor of its changes"):
            await source.first_cursor("items", None)


DETAIL = """
- name: items
  path: /items
  records: items
  id: [key.a, key.b]
  detail: {path: "/items/{{ record.key.a }}/{{ record.key.b }}", query: {full: 1}, select: item, version: [etag, rev]}
"""


async def test_a_stub_has_a_version_and_a_whole_record() -> None:
    whole = b'{"key": {"a": 1, "b": "x"}, "etag": "e", "rev": 1.50}'

    def script(asked: Asked) -> Any:

        if asked.path == "/items/1/x":
            return web.Response(body=b'{"item": ' + whole + b"}", content_type="application/json")
        return (404, {}) if asked.path == "/items/1/gone" else (500, {})

    async with ScriptedSource(script) as api, open_source(api, endpoints=DETAIL) as source:
        stub = b'{"key": {"a": 1, "b": "x"}, "etag": "e", "rev": 1.50}'
        assert source.version("items", stub) == b'["e",1.50]'
        assert source.version("items", b'{"etag": "e"}') is None
        assert await source.detail("items", None, stub) == whole
        assert await source.record("items", None, {"key": {"a": 1, "b": "x"}}) == whole
        assert await source.detail("items", None, b'{"key": {"a": 1, "b": "gone"}}') is None
        with pytest.raises(SourceFailed, match="endpoint items, record 1~y: the source answered 500"):
            await source.detail("items", None, b'{"key": {"a": 1, "b": "y"}}')
        assert source.fields_of_id("items", "1~x%7Ey") == {"key": {"a": "1", "b": "x~y"}}
    assert api.log[0].query == {"full": "1"}


ASIDES = """
- {name: teams, path: /teams, id: id, stable: true}
- name: items
  for_each: teams
  path: "/teams/{{ parent.id }}/items"
  id: id
  incremental: {field: at, query: {since: "{{ cursor }}"}}
  sweep: {path: "/teams/{{ parent.id }}/ids", records: ids, id: id, paging: {type: page, query: page}}
  deletions: {path: /deleted, query: {team: "{{ parent.id }}", since: "{{ cursor }}"}, id: item, field: at}
  count: {path: "/teams/{{ parent.id }}/items", method: HEAD, header: Total}
"""


async def test_sweeps_deletions_and_counts_are_asked_for() -> None:
    def script(asked: Asked) -> Any:

        if asked.path == "/teams/7/ids":
            return {"ids": [{"id": 1}, {"id": 2}] if asked.query["page"] == "1" else []}
        if asked.path == "/deleted":
            return [{"item": 3, "at": "2026-01-01"}, {"item": 4, "at": "2026-01-02"}]
        return web.Response(headers={"Total": "120"})

    parent = Parent("7", {"id": 7})
    async with ScriptedSource(script) as api, open_source(api, endpoints=ASIDES) as source:
        assert [page.ids for page in await read(source.sweep("items", parent))] == [["1", "2"], []]
        assert await read(source.removals("items", parent, None)) == [[("3", "2026-01-01"), ("4", "2026-01-02")]]
        await read(source.removals("items", parent, "2026-01-02"))
        assert await source.count("items", parent) == 120
    assert [(asked.method, asked.query) for asked in api.log[2:]] == [
        ("GET", {"team": "7"}), ("GET", {"team": "7", "since": "2026-01-02"}), ("HEAD", {}),
    ]  # fmt: skip


@pytest.mark.parametrize("total", ["", "many"])
async def test_a_count_that_is_none_is_a_failure(total: str) -> None:
    def script(asked: Asked) -> Any:

        return web.Response(headers={"Total": total} if total else {})

    async with ScriptedSource(script) as api, open_source(api, endpoints=ASIDES) as source:
        with pytest.raises(PageUnreadable, match="endpoint items of 7, count: "):
            await source.count("items", Parent("7", {"id": 7}))


@pytest.mark.parametrize(("told", "expected"), [("{select: total}", 5), ("{header: X-Total}", 7)])
async def test_a_count_may_come_with_the_pages(told: str, expected: int) -> None:

    endpoints = f"- {{name: items, path: /items, id: id, records: items, count: {told}}}"
    answer = lambda asked: web.json_response({"items": [], "total": 5}, headers={"X-Total": "7"})  # noqa: E731
    async with ScriptedSource(answer) as api, open_source(api, endpoints=endpoints) as source:
        (page,) = await read(source.pages("items"))
    assert page.counted == expected
