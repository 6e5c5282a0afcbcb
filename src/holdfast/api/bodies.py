"""Reads request bodies into fields by their bracketed names: forms, url-encoded or multipart, and nested JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from holdfast.api.errors import BadRequest, Problem

_FIELDS_AT_MOST = 200
_DEEPEST = 4
_BAD_TYPE = "a body is application/x-www-form-urlencoded, multipart/form-data or application/json"
_LOOKS_LIKE_JSON = "this looks like JSON: send Content-Type: application/json"


class Number(str):
    """A JSON number as it was spelt; a form has only texts."""

    __slots__ = ()


@dataclass(frozen=True)
class Body:
    """`customer[name]` is a field's name, also where JSON had `{"customer": {"name": ...}}`."""

    fields: dict[str, Any]
    """Texts. From JSON also `Number`, booleans, None, lists, and objects that are empty or nested too deeply."""
    is_json: bool = False


async def read_body(request: Request) -> Body:
    """Raises BadRequest for what cannot be read. No body has no fields."""
    content = await request.body()
    if not content:
        return Body({})
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        return Body(await _read_multipart(request))
    if content_type == "application/json" or content_type.endswith("+json"):
        return Body(_read_json(content), is_json=True)
    if content_type in ("", "application/x-www-form-urlencoded"):
        if content.lstrip()[:1] == b"{":
            raise BadRequest([Problem("Content-Type", "invalid", _LOOKS_LIKE_JSON)])
        return Body(_read_urlencoded(content))
    raise BadRequest([Problem("Content-Type", "invalid", _BAD_TYPE)])


def _read_urlencoded(content: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(
            content.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_AT_MOST
        ))  # fmt: skip
    except UnicodeDecodeError:
        raise _unreadable("the form is not UTF-8") from None
    except ValueError as error:
        raise _unreadable(str(error)) from None


async def _read_multipart(request: Request) -> dict[str, Any]:
    try:
        async with request.form(max_files=_FIELDS_AT_MOST, max_fields=_FIELDS_AT_MOST) as form:
            return {
                name: (await value.read()).decode() if isinstance(value, UploadFile) else value
                for name, value in form.multi_items()
            }
    except HTTPException as error:
        raise _unreadable(f"the multipart form cannot be read: {error.detail}") from None
    except (UnicodeDecodeError, KeyError):
        raise _unreadable("the multipart form cannot be read") from None


def _read_json(content: bytes) -> dict[str, Any]:
    try:
        read = json.loads(content, parse_int=Number, parse_float=Number, parse_constant=Number)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"the body is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise _unreadable("the body must be a JSON object")
    fields: dict[str, Any] = {}
    _flatten(read, "", fields)
    return fields


def _flatten(given: Mapping[str, Any], within: str, into: dict[str, Any]) -> None:
    for key, value in given.items():
        name = f"{within}[{key}]" if within else key
        if isinstance(value, dict) and value and within.count("[") < _DEEPEST:
            _flatten(value, name, into)
        else:
            into[name] = value


def _unreadable(message: str) -> BadRequest:
    return BadRequest([Problem(None, "unreadable", message)])
