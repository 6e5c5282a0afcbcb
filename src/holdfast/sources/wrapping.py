"""Makes records of what an API lists without records of its own: plain values, and an object whose members are the
records. The only place where something is added to what the source sent, and only where the definition says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.definitions.document import Endpoint
from holdfast.definitions.values import encode
from holdfast.errors import PageUnreadable
from holdfast.sources import scanner

__all__ = ["Wrapping"]


@dataclass(frozen=True, slots=True)
class Wrapping:
    """An endpoint's `keys` and `values`, at least one of them."""

    keys: str | None
    values: str | None

    @classmethod
    def of(cls, endpoint: Endpoint) -> "Wrapping | None":
        """None: the endpoint's list has objects."""
        return cls(endpoint.keys, endpoint.values) if endpoint.keys or endpoint.values else None

    def records(self, body: bytes, start: int) -> list[bytes] | None:
        """The records of the list, or with `keys` of the object, at `start`; None: there stands something else.

        Raises PageUnreadable.
        """
        if body[start : start + 1] != (b"{" if self.keys else b"["):
            return None
        if self.keys:
            name = self.keys
            members = scanner.members(body, start)
            return [_with(name, encode(key), self._object(body[began:end])) for key, (began, end) in members]
        return [self._object(body[began:end]) for began, end in scanner.elements(body, start)]

    def completed(self, raw: bytes, fields: Mapping[str, Any]) -> bytes:
        """A record that was asked for by itself, with the field that it has in the list and perhaps only there."""
        name = self.keys or self.values or ""
        if name not in fields or raw[:1] != b"{" or _has(name, raw):
            return raw
        return _with(name, encode(fields[name]), raw)

    def _object(self, raw: bytes) -> bytes:
        """A plain value becomes an object; without `values` it stays what it is, which no record can be."""
        if raw[:1] == b"{" or self.values is None:
            return raw
        return b"{" + encode(self.values).encode() + b": " + raw + b"}"


def _with(name: str, value: str, raw: bytes) -> bytes:
    """The object with one more field, in front."""
    if raw[:1] != b"{":
        return raw
    if _has(name, raw):
        raise PageUnreadable(
            f"a record has a field {name!r} of its own", hint="Choose another name for `keys` in the definition."
        )
    rest = raw[1:].lstrip()
    return b"{" + encode(name).encode() + b": " + value.encode() + (b"" if rest[:1] == b"}" else b", ") + rest


def _has(name: str, raw: bytes) -> bool:
    return any(key == name for key, _ in scanner.members(raw, 0))
