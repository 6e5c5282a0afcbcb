"""The fields that a record has: dotted paths, each with the kind of what stands there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from holdfast.definitions.values import decode
from holdfast.errors import PageUnreadable

_NAMES_OF_A_RECORD = 64
"""An object with more members than this holds data under its names, not fields: `emails.*` for all of them."""


class FieldPath(NamedTuple):
    """`labels[].name` with the kind `text`; another kind of the same path is another field."""

    path: str
    kind: str


ROOT = FieldPath("", "object")


def fields_of(raw: bytes, is_map: Callable[[str], bool] | None = None) -> dict[FieldPath, FieldPath]:
    """Every field of a record with the one that it stands in, outer ones first. `is_map` tells of objects, by their
    paths, whose names are data. Nothing for a record that is nested too deeply to look into."""
    is_map = is_map or _is_no_map
    try:
        root = decode(raw)
    except PageUnreadable:
        return {}
    found: dict[FieldPath, FieldPath] = {}
    pending: list[tuple[FieldPath, object]] = [(ROOT, root)]
    while pending:
        parent, value = pending.pop()
        inner = list(_members(parent.path, value, is_map))
        for path, member in inner:
            found.setdefault(FieldPath(path, _kind(member)), parent)
        pending += [(FieldPath(path, _kind(member)), member) for path, member in reversed(inner)]
    return found


def _is_no_map(path: str) -> bool:  # noqa: ARG001
    return False


def _members(path: str, value: object, is_map: Callable[[str], bool]) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        prefix = f"{path}." if path else ""
        if len(value) > _NAMES_OF_A_RECORD or is_map(path):
            yield from ((f"{prefix}*", member) for member in value.values())
        else:
            yield from ((prefix + _printable(str(name)), member) for name, member in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from ((f"{path}[]", member) for member in value)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "object" if isinstance(value, Mapping) else "list"


def _printable(name: str) -> str:
    return name if name.isascii() else name.encode("utf-8", "replace").decode()
