"""One field of a form: how its value is read, and how the OpenAPI document describes it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.api.bodies import Number
from holdfast.api.parameters import parse_date, parse_id

Kind = Literal["text", "integer", "boolean", "list", "date"]

_TRUE = {"true", "1"}
_FALSE = {"false", "0"}
_WHOLE = re.compile(r"\.0+$")
"""JSON takes 1.0 for a whole number."""
_NO_NUL = r"^[^\x00]*$"
_NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"
_SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1},
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
    """A `list` is a text with commas, a `date` one like 2026-01-31."""
    required: bool = False
    missing: str = "this is required"
    """What is said where a required one is absent."""
    also: str | None = None
    """Another name for the same."""
    choices: Sequence[str] = ()
    pattern: str | None = None
    longest: int = 2_000
    default: object = None
    """Only told in the OpenAPI document: an absent field is absent."""
    example: object = None
    empty_is_absent: bool = True
    """Else an empty or blank value is wrong: it would mean everything, or something else than was meant."""

    @property
    def may_be_empty(self) -> bool:
        """Whether JSON may say "" for nothing; a form may always, it has no other way."""
        return self.kind == "list" or (self.kind == "text" and not self.choices)

    def is_absent(self, given: object, *, is_json: bool) -> bool:
        """An empty optional field counts as absent, but where `empty_is_absent` says otherwise."""
        if not self.empty_is_absent:
            return given is None
        return given is None or (given == "" and (not is_json or self.may_be_empty or self.required))

    def read(self, given: object, *, is_json: bool) -> object:
        """The value. A form has texts only; JSON must have the right type. Raises ValueError that says what's wrong."""
        if not self.empty_is_absent and isinstance(given, str) and not given.strip():
            raise ValueError("this is empty: give a value, or leave it out")
        if self.kind == "boolean":
            return _read_boolean(given, is_json=is_json)
        if self.kind == "integer":
            if not isinstance(given, Number if is_json else str):
                raise ValueError("this must be a number")
            return parse_id(_WHOLE.sub("", str(given).strip()))
        if not isinstance(given, str) or isinstance(given, Number):
            raise ValueError(
                "this must be a text" + (", its elements separated by commas" if self.kind == "list" else "")
            )
        self._check_text(given)
        if self.kind == "list":
            return self._elements(given)
        return parse_date(given) if self.kind == "date" else given

    def _check_text(self, text: str) -> None:
        if len(text) > self.longest:
            raise ValueError(f"this must not be longer than {self.longest} characters")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("this has a character that no text may have") from None
        if "\0" in text:
            raise ValueError("this has a character that no text may have")
        if self.kind != "text":
            return
        if self.choices and text not in self.choices:
            raise ValueError(f"this must be one of {', '.join(self.choices)}")
        if self.pattern is not None and not re.fullmatch(self.pattern, text):
            what = self.description[:1].lower() + self.description[1:].rstrip(".")
            raise ValueError(f"this does not look like {what}")

    def _elements(self, text: str) -> list[str]:
        found = [part.strip() for part in text.split(",")]
        for element in found:
            if not element:
                raise ValueError("this must be a list, separated by commas")
            if self.choices and element not in self.choices:
                raise ValueError(f"each must be one of {', '.join(self.choices)}")
        return found

    def schema(self) -> dict[str, Any]:
        """For the OpenAPI document: what `read` takes from JSON."""
        schema: dict[str, Any] = {**_SCHEMAS[self.kind], "description": self.description}
        pattern = self.pattern
        if self.kind == "list":
            element = "|".join(map(re.escape, self.choices)) if self.choices else r"[^\s,\x00](?:[^,\x00]*[^\s,\x00])?"
            pattern = rf"(?:{element})(?:, ?(?:{element}))*"
        if self.kind == "text" and self.choices:
            schema["enum"] = list(self.choices)
        elif self.kind in ("text", "list"):
            schema["maxLength"] = self.longest
            if pattern is None:
                schema["pattern"] = _NO_NUL if self.empty_is_absent else _NOT_BLANK
            else:
                schema["pattern"] = f"^(?:{pattern})$" if self.required else f"^(?:{pattern})?$"
            if self.required:
                schema["minLength"] = 1
        if not self.required:
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
        told = {"default": self.default, "example": self.example}
        return schema | {name: value for name, value in told.items() if value is not None}


def _read_boolean(given: object, *, is_json: bool) -> bool:
    if is_json and isinstance(given, bool):
        return given
    if not is_json and isinstance(given, str) and (spelt := given.strip().lower()) in _TRUE | _FALSE:
        return spelt in _TRUE
    raise ValueError("this must be true or false")
