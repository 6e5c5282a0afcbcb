"""The types of path and query parameters: ids, texts that stand percent-encoded in the path, numbers, dates."""

import re
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Path, Query
from pydantic import BeforeValidator, WithJsonSchema

from holdfast.clock import parse_time

_ID = re.compile(r"[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"[0-9]{1,12}")
_LARGEST_ID = 2**63 - 1
_ID_SCHEMA = {"type": "integer", "format": "int64", "minimum": 1, "maximum": _LARGEST_ID}


def parse_id(text: object) -> int:
    """A 64-bit id as it is spelt, no spaces, signs or leading zeros. Raises ValueError."""
    if not isinstance(text, str) or not _ID.fullmatch(text) or int(text) > _LARGEST_ID:
        raise ValueError("this is not an id: ids are whole numbers")
    return int(text)


def _decoded(text: object) -> str:
    """A path segment; `raw_path` has left it percent-encoded. Bytes that are no UTF-8 are the name of nothing."""
    try:
        return unquote(str(text), errors="strict")
    except UnicodeDecodeError:
        raise ValueError("this is not UTF-8") from None


def _or_none(text: object) -> object:
    return None if text == "" else text


def _optional_id(text: object) -> int | None:
    return None if text is None else parse_id(text)


def parse_number(text: object, largest: int) -> int:
    """A whole number from 1 on. Raises ValueError."""
    if isinstance(text, int):
        return text
    if not isinstance(text, str) or not _NUMBER.fullmatch(text) or not 1 <= int(text) <= largest:
        raise ValueError(f"this must be a whole number from 1 to {largest}")
    return int(text)


def _number_up_to(largest: int) -> BeforeValidator:
    return BeforeValidator(lambda text: parse_number(text, largest))


def _optional_time(text: object) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(str(text).replace(" ", "+"))  # a `+` in a query that nobody encoded
    except (ValueError, OverflowError):
        raise ValueError("this is not a time: write it like 2026-01-31T12:00:00Z") from None


def _optional_date(text: object) -> date | None:
    if text is None:
        return None
    return parse_date(str(text))


def parse_date(text: str) -> date:
    """YYYY-MM-DD and nothing else. Raises ValueError."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("this is not a date: write it like 2026-01-31")


def _described(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema(schema)


PathId = Annotated[int, BeforeValidator(parse_id), _described(_ID_SCHEMA), Path(examples=[8211938918121601])]
"""An id in the path; what is none is 404."""

PathText = Annotated[str, BeforeValidator(_decoded), Path()]
"""Any text in the path, percent-encoded."""

PathToken = Annotated[str, Path()]
"""Text of ours in the path that needs no encoding; any other is left as it was sent."""

QueryId = Annotated[int | None, BeforeValidator(_optional_id), _described(_ID_SCHEMA), Query()]
"""An id in the query; absent is None, what is no id is 400."""

RequiredQueryId = Annotated[int, BeforeValidator(parse_id), _described(_ID_SCHEMA), Query()]

QueryText = Annotated[str | None, BeforeValidator(_or_none), Query()]

QueryTime = Annotated[
    datetime | None, BeforeValidator(_optional_time), _described({"type": "string", "format": "date-time"}), Query()
]
QueryDate = Annotated[
    date | None, BeforeValidator(_optional_date), _described({"type": "string", "format": "date"}), Query()
]

LARGEST_PAGE = 10**9
LARGEST_PER_PAGE = 100
PageNumber = Annotated[
    int,
    _number_up_to(LARGEST_PAGE),
    _described({"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 1}),
    Query(description="Which page, from 1."),
]
OptionalPerPage = Annotated[
    int | None,
    BeforeValidator(lambda text: None if text is None else parse_number(text, LARGEST_PER_PAGE)),
    _described({"type": "integer", "minimum": 1, "maximum": LARGEST_PER_PAGE}),
    Query(description="How many a page has; without it there are no pages."),
]
PerPage = Annotated[
    int,
    _number_up_to(LARGEST_PER_PAGE),
    _described({"type": "integer", "minimum": 1, "maximum": LARGEST_PER_PAGE, "default": 20}),
    Query(description="How many a page has."),
]
