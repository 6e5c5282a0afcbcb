"""Pages are split into the bytes that were sent, on every way there is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import PageUnreadable
from holdfast.sources import splitter
from holdfast.sources.scanner import NotJson
from holdfast.sources.splitter import Splitter, decode_leniently, utf8

_RECORDS = st.lists(
    st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False)),
    max_size=5,
)


@given(_RECORDS, st.sampled_from([None, 2]))
def test_every_way_of_splitting_gives_the_same_bytes(records: list[dict[str, Any]], indent: int | None) -> None:
    body = json.dumps({"meta": {"total": len(records)}, "data": {"items": records}}, indent=indent).encode()
    body = body.replace(b"Infinity", b"1e400")
    fast = Splitter("data.items", ["meta.total"]).split(body)
    slow = Splitter("data.items")._from_scanner(body, ("data", "items"))
    picked = Splitter("data.items[*]").split(body)
    lenient = Splitter("data.items || `[]`", ["meta.total"]).split(body)
    assert fast.raws == slow.raws == picked.raws == lenient.raws
    assert [json.loads(raw) for raw in fast.raws] == json.loads(body)["data"]["items"]
    assert fast.find("meta.total") == slow.find("meta.total") == picked.find("meta.total") == len(records)


def test_bytes_are_kept_as_sent() -> None:
    body = b'[ {"id" : 1.00,\n "big": 123456789012345678901234567890, "e":1E5, "u":"\\u0041"} , {"id":2}]'
    assert Splitter("").split(body).raws == [
        b'{"id" : 1.00,\n "big": 123456789012345678901234567890, "e":1E5, "u":"\\u0041"}',
        b'{"id":2}',
    ]


def test_a_page_with_a_lone_surrogate_is_split_all_the_same() -> None:
    body = b'{"items":[{"id":1,"a":"\\ud800"},{"id":2}],"next":"\\ud800x","total":5}'
    split = Splitter("items", ["next", "total"]).split(body)
    assert split.raws == [b'{"id":1,"a":"\\ud800"}', b'{"id":2}']
    assert (split.find("total"), split.find("next"), split.find("missing")) == (5, "\ud800x", None)
    assert Splitter("items[?id]").split(body).raws == split.raws


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("edges[].node", [b'{"id":1}', b'{"id": 2 }']),
        ("edges[?node.id > `1`].node", [b'{"id": 2 }']),
        ("values(by_id)", [b'{"id":3}', b'{"id":4}']),
        ("[@.single]", [b'{"id":5}']),
        ("edges[].node | reverse(@)", [b'{"id": 2 }', b'{"id":1}']),
        ("[edges[0].node, edges[0].node]", [b'{"id":1}', b'{"id":1}']),
    ],
)
def test_jmespath_selects_records_and_their_bytes_stay(selector: str, expected: list[bytes]) -> None:
    body = b'{"edges":[{"node":{"id":1}},{"node":{"id": 2 }}],"by_id":{"x":{"id":3},"y":{"id":4}},"single":{"id":5}}'
    assert Splitter(selector).split(body).raws == expected


def test_a_selector_that_builds_records_is_refused() -> None:
    with pytest.raises(PageUnreadable, match=r"record 1 that .* is not an object as it was sent"):
        Splitter("[].{id: id}").split(b'[{"id":1}]')


@pytest.mark.parametrize(
    ("records", "body", "reason"),
    [
        ("items", b'{"error":"no"}', "a list of records was expected at 'items', but there is null: .*error"),
        ("items", b'{"items":null}', "there is null"),
        ("items", b'{"items":{"a":1}}', "there is an object"),
        ("a.b", b'{"a":7}', "expected at 'a.b'"),
        ("", b'{"items":[]}', "as the whole body, but there is an object"),
        ("items", b"[]", "there is null"),
        ("items[*]", b'{"ok":false}', "there is null"),
        ("items || `[]`", b"[]", "there is null"),
        ("items || `[]`", b'{"items": 7}', "there is a number"),
    ],
)
def test_a_page_without_a_list_says_what_there_is(records: str, body: bytes, reason: str) -> None:
    with pytest.raises(PageUnreadable, match=reason):
        Splitter(records).split(body)


def test_a_list_that_may_be_missing_is_empty() -> None:
    assert Splitter("items || `[]`").split(b'{"total":0}').raws == []


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"items":[', b'{"items":[{"id":NaN}]}', b'{"items":[]} {}'])
def test_what_is_no_json_is_told_from_what_has_no_list(body: bytes) -> None:
    with pytest.raises(NotJson):
        Splitter("items").split(body)


def test_selectors_beside_the_list_may_lead_through_nothing() -> None:
    split = Splitter("items", ["meta.next", "items[-1].id", "meta"]).split(b'{"items":[{"id":"x"}],"meta":null}')
    assert [split.find(text) for text in ("meta.next", "items[-1].id", "meta")] == [None, "x", None]


def test_a_body_of_endless_tiny_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitter, "_MOST_VALUES", 1000)
    with pytest.raises(PageUnreadable, match="more than 1000 values"):
        Splitter("").split(b"[" + b"1," * 2000 + b"1]")


def test_bytes_that_are_no_utf8_are_kept_and_looked_into() -> None:
    split = Splitter("").split(b'[{"id":"\xff"}]')
    assert split.raws == [b'{"id":"\xff"}']
    assert decode_leniently(split.raws[0]) == {"id": "�"}


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ('["é"]'.encode(), None),
        ('["é"]'.encode(), "iso-8859-1"),
        ('["é"]'.encode("latin-1"), "ISO-8859-1"),
        ('["é"]'.encode("utf-8-sig"), None),
        ('["é"]'.encode("utf-16"), None),
        ('["é"]'.encode("utf-16-be"), None),
        ('["é"]'.encode("utf-16-le"), None),
        ('["é"]'.encode("utf-32"), "utf-32"),
        ('["é"]'.encode("utf-32-be"), None),
        ('["é"]'.encode("utf-32-le"), None),
        ('["é"]'.encode("shift_jisx0213"), "shift_jisx0213"),
    ],
)
def test_any_encoding_becomes_utf8(body: bytes, charset: str | None) -> None:
    assert utf8(body, charset) == '["é"]'.encode()


@pytest.mark.parametrize(("body", "charset"), [(b'["\xff"]', "klingon"), (b'\xff\xfe["\x00', None)])
def test_an_unknown_or_broken_encoding_is_named(body: bytes, charset: str | None) -> None:
    with pytest.raises(PageUnreadable, match="the body cannot be read as"):
        utf8(body, charset)
