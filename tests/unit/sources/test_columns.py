"""Ids, cursors and tombstones of a page's records, read in bulk or one by one with the same result."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.definitions.document import Endpoint, Incremental, Tombstones
from holdfast.errors import PageUnreadable
from holdfast.sources.columns import Columns, Rows
from holdfast.sources.splitter import Splitter


def _columns(records: str = "", **settings: Any) -> Columns:
    return Columns(Endpoint(**{"name": "items", "path": "/items", "id": ("id",), **settings}), records)


def _read(body: bytes, **settings: Any) -> Rows:
    return _columns(**settings).read(body, Splitter(settings.get("records", "")).split(body).raws)


_ALL = {
    "id": ("id", "at.place"),
    "incremental": Incremental("at.updated", {}),
    "tombstones": Tombstones("deleted", True),
}


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers() | st.text("ab~%é", min_size=1, max_size=3),
                "at": st.fixed_dictionaries(
                    {"place": st.integers(0, 9)}, optional={"updated": st.none() | st.integers(0, 10**20)}
                ),
            },
            optional={"deleted": st.booleans() | st.integers(0, 1), "more": st.lists(st.floats(allow_nan=False))},
        )
    )
)
def test_bulk_and_single_reading_are_equal(records: list[dict[str, Any]]) -> None:
    body = json.dumps(records).replace("Infinity", "1e400").encode()
    raws = Splitter("").split(body).raws
    bulk = _columns(**_ALL)
    single = _columns(**_ALL)
    assert bulk._bulk is not None
    single._bulk = None
    assert bulk.read(body, raws) == single.read(body, raws)


def test_ids_are_text_as_sent() -> None:
    body = b'[{"id":7},{"id":"7a"},{"id":123456789012345678901234567890}]'
    assert _read(body).ids == ["7", "7a", "123456789012345678901234567890"]
    assert _read(b'[{"id":1.50},{"id":2e3}]').ids == ["1.50", "2e3"]


def test_parts_of_a_composite_id_are_escaped_and_joined() -> None:
    assert _read(b'[{"a":{"x":"1~2"},"b":3}]', id=("a.x", "b")).ids == ["1%7E2~3"]


def test_an_id_may_be_found_by_jmespath() -> None:
    assert _read(b'[{"keys":[{"k":5}]}]', id=("keys[0].k",)).ids == ["5"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'[{"id":1},{"name":"x"}]', "record 2: the id is null"),
        (b'[{"id":null}]', "record 1: the id is null"),
        (b'[{"id":""}]', "record 1: the id is empty text"),
        (b'[{"id":true}]', "record 1: the id is true or false"),
        (b'[{"id":[1]}]', "record 1: the id is a list"),
        (b'[{"id":"a\\u0000"}]', "a character no id may have"),
        (b'[{"id":"\\ud800"}]', "a character no id may have"),
        (b'[{"id":1},7]', "record 2: it is no object, but a number"),
        (b'[{"id":1},null]', "record 2: it is no object, but null"),
    ],
)
def test_a_record_without_an_id_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(PageUnreadable, match=reason):
        _read(body)


def test_the_cursor_is_the_greatest_value_as_sent_and_null_ones_do_not_count() -> None:
    incremental = Incremental("updated", {})
    body = b'[{"id":1,"updated":"2026-01-01T00:00:00Z"},{"id":2,"updated":null},{"id":3},{"id":4,"updated":""}]'
    assert _read(body, incremental=incremental).cursor == "2026-01-01T00:00:00Z"
    assert _read(b'[{"id":1,"updated":null}]', incremental=incremental).cursor is None
    assert _read(b'[{"id":1,"updated":1.50},{"id":2,"updated":1.5}]', incremental=incremental).cursor == "1.50"
    assert _read(b'[{"id":9},{"id":10}]', incremental=Incremental("id", {})).cursor == "10"
    with pytest.raises(PageUnreadable, match="record 1: the incremental field is an object"):
        _read(b'[{"id":1,"updated":{}}]', incremental=incremental)


@pytest.mark.parametrize(
    ("equals", "expected"),
    [(True, [True, False, False, False]), (1, [False, True, False, False]), ("gone", [False, False, True, False])],
)
def test_tombstones_equal_what_is_declared_and_one_is_not_true(equals: object, expected: list[bool]) -> None:
    body = b'[{"id":1,"d":true},{"id":2,"d":1},{"id":3,"d":"gone"},{"id":4}]'
    assert _read(body, tombstones=Tombstones("d", equals)).deleted == expected
    assert _read(body, tombstones=Tombstones("d || `0`", equals)).deleted == expected


def test_a_record_of_any_depth_has_its_id_read() -> None:
    body = b'[{"a":' + b"[" * 10_000 + b"]" * 10_000 + b',"id":5}]'
    assert _read(body).ids == ["5"]
    with pytest.raises(PageUnreadable, match="record 1: it is nested too deeply for the selector"):
        _read(body, id=("id || name",))
