"""The values in a record's bytes without decoding the record: works at any depth, and on what msgspec refuses."""

import json
import re
from collections.abc import Iterator

_TEXT = rb'[^"\\]*(?:\\.[^"\\]*)*'
_token = re.compile(rb'"(' + _TEXT + rb')"(\s*:)?|(-?\d[^\s,\]}]*)', re.DOTALL)
_to_end_of_string = re.compile(_TEXT + rb'"(\s*:)?', re.DOTALL)
_NUMBER = re.compile(r"[-+.e0-9]+")


def values(raw: bytes) -> Iterator[str]:
    """Every text, unescaped, and every number as it is spelt; no names of fields, no true, false or null."""
    for text, colon, number in _token.findall(raw):
        if number:
            yield number.decode()
        elif not colon:
            yield unescaped(text) if b"\\" in text else text.decode(errors="replace")


def unescaped(inner: bytes) -> str:
    """What stands between a JSON string's quotes, as text; may have lone surrogates."""
    text: str = json.loads(b'"' + inner + b'"', strict=False)
    return text


def is_part_of_number(folded: str) -> bool | None:
    """Whether this can stand outside of strings only in a number. None: also in `true` or `false`."""
    if not _NUMBER.fullmatch(folded):
        return False
    return None if folded.strip("e") == "" else True


def is_in_value(raw: bytes, start: int, end: int, *, is_number: bool | None) -> bool | None:
    """Whether the bytes from `start` to `end`, none of which is a quote or a backslash, are part of a value.

    `is_number`: what it means that they are not within a string. None: only looking at the values can tell, since
    an escape may reach into these bytes.
    """
    if raw.find(b"\\", start - 5 if start > 5 else 0, start) >= 0:  # \u0041 is the longest
        return None
    before = raw[:start]
    if b"\\" in before:
        before = before.replace(b"\\\\", b"").replace(b'\\"', b"")
    if before.count(b'"') % 2 == 0:
        return is_number
    closing = _to_end_of_string.match(raw, end)
    return None if closing is None else closing[1] is None
