import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import VaultError
from holdfast.vault import canonical as module
from holdfast.vault import digests

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


def shuffled(value: Any, draw: Any) -> Any:
    """The same value with its members in another order."""
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        return {name: shuffled(value[name], draw) for name in names}
    if isinstance(value, list):
        return [shuffled(item, draw) for item in value]
    return value


@given(st.data(), values, st.booleans())
def test_key_order_and_white_space_change_neither_canonical_form_nor_shape(data: Any, value: Any, ascii_only: bool):
    one = json.dumps(value, ensure_ascii=ascii_only)
    other = json.dumps(shuffled(value, data.draw), ensure_ascii=ascii_only, indent=data.draw(st.integers(0, 3)))
    white = st.text(alphabet=" \t\r\n", max_size=3)
    other = data.draw(white) + other.replace("\n", data.draw(white) + "\n") + data.draw(white)
    first, second = one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    assert digests.canonical(first) == digests.canonical(second)
    assert digests.shape(first) == digests.shape(second)


@given(values, values)
def test_equal_canonical_forms_mean_equal_shapes_and_equal_values(a: Any, b: Any):
    one, other = json.dumps(a).encode(), json.dumps(b, indent=1).encode()
    if digests.canonical(one) == digests.canonical(other):
        assert a == b
        assert digests.shape(one) == digests.shape(other)
    else:
        assert json.dumps(a, sort_keys=True) != json.dumps(b, sort_keys=True)


@given(values)
def test_the_canonical_form_is_the_same_value_and_its_own_canonical_form(value: Any):
    raw = json.dumps(value, indent=2).encode()
    form = digests.canonical(raw)
    assert json.loads(form) == value
    assert digests.canonical(form) == form
    assert digests.shape(form) == digests.shape(raw)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1.0}', b'{"a":1.00}'),
        (b'{"a":1e400}', b'{"a":1e401}'),
        (b'{"a":123456789012345678901234567890}', b'{"a":123456789012345678901234567891}'),
        (b'{"a":"\\ud800"}', b'{"a":"\\ud801"}'),
        (b'{"a":"x y"}', b'{"a":"xy"}'),
        (b'{"a":1,"a":2}', b'{"a":2,"a":1}'),
        (b"[1,2]", b"[2,1]"),
        (b'{"a":null}', b"{}"),
    ],
)
def test_every_other_difference_is_one(one: bytes, other: bytes):
    assert digests.canonical(one) != digests.canonical(other)


@pytest.mark.parametrize(
    "token", [b"1e400", b"-0.0", b"1" * 500, b'"\\ud800"', b'"\xed\xa0\x80"', b'"a\\"b\\\\"', b"null"]
)
def test_tokens_stay_verbatim(token: bytes):
    assert digests.canonical(b'{ "k" : ' + token + b" }") == b'{"k":' + token + b"}"


def test_nesting_deeper_than_the_stack_is_read():
    deep = b'{"a":[' * 50_000 + b"]}" * 50_000
    assert digests.canonical(deep) == deep
    assert digests.comparable(deep, ("a.a.b",)) == deep


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b"[1,]",
        b"[,1]",
        b"{1:2}",
        b"1 2",
        b"]",
        b'{"a":1]',
        b'"a',
        b'{"a" 1}',
        b"[1}",
    ],
)
def test_what_is_not_json_is_refused(raw: bytes):
    with pytest.raises(VaultError, match="not one JSON value"):
        digests.canonical(raw)


def test_volatile_paths_are_left_out_through_lists_and_however_they_are_spelt():
    raw = b'{"keep":1,"seen":5,"user":{"id":1,"last":2},'
    raw += b'"items":[{"id":1,"at":3},{"at":4}],"s\\u0065t":{"deep":[[{"x":1}]]}}'
    paths = ("seen", "user.last", "items.at", "set.deep.x", "nowhere.at.all")
    assert (
        digests.comparable(raw, paths)
        == b'{"items":[{"id":1},{}],"keep":1,"s\\u0065t":{"deep":[[{}]]},"user":{"id":1}}'
    )
    assert digests.comparable(b'{"\\ud83d\\ude00":1}', ("\U0001f600",)) == b"{}"
    assert digests.comparable(raw, ()) == digests.canonical(raw)


@given(values, st.sampled_from([(), ("a",), ("a.b", "b"), ("a.a.a", "", "b.a"), ("a", "a.b")]))
def test_the_way_taken_by_deep_values_gives_the_same_form(value: Any, volatile: tuple[str, ...]):
    raw = json.dumps({"a": value, "b": {"a": [value], "b": {"a": 1}}}).encode()
    paths = module._compiled(volatile)
    assert module._deep_canonical(raw, paths) == module._canonical(raw, paths)
    deep = b"[" * 60 + raw + b"]" * 60
    assert digests.comparable(deep, volatile) == b"[" * 60 + digests.comparable(raw, volatile) + b"]" * 60
