import pickle

import msgspec
import pytest

from holdfast.definitions.values import NumberToken, decode, encode, kind_of
from holdfast.errors import PageUnreadable


@pytest.mark.parametrize("token", ["1.0", "1.50", "1E5", "-0.0", "1e400", "0.1000000000000000055511151231257827"])
def test_a_number_keeps_its_spelling(token: str) -> None:
    value = decode(token.encode())
    assert isinstance(value, NumberToken)
    assert str(value) == value.token == token
    assert value == float(token)
    assert pickle.loads(pickle.dumps(value)).token == token


@pytest.mark.parametrize(
    "token", ["0", "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"]
)
def test_whole_numbers_are_exact_at_any_size(token: str) -> None:
    assert decode(token.encode()) == int(token)


def test_a_number_of_thousands_of_digits_keeps_its_spelling() -> None:
    token = "-" + "9" * 5_000
    value = decode(f'{{"n": {token}}}'.encode())
    assert isinstance(value, dict)
    assert str(value["n"]) == token
    assert encode(value) == f'{{"n": {token}}}'


def test_what_msgspec_refuses_is_decoded_all_the_same() -> None:
    raw = b'{"lone": "\\ud800", "price": 1.10}'
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(raw)
    value = decode(raw)
    assert isinstance(value, dict)
    assert value["lone"] == "\ud800"
    assert str(value["price"]) == "1.10"


@pytest.mark.parametrize("raw", [b"", b"{", b"NaN", b"[Infinity]", b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_unreadable(raw: bytes) -> None:
    with pytest.raises(PageUnreadable):
        decode(raw)


def test_kinds_have_words() -> None:
    words = [kind_of(value) for value in (None, True, 1, 1.5, "a", {}, [], object())]
    assert words == ["null", "true or false", "a number", "a number", "text", "an object", "a list", "a object"]
