"""What a POST sends, and lists that are asked for with POST."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from holdfast.definitions.document import RequestBody
from holdfast.definitions.values import decode
from holdfast.errors import DefinitionError, PageUnreadable, SourceRefused
from holdfast.sources.bodies import Content
from holdfast.sources.page import Page, Parent
from holdfast.sources.source import Source
from tests.support.scripted_source import Asked, ScriptedSource, open_source

PARENT = decode(b'{"id": 7, "ratio": 1.50, "big": 123456789012345678901234567890, "tags": ["a"], "none": null}')


def rendered(value: Any) -> str:
    return Content(RequestBody(json=value), {"parent": PARENT, "team": "blue", "cursor": "12"}).encoded().decode()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ({"a": "{{ team }}", "b": 1, "c": True, "d": None}, '{"a":"blue","b":1,"c":true,"d":null}'),
        ({"id": "{{ parent.id }}", "ratio": "{{ parent.ratio }}"}, '{"id":7,"ratio":1.50}'),
        (
            {"big": "{{ parent.big }}", "tags": "{{ parent.tags }}"},
            '{"big":123456789012345678901234567890,"tags":["a"]}',
        ),
        ({"id": "n{{ parent.id }}", "since": "{{ cursor | int }}"}, '{"id":"n7","since":12}'),
        ({"gone": "{{ parent.none }}", "absent": "{{ parent.x }}-", "l": ["{{ parent.x }}", None]}, '{"l":[null]}'),
        ({"filter": {"at": {"gte": "{{ parent.x }}"}}, "all": [["{{ parent.x }}"]], "e": {}}, '{"e":{}}'),
        ({"filter": {"at": "{{ parent.x }}"}}, "{}"),
        ([{"a": 'say "{{ team }}"\n'}], '[{"a":"say \\"blue\\"\\n"}]'),
    ],
)
def test_json_is_rendered_with_the_types_of_its_values(written: Any, sent: str) -> None:
    assert rendered(written) == sent
    json.loads(sent)


def test_the_pagings_value_is_put_where_it_belongs() -> None:
    content = Content(RequestBody(graphql="query q", variables={"first": 5}), {})
    assert json.loads(content.encoded()) == {"query": "query q", "variables": {"first": 5}}
    assert json.loads(content.encoded(("variables", "after"), "x"))["variables"] == {"first": 5, "after": "x"}
    assert json.loads(Content(RequestBody(json={}), {}).encoded(("page", "number"), 2)) == {"page": {"number": 2}}
    with pytest.raises(DefinitionError, match="no object there"):
        Content(RequestBody(json={"page": 1}), {}).encoded(("page", "number"), 2)


def test_a_form_is_encoded_as_one() -> None:
    content = Content(
        RequestBody(form={"a": "{{ team }} & é", "b": "{{ parent.none }}"}), {"team": "x", "parent": PARENT}
    )
    assert content.encoded(("cursor",), "c=1") == b"a=x+%26+%C3%A9&cursor=c%3D1"
    assert content.content_type == "application/x-www-form-urlencoded"


GRAPHQL = """
- name: items
  path: /graphql
  method: POST
  for_each: teams
  body:
    graphql: "query ($team: Int!, $since: String, $after: String) { items { nodes { id } } }"
    variables: {team: "{{ parent.id }}", since: "{{ cursor }}"}
  records: data.items.nodes
  id: id
  paging:
    type: cursor
    into: variables.after
    body: data.items.pageInfo.endCursor
    has_more: data.items.pageInfo.hasNextPage
  incremental: {field: updatedAt, query: {}, overlap: 1m}
- {name: teams, path: /teams, id: id, stable: true}
"""


def relay(asked: Asked) -> Any:
    if asked.path != "/graphql" or asked.method != "POST":
        return None
    after = int(asked.json["variables"].get("after", "0"))
    nodes = [{"id": n, "updatedAt": f"2026-01-01T00:00:{n:02d}Z"} for n in range(after + 1, min(after + 3, 6))]
    more = after + 2 < 5
    return {"data": {"items": {"nodes": nodes, "pageInfo": {"endCursor": str(after + 2), "hasNextPage": more}}}}


async def listed(source: Source, **more: Any) -> list[Page]:
    return [page async for page in source.pages("items", Parent("7", {"id": 7}), **more)]


async def test_a_graphql_list_is_read_to_its_end_and_goes_on_anywhere() -> None:
    async with ScriptedSource(relay) as api, open_source(api, endpoints=GRAPHQL) as source:
        pages = await listed(source)
        assert [page.ids for page in pages] == [["1", "2"], ["3", "4"], ["5"]]
        assert [asked.json["variables"] for asked in api.log] == [
            {"team": 7}, {"team": 7, "after": "2"}, {"team": 7, "after": "4"},
        ]  # fmt: skip
        assert api.log[0].headers["Content-Type"] == "application/json"
        assert await listed(source, position=pages[0].next) == pages[1:]
        await listed(source, cursor="2026-01-01T00:05:00Z")
        assert api.log[-1].json["variables"]["since"] == "2026-01-01T00:04:00Z"


SEARCH_AFTER = """
- name: items
  path: /search
  method: POST
  body: {json: {size: 2}}
  records: hits
  id: id
  paging: {type: cursor, into: search_after, body: "hits[-1].sort"}
