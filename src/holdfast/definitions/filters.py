"""The filters that templates may use: the whole list, each bounded in what it can make.

Jinja's own are left out: some (`center`, `format`, `replace` of a replace) make gigabytes from one line of YAML.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined
from jinja2.exceptions import FilterArgumentError, UndefinedError

from holdfast.clock import format_time, parse_time
from holdfast.definitions.durations import parse_duration
from holdfast.definitions.values import NumberToken, kind_of

__all__ = ["FILTERS", "LONGEST_VALUE", "Encoded", "Nothing", "bounded", "encode_path", "json_text", "text_of"]

LONGEST_VALUE = 65536
"""Characters that are inserted or made by a filter: more than any URL, header or token needs."""
_TIME_FORMAT = re.compile(r"(?:[^%]|%[YmdHMSfjzZ%])*")


class Encoded(str):
    """Text that stands in a path as it is: percent-encoded already."""

    __slots__ = ()


class Nothing(UndefinedError):
    """Something was to be inserted that is null or not there."""


def bounded(text: str) -> str:
    """`text`, or FilterArgumentError where it is longer than anything a request needs."""
    if len(text) > LONGEST_VALUE:
        raise FilterArgumentError(f"the text is longer than {LONGEST_VALUE} characters")
    return text


def text_of(value: object) -> str:
    """A value as it is inserted into text: numbers as they were sent, true and false in lower case.

    Raises Nothing for null and what is missing, FilterArgumentError for lists, objects and text beyond bounds.
    """
    if isinstance(value, str):
        return bounded(value)
    if isinstance(value, Undefined):
        raise Nothing(value._undefined_message)
    if value is None:
        raise Nothing("null cannot be inserted")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise FilterArgumentError(f"{kind_of(value)} cannot be inserted as text (the filter tojson makes text of it)")


def encode_path(value: object, *, safe: str = "") -> Encoded:
    """A value as one segment of a path, percent-encoded; what `Encoded` marks stands as it is.

    Raises FilterArgumentError for empty text: `/items//files` would ask for something else.
    """
    text = text_of(value)
    if not text:
        raise FilterArgumentError("an empty value cannot stand in a path")
    if isinstance(text, Encoded):
        return text
    try:
        return Encoded(quote(text, safe=safe))
    except UnicodeEncodeError as error:
        raise FilterArgumentError("text with a lone surrogate cannot stand in a path") from error


def _moment(value: object) -> datetime:
    try:
        return parse_time(text_of(value))
    except ValueError as error:
        raise FilterArgumentError(f"{text_of(value)!r} is no ISO 8601 time") from error


def _number(value: object) -> float:
    try:
        return float(text_of(value))
    except ValueError as error:
        raise FilterArgumentError(f"{text_of(value)!r} is no number") from error


def _sequence(value: object) -> Sequence[Any]:
    if isinstance(value, Undefined) or value is None:
        text_of(value)
    if not isinstance(value, str | list | tuple):
        raise FilterArgumentError(f"{kind_of(value)} is neither text nor a list")
    return value


def _default(value: Any, instead: Any = "") -> Any:
    return instead if value is None or isinstance(value, Undefined) else value


def _replace(value: object, old: str, new: str) -> str:
    text = text_of(value)
    if not isinstance(old, str) or not isinstance(new, str) or not old:
        raise FilterArgumentError("replace takes the text to look for and the text to put there")
    if len(text) + text.count(old) * (len(new) - len(old)) > LONGEST_VALUE:
        raise FilterArgumentError(f"the result is longer than {LONGEST_VALUE} characters")
    return text.replace(old, new)


def _split(value: object, separator: str) -> list[str]:
    if not isinstance(separator, str) or not separator:
        raise FilterArgumentError("split takes the text to split at")
    return text_of(value).split(separator)


def _join(value: object, separator: str = "") -> str:
    parts = [text_of(element) for element in _sequence(value)]
    if sum(map(len, parts)) + len(parts) * len(separator) > LONGEST_VALUE:
        raise FilterArgumentError(f"the result is longer than {LONGEST_VALUE} characters")
    return separator.join(parts)


def _first(value: object) -> Any:
    sequence = _sequence(value)
    return sequence[0] if sequence else None


def _last(value: object) -> Any:
    sequence = _sequence(value)
    return sequence[-1] if sequence else None


def _int(value: object) -> int:
    text = text_of(value)
    try:
        return int(text)
    except ValueError:
        number = _number(value)
    try:
        return int(number)
    except (ValueError, OverflowError) as error:
        raise FilterArgumentError(f"{text!r} is no whole number") from error


def _b64decode(value: object) -> str:
    text = text_of(value).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise FilterArgumentError("not base64 of text") from error


def _tojson(value: object) -> str:
    if isinstance(value, Undefined):
        text_of(value)
    # Before it is made: a list of a template may name the same long value thousands of times.
    if _characters(value, LONGEST_VALUE) > LONGEST_VALUE:
        raise FilterArgumentError(f"the text is longer than {LONGEST_VALUE} characters")
    return bounded(json_text(value))


def _characters(value: object, most: int) -> int:
    """At least so many characters JSON needs for it; counted no further than `most`."""
    if isinstance(value, str):
        return len(value)
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    count = 1
    for part in parts:
        count += _characters(part, most - count)
        if count > most:
            break
    return count


def json_text(value: object) -> str:
    """JSON with every number as it was sent, which the standard library's encoder cannot promise."""
    if isinstance(value, NumberToken):
        return value.token
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(key))}:{json_text(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _from_unix(value: object) -> str:
    return _from_seconds(_number(value))


def _from_unix_ms(value: object) -> str:
    return _from_seconds(_number(value) / 1000)


def _from_seconds(seconds: float) -> str:
    try:
        return format_time(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError) as error:
        raise FilterArgumentError(f"{seconds} seconds since 1970 is no time") from error


def _minus(value: object, duration: str) -> str:
    """The time `duration` (as definitions write it) earlier."""
    try:
        return format_time(_moment(value) - parse_duration(duration))
    except (ValueError, OverflowError) as error:
        raise FilterArgumentError(str(error)) from error


def _strftime(value: object, pattern: str) -> str:
    # glibc lets a directive ask for any width: only the plain ones pass.
    if not isinstance(pattern, str) or not _TIME_FORMAT.fullmatch(pattern):
        raise FilterArgumentError("strftime knows %Y %m %d %H %M %S %f %j %z %Z")
    return _moment(value).strftime(pattern)


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "lower": lambda value: text_of(value).lower(),
    "upper": lambda value: text_of(value).upper(),
    "trim": lambda value: text_of(value).strip(),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "first": _first,
    "last": _last,
    "length": lambda value: len(_sequence(value)),
    "int": _int,
    "urlencode": lambda value: bounded(quote(text_of(value), safe="")),
    "b64encode": lambda value: bounded(base64.b64encode(text_of(value).encode()).decode()),
    "b64decode": _b64decode,
    "tojson": _tojson,
    "path": lambda value: encode_path(value, safe="/"),
    "encoded": lambda value: Encoded(text_of(value)),
    "unix": lambda value: int(_moment(value).timestamp()),
    "unix_ms": lambda value: round(_moment(value).timestamp() * 1000),
    "from_unix": _from_unix,
    "from_unix_ms": _from_unix_ms,
    "minus": _minus,
    "strftime": _strftime,
}
"""Every filter by its name; docs/definition-language.md has a line for each."""
