"""Request bodies: forms with bracketed names, url-encoded or multipart, and the same as nested JSON.

A `Form` is a route's dependency: it reads the body into `Values`, tells everything that is wrong with it at once, and
describes itself to the OpenAPI document. Empty optional fields count as absent, unknown ones are ignored.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from holdfast.api.errors import BadRequest, Problem
from holdfast.api.parameters import parse_id

Kind = Literal["text", "integer", "boolean", "list", "date"]

_TRUE = {"true", "1"}
_FALSE = {"false", "0"}
_FIELDS_AT_MOST = 200
_SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer", "format": "int64"},
    "boolean": {"type": "boolean"},
    "list": {"type": "string"},
    "date": {"type": "string", "format": "date"},
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field, by the name it has in a form: `customer[name]`."""

    name: str
    description: str
    kind: Kind = "text"
    required: bool = False
    also: str | None = None
    """Another name for the same."""
    choices: Sequence[str] = ()
    pattern: str | None = None
    longest: int = 2_000
    default: object = None
    """Only told in the OpenAPI document: an absent field is absent."""
    example: object = None


@dataclass
class Values:
    """What a body said, by the fields' names; absent ones are not in it."""

    read: dict[str, Any]
    unread: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that was sent."""

    def text(self, name: str) -> str:
        """A required text."""
        value: str = self.read[name]
        return value

    def integer(self, name: str) -> int:
        value: int = self.read[name]
        return value

    def optional(self, name: str) -> str | None:
        return self.read.get(name)

    def optional_integer(self, name: str) -> int | None:
        return self.read.get(name)

    def flag(self, name: str, default: bool) -> bool:
        value: bool = self.read.get(name, default)
        return value

    def items(self, name: str) -> list[str] | None:
        """The elements of a list."""
        return self.read.get(name)

    def refuse_changes(self, current: Mapping[str, object]) -> None:
        """Raise BadRequest where a field that nobody may change was sent with another value than it has."""
        problems = [
            Problem(name, "read_only", f"this is {_shown(value)} and cannot be changed")
            for name, value in current.items()
            if self.unread.get(name) not in (None, "") and _shown(self.unread[name]) != _shown(value)
        ]
        if problems:
            raise BadRequest(problems)


class Form:
    """What a route takes in its body. An instance is a dependency of FastAPI's."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        self.is_required = any(one.required for one in fields)

    async def __call__(self, request: Request) -> Values:
        sent = await read_body(request)
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for one in self.fields:
            given = sent.pop(one.name, None)
            if one.also is not None:
                other = sent.pop(one.also, None)
                given = other if given in (None, "") else given
            if given is None or given == "":
                if one.required:
                    problems.append(Problem(one.name, "missing", "this is required"))
                continue
            try:
                values[one.name] = _read(one, given)
            except ValueError as error:
                problems.append(Problem(one.name, "invalid", str(error)))
        if problems:
            raise BadRequest(problems)
        return Values(values, sent)

    def openapi(self, *, as_form: bool = False) -> dict[str, Any]:
        """For a route's `openapi_extra`: the body as JSON, or as a url-encoded form.

        Never both: generators of clients make one method per operation, and the most used one makes none that works
        where a body has several content types.
        """
        flat = _object({one.name: (_schema(one), one.required) for one in self.fields})
        nested: dict[str, dict[str, tuple[Mapping[str, Any], bool]]] = {}
        plain: dict[str, tuple[Mapping[str, Any], bool]] = {}
        for one in self.fields:
            outer, _, inner = one.name.partition("[")
            if inner:
                nested.setdefault(outer, {})[inner.rstrip("]")] = (_schema(one), one.required)
            else:
                plain[outer] = (_schema(one), one.required)
        for outer, members in nested.items():
            plain[outer] = (_object(members), any(required for _, required in members.values()))
        names = ", ".join(f"`{one.name}`" for one in self.fields)
        body = {
            "required": self.is_required,
            "description": f"Or the same as a form, url-encoded or multipart: {names}.",
            "content": {"application/json": {"schema": _object(plain)}},
        }
        if as_form:
            body |= {
                "description": "Or the same as JSON.",
                "content": {"application/x-www-form-urlencoded": {"schema": flat}},
            }
        return {"requestBody": body}


async def read_body(request: Request) -> dict[str, Any]:
    """The body's fields by their bracketed names: texts, and from JSON also booleans and lists of texts."""
    body = await request.body()
    if not body:
        return {}
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        return await _read_multipart(request)
    if content_type == "application/json" or content_type.endswith("+json"):
        return _read_json(body)
    if content_type in ("", "application/x-www-form-urlencoded"):
        return _read_urlencoded(body)
    raise BadRequest([Problem(
        "Content-Type", "invalid",
        "a body is application/x-www-form-urlencoded, multipart/form-data or application/json",
    )])  # fmt: skip


def _read_urlencoded(body: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_AT_MOST
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


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        # Numbers keep the spelling they were sent with.
        read = json.loads(body, parse_int=str, parse_float=str, parse_constant=str)
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
        if isinstance(value, dict) and within.count("[") < 4:
            _flatten(value, name, into)
        elif value is not None:
            into[name] = value


def _read(one: Field, given: object) -> object:
    """Raises ValueError that says what is wrong."""
    if one.kind == "boolean":
        spelt = str(given).strip().lower()
        if isinstance(given, bool | str) and spelt in _TRUE | _FALSE:
            return spelt in _TRUE
        raise ValueError("this must be true or false")
    if one.kind == "list":
        return _read_list(one, given)
    if not isinstance(given, str):
        raise ValueError("this must be a text" if one.kind == "text" else "this must be a number")
    if one.kind == "integer":
        return parse_id(given.strip())
    return _checked(one, given)


def _read_list(one: Field, given: object) -> list[str]:
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("this must be a list of texts, separated by commas")
    found = [part.strip() for part in parts if part.strip()]
    return [_checked(one, part) for part in found]


def _checked(one: Field, text: str) -> str:
    if len(text) > one.longest:
        raise ValueError(f"this must not be longer than {one.longest} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("this has a character that no text may have") from None
    if "\0" in text:
        raise ValueError("this has a character that no text may have")
    if one.choices and text not in one.choices:
        raise ValueError(f"this must be one of {', '.join(one.choices)}")
    if one.pattern is not None and not re.fullmatch(one.pattern, text):
        raise ValueError(f"this does not look like {one.description[:1].lower()}{one.description[1:].rstrip('.')}")
    return text


def _schema(one: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {**_SCHEMAS[one.kind], "description": one.description}
    if one.kind == "text":
        schema["maxLength"] = one.longest
        if one.required:
            schema["minLength"] = 1
    if one.choices and one.kind == "text":
        schema["enum"] = list(one.choices)
    if one.pattern is not None:
        schema["pattern"] = f"^(?:{one.pattern})$"
    if one.default is not None:
        schema["default"] = one.default
    if one.example is not None:
        schema["example"] = one.example
    return schema


def _object(members: Mapping[str, tuple[Mapping[str, Any], bool]]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: shape for name, (shape, _) in members.items()},
    }
    required = [name for name, (_, is_required) in members.items() if is_required]
    return schema | ({"required": required} if required else {})


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unreadable(message: str) -> BadRequest:
    return BadRequest([Problem(None, "unreadable", message)])
