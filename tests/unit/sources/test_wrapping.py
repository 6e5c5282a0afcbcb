"""Records are made of lists that have none, and nothing else of them is touched."""

from typing import Any

import pytest

from holdfast.errors import DefinitionError, PageUnreadable
from tests.support.scripted_source import Asked, ScriptedSource, open_source


async def read(body: Any, endpoint: str) -> dict[str, bytes]:
    """The records by id."""
    async with (
        ScriptedSource(lambda _: body) as api,
        open_source(api, endpoints=f"- {{name: items, path: /items, {endpoint}}}") as source,
    ):
        pages = [page async for page in source.pages("items")]
        return {key: raw for page in pages for key, raw in zip(page.ids, page.raws, strict=True)}


async def test_plain_values_become_records_with_one_field() -> None:
    assert await read(["a", 7, 18446744073709551617, "é✓"], "values: name, id: name") == {
        "a": b'{"name": "a"}', "7": b'{"name": 7}', "18446744073709551617": b'{"name": 18446744073709551617}',
        "é✓": b'{"name": "\\u00e9\\u2713"}',
    }  # fmt: skip
    assert await read({"data": {"list": []}}, "records: data.list, values: name, id: name") == {}


async def test_an_object_gives_its_members_and_each_its_key() -> None:
    body = {"x": {"a": {"n": 1.50, "m": [1, 2]}, 'q"~': {}}}
    assert await read(body, "records: x, keys: key, id: key") == {
        "a": b'{"key": "a", "n": 1.5, "m": [1, 2]}', 'q"~': b'{"key": "q\\"~"}',
    }  # fmt: skip
    assert await read({"a": "u", "b": 2}, "keys: name, values: url, id: name") == {
        "a": b'{"name": "a", "url": "u"}', "b": b'{"name": "b", "url": 2}',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "endpoint", "said"),
    [
        ({"a": {"key": 1}}, "keys: key, id: key", "a record has a field 'key' of its own"),
        ([{"a": 1}], "keys: key, id: key", "an object whose members are records was expected as the whole body"),
        ({"a": [1]}, "values: name, id: name", "a list of records was expected as the whole body"),
        ({"a": 1}, "keys: key, id: key", "it is no object, but a number"),
        (["a"], "id: name", "it is no object, but text"),
        ({}, "records: there, keys: key, id: key", "was expected at 'there', but there is null"),
    ],
)
async def test_what_is_something_else_is_a_failure(body: Any, endpoint: str, said: str) -> None:
    with pytest.raises(PageUnreadable, match=said):
        await read(body, endpoint)


async def test_only_a_plain_path_leads_to_them() -> None:
    with pytest.raises(DefinitionError, match="`records` must be a plain path"):
        await read([], 'records: "a[*].b", values: name, id: name')


@pytest.mark.parametrize("answer", [{"text": "whole"}, {"name": "a", "text": "whole"}])
async def test_a_record_that_is_asked_for_gets_the_field_where_it_lacks_it(answer: dict[str, str]) -> None:
    def script(asked: Asked) -> Any:
        return ["a"] if asked.path == "/items" else answer

    endpoint = """
    - name: items
      path: /items
      values: name
      id: name
      detail: {path: "/items/{{ record.name }}", version: name}
    """
    async with ScriptedSource(script) as api, open_source(api, endpoints=endpoint) as source:
        (page,) = [page async for page in source.pages("items")]
        whole = b'{"name": "a", "text": "whole"}'
        assert await source.detail("items", None, page.raws[0]) == whole
        assert await source.record("items", None, {"name": "a"}) == whole
