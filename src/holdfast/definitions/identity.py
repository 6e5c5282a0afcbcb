"""What identifies a record, as text: ids of one or several parts, and the key of a child within its endpoint.

Parts of a composite are joined by `~`; a `~` inside a part is written `%7E` and a `%` is written `%25`, so that
different parts never make the same text. An id of a single part stands as it is.
"""

from collections.abc import Sequence

import msgspec

from holdfast.definitions.values import NumberToken, decode, kind_of
from holdfast.errors import PageUnreadable

__all__ = ["child_key", "join", "part", "record_key", "split", "split_child_key"]

_SEPARATOR = "~"


def part(value: object) -> str:
    """One part of an id as text: text as it is, a number in the spelling it was sent with.

    `value` comes from `values.decode`, or is a `msgspec.Raw` (one JSON token). Raises PageUnreadable, whose message
    goes on after "the id ", for everything that identifies nothing: null, true and false, lists, objects, empty text,
    text that no database can hold (NUL, lone surrogates), and plain floats, whose spelling is lost.
    """
    if isinstance(value, str):
        # isascii() is a flag read, and nearly every id is ASCII.
        if not value or "\0" in value or not (value.isascii() or _is_encodable(value)):
            raise PageUnreadable(
                "the id is empty text" if not value else f"the id {value!r} has a character no id may have"
            )
        return value
    if isinstance(value, bool) or value is None:
        raise PageUnreadable(f"the id is {kind_of(value)}, which identifies nothing")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, NumberToken):
        return value.token
    if isinstance(value, msgspec.Raw):
        raw = bytes(value)
        return raw.strip().decode() if _starts_a_number(raw) else part(decode(raw))
    if isinstance(value, float):
        raise PageUnreadable(f"the id {value!r} is a number whose spelling was lost")
    raise PageUnreadable(f"the id is {kind_of(value)}, which identifies nothing")


def join(parts: Sequence[str]) -> str:
    """The id that these parts make; a single part stands as it is."""
    if len(parts) == 1:
        return parts[0]
    return _SEPARATOR.join([_escape(text) for text in parts])


def split(text: str, count: int) -> list[str]:
    """The `count` parts that `join` was given. Raises ValueError where `text` has another number of them."""
    if count == 1:
        return [text]
    parts = text.split(_SEPARATOR)
    if len(parts) != count:
        raise ValueError(f"{text!r} has {len(parts)} parts, not {count}")
    return [_unescape(escaped) for escaped in parts]


def child_key(parent_key: str, record_id: str) -> str:
    """The record key of a child whose id is unique only within its parent."""
    return f"{_escape(parent_key)}{_SEPARATOR}{_escape(record_id)}"


def split_child_key(key: str) -> tuple[str, str]:
    """The parent's key and the id that `child_key` was given. Raises ValueError for any other text."""
    parent_key, record_id = split(key, 2)
    return parent_key, record_id


def record_key(parent_key: str, record_id: str, *, global_id: bool) -> str:
    """The record key within its endpoint; `parent_key` is empty where the endpoint has no parent."""
    return record_id if global_id or not parent_key else child_key(parent_key, record_id)


def _escape(text: str) -> str:
    if "%" in text or _SEPARATOR in text:
        return text.replace("%", "%25").replace(_SEPARATOR, "%7E")
    return text


def _unescape(text: str) -> str:
    return text.replace("%7E", _SEPARATOR).replace("%25", "%") if "%" in text else text


def _starts_a_number(raw: bytes) -> bool:
    return raw.lstrip()[:1] in b"-0123456789" and bool(raw.strip())


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
