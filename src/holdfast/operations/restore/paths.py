"""Reads and replaces what stands at a dotted path of a decoded record; a list on the way stands for its elements."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Everything that stands there but null; of a list its elements."""
    if isinstance(value, list):
        for element in value:
            yield from values_at(element, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, Mapping):
        name, _, rest = path.partition(".")
        if name in value:
            yield from values_at(value[name], rest)


def replaced(value: Any, path: str, change: Callable[[Any], Any]) -> Any:
    """A copy of `value` in which everything but null that stands there is changed."""
    if isinstance(value, list):
        return [replaced(element, path, change) for element in value]
    if not path:
        return None if value is None else change(value)
    if isinstance(value, Mapping):
        name, _, rest = path.partition(".")
        if name in value:
            return {**value, name: replaced(value[name], rest, change)}
    return value


def with_values(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str) -> dict[str, Any]:
    """`wanted` with what stands at a path in `found`; where nothing stands there, without it."""
    name, _, rest = path.partition(".")
    made = dict(wanted)
    if not rest or not isinstance(made.get(name), Mapping) or not isinstance(found.get(name), Mapping):
        if name in found:
            made[name] = found[name]
        else:
            made.pop(name, None)
        return made
    made[name] = with_values(made[name], found[name], rest)
    return made
