"""JSON values as definitions see them: decoded without losing how a number was spelled.

Stored bytes are never made from these; they serve selectors, templates and ids only.
"""

import json
from collections.abc import Mapping, Sequence

import msgspec

from holdfast.errors import PageUnreadable

__all__ = ["NumberToken", "decode", "encode", "kind_of"]


class NumberToken(float):
    """A JSON number with a fraction or an exponent: counts as a float, and remembers its spelling in `token`."""

    __slots__ = ("token",)

    token: str

    def __new__(cls, token: str) -> "NumberToken":
        """The number that `token` spells; beyond a double's range it is infinite, its spelling still whole."""
        number = super().__new__(cls, token)
        number.token = token
        return number

    def __str__(self) -> str:
        return self.token

    __repr__ = __str__

    def __reduce__(self) -> tuple[type["NumberToken"], tuple[str]]:
        return NumberToken, (self.token,)


_MOST_DIGITS = 4_000
"""Of a whole number as an int: Python refuses to read longer ones, since that takes time by the square of them."""
_decoder = msgspec.json.Decoder(float_hook=NumberToken)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _whole(token: str) -> int | NumberToken:
    return int(token) if len(token) <= _MOST_DIGITS else NumberToken(token)


def decode(raw: bytes) -> object:
    """Decode one JSON document: whole numbers as int, other numbers and those of thousands of digits as NumberToken.

    What msgspec refuses but a source may well send (a lone surrogate) goes through the standard library, which is
    slower. Raises PageUnreadable for what is no JSON at all, or is nested too deeply to decode.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return json.loads(raw, parse_float=NumberToken, parse_int=_whole, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise PageUnreadable("the JSON is nested too deeply to look into") from error
    except ValueError as error:
        raise PageUnreadable(f"not valid JSON: {error}") from error


def encode(value: object) -> str:
    """JSON text of what `decode` gave, every number as the source spelt it. Encodes as UTF-8 whatever was decoded."""
    if isinstance(value, NumberToken):
        return value.token
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_encode_text(str(name))}: {encode(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(encode, value)) + "]"
    return _encode_text(value) if isinstance(value, str) else json.dumps(value)


def _encode_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can tell of
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def kind_of(value: object) -> str:
    """What a JSON value is, in words for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence):
        return "a list"
    return f"a {type(value).__name__}"