"""


@pytest.mark.parametrize(
    "sort", [lambda n: n, lambda n: [n, f"t{n}"], lambda n: {"at": 1.50, "id": n}], ids=["number", "list", "object"]
)
async def test_a_cursor_goes_back_into_a_body_as_it_was_sent(sort: Callable[[int], Any]) -> None:
    def search(asked: Asked) -> Any:
        hits = [{"id": n, "sort": sort(n)} for n in range(1, 6)]
        after = asked.json.get("search_after")
        begin = 0 if after is None else [one["sort"] for one in hits].index(after) + 1
        return {"hits": hits[begin : begin + 2]}

    async with ScriptedSource(search) as api, open_source(api, endpoints=SEARCH_AFTER) as source:
        pages = [page async for page in source.pages("items")]
        assert [page.ids for page in pages] == [["1", "2"], ["3", "4"], ["5"], []]
        assert [page async for page in source.pages("items", position=pages[0].next)] == pages[1:]


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {"items": {"nodes": [{"id": 1}], "pageInfo": {}}}}])
async def test_a_graphql_answer_with_errors_is_a_failure_whatever_else_it_has(data: Any) -> None:
    async with (
        ScriptedSource(lambda asked: {"errors": [{"message": "field x does not exist"}], **data}) as api,
        open_source(api, endpoints=GRAPHQL) as source,
    ):
        with pytest.raises(SourceRefused, match=r"endpoint items of 7, page 1: .* field x does not exist"):
            await listed(source)


async def test_a_graphql_answer_without_the_list_is_a_failure() -> None:
    async with ScriptedSource(lambda asked: {"data": {}}) as api, open_source(api, endpoints=GRAPHQL) as source:
        with pytest.raises(PageUnreadable, match="a list of records was expected"):
            await listed(source)


FORM = """
- name: items
  path: /list
  method: POST
  body: {form: {kind: all, limit: 2}}
  records: items
  id: id
  paging: {type: offset, into: start}
"""


async def test_a_list_that_is_asked_for_by_a_form() -> None:
    def script(asked: Asked) -> Any:
        start = int(asked.form["start"])
        return {"items": [{"id": n} for n in range(start, min(start + 2, 5))]}

    async with ScriptedSource(script) as api, open_source(api, endpoints=FORM) as source:
        pages = [page async for page in source.pages("items")]
    assert [page.ids for page in pages] == [["0", "1"], ["2", "3"], ["4"], []]
    assert api.log[1].form == {"kind": "all", "limit": "2", "start": "2"}


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_post_is_not_turned_into_a_get(status: int) -> None:
    def script(asked: Asked) -> Any:
        return web.Response(status=status, headers={"Location": "/other"})

    async with ScriptedSource(script) as api, open_source(api, endpoints=FORM) as source:
        with pytest.raises(SourceRefused, match="redirects a POST"):
            await anext(source.pages("items"))
    assert api.paths == ["/list"]


async def test_a_post_that_is_moved_keeps_its_body_but_never_leaves_home() -> None:
    async with ScriptedSource(lambda asked: {"items": []}) as other:

        def script(asked: Asked) -> Any:
            if asked.path == "/list":
                return web.Response(status=308, headers={"Location": "/moved"})
            if asked.path == "/moved" and "away" not in asked.query:
                return {"items": []}
            return web.Response(status=307, headers={"Location": f"{other.url}/list"})

        async with ScriptedSource(script) as api, open_source(api, endpoints=FORM) as source:
            await anext(source.pages("items"))
            assert api.log[1].form == {"kind": "all", "limit": "2", "start": "0"}
        async with (
            ScriptedSource(lambda asked: web.Response(status=307, headers={"Location": f"{other.url}/list"})) as api,
            open_source(api, endpoints=FORM) as source,
        ):
            with pytest.raises(SourceRefused, match="leads to another address"):
                await anext(source.pages("items"))
        assert not other.log


async def test_several_headers_are_a_credential_that_stays_at_home() -> None:
    connection = 'auth: {type: headers, headers: {X-App: holdfast, X-Key: "{{ token }}"}}'
    async with ScriptedSource(lambda asked: {"items": []}) as other:

        def script(asked: Asked) -> Any:
            return {"items": [], "leads": asked.headers["X-Key"]}

        async with ScriptedSource(script) as api, open_source(api, connection) as source:
            await anext(source.pages("items"))
            assert (api.log[0].headers["X-App"], api.log[0].headers["X-Key"]) == ("holdfast", "t0ken-secret")
            api.script = lambda asked: web.Response(status=302, headers={"Location": f"{other.url}/items"})
            with pytest.raises(SourceRefused, match="leads to another address"):
                await anext(source.pages("items"))
        assert not other.log
