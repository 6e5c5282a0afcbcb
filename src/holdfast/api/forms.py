"""What a route takes in its body.

A `Form` is a route's dependency: it reads the body into `Values`, which tell everything that is wrong at once, and
describes itself to the OpenAPI document. Unknown fields are ignored, but by a strict form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import Request

from holdfast.api.bodies import read_body
from holdfast.api.errors import BadRequest, Problem
from holdfast.api.fields import Field

__all__ = ["FORM", "Field", "Form", "Values"]

FORM = "application/x-www-form-urlencoded"


@dataclass
class Values:
    """What a body said, by the fields' names; absent ones are not in it.

    What is wrong with it is told when a route first looks, so that what the path names is looked for first: a bad body
    for something that does not exist is a 404.
    """

    _read: Mapping[str, Any]
    unread: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that was sent."""
    problems: Sequence[Problem] = ()

    @property
    def read(self) -> Mapping[str, Any]:
        """Raises BadRequest."""
        if self.problems:
            raise BadRequest(self.problems)
        return self._read

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
        problems = [*self.problems]
        problems += [
            Problem(name, "read_only", f"this is {_shown(value)} and cannot be changed")
            for name, value in current.items()
            if self.unread.get(name) not in (None, "") and _shown(self.unread[name]) != _shown(value)
        ]
        if problems:
            raise BadRequest(problems)


class Form:
    """An instance is a dependency of FastAPI's.

    A strict one refuses empty values, unknown fields, and fields in the address: for what writes somewhere else, where
    a slip of the pen must not widen what is asked for.
    """

    def __init__(self, *fields: Field, is_strict: bool = False) -> None:
        self.fields = [replace(one, empty_is_absent=False) for one in fields] if is_strict else fields
        self._is_strict = is_strict
        self.is_required = any(one.required for one in fields)
        self._groups = {one.name.partition("[")[0] for one in fields if "[" in one.name}

    async def __call__(self, request: Request) -> Values:
        body = await read_body(request)
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for one in self.fields:
            given = body.fields.pop(one.name, None)
            if one.also is not None:
                other = body.fields.pop(one.also, None)
                given = other if given in (None, "") else given
            if one.is_absent(given, is_json=body.is_json):
                if one.required:
                    problems.append(Problem(one.name, "missing", one.missing))
                continue
            try:
                values[one.name] = one.read(given, is_json=body.is_json)
            except ValueError as error:
                problems.append(Problem(one.name, "invalid", str(error)))
        if body.is_json:
            problems += [
                Problem(group, "invalid", "this must be an object")
                for group in self._groups
                if body.fields.get(group, {}) != {}
            ]
        if self._is_strict:
            known = ", ".join(one.name for one in self.fields)
            problems += [
                Problem(name, "unknown", f"there is no such field; there are: {known}, in the body")
                for name in (*body.fields, *request.query_params)
                if not (body.is_json and name in self._groups)
            ]
        return Values(values, body.fields, problems)

    def openapi(self, *, as_form: bool = False) -> dict[str, Any]:
        """For a route's `openapi_extra`: the body as JSON, with the form beside it as `x-form`; or as a form alone.

        Never both as contents: generators of clients make one method per operation, and the most used one makes none
        that works where a body has several content types. `openapi.as_forms` makes a document of the forms.
        """
        form = self._object({one.name: (one.schema(), one.required) for one in self.fields})
        if as_form:
            content, description = {FORM: {"schema": form}}, "Or the same as JSON."
        else:
            content, description = (
                {"application/json": {"schema": self._nested()}},
                "A form with these names, url-encoded or multipart; or the same as nested JSON.",
            )
        body = {"required": self.is_required, "description": description, "content": content}
        return {"requestBody": body if as_form else body | {"x-form": form}}

    def _nested(self) -> dict[str, Any]:
        plain: dict[str, tuple[Mapping[str, Any], bool]] = {}
        nested: dict[str, dict[str, tuple[Mapping[str, Any], bool]]] = {}
        for one in self.fields:
            outer, _, inner = one.name.partition("[")
            within = nested.setdefault(outer, {}) if inner else plain
            within[inner.rstrip("]") or outer] = (one.schema(), one.required)
        for outer, members in nested.items():
            plain[outer] = (self._object(members), any(required for _, required in members.values()))
        return self._object(plain)

    def _object(self, members: Mapping[str, tuple[Mapping[str, Any], bool]]) -> dict[str, Any]:
        return _object(members) | ({"additionalProperties": False} if self._is_strict else {})


def _object(members: Mapping[str, tuple[Mapping[str, Any], bool]]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {name: shape for name, (shape, _) in members.items()}}
    required = [name for name, (_, is_required) in members.items() if is_required]
    return schema | ({"required": required} if required else {})


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)
