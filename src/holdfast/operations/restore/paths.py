"""Reads and replaces what stands at a dotted path of a decoded record; a list on the way stands for its elements.

A path is a plain selector: `a.b`, or `a."b.c"` where a name has dots itself.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from holdfast.definitions.selectors import selector


def names_of(path: str) -> tuple[str, ...]:
    """The names that a path is made of; of a selector that is no plain one itself, which then leads nowhere."""
    names = selector(path).path
    return (path,) if names is None else names


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Everything that stands there but null; of a list its elements."""
    return _values(value, names_of(path))


def replaced(value: Any, path: str, change: Callable[[Any], Any]) -> Any:
    """A copy of `value` in which everything but null that stands there is changed."""
    return _replaced(value, names_of(path), change)


def without(value: Any, path: str, is_gone: Callable[[Any], bool]) -> Any:
    """A copy of `value` without what stands there and is gone: null in its place, and in that of an object in which
    nothing else stood; of a list the other elements.
    """
    return _without(value, names_of(path), is_gone)


def with_values(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str) -> dict[str, Any]:
    """`wanted` with what stands at a path in `found`, and nothing else of it; where nothing stands there, as it was."""
    return _with_values(wanted, found, names_of(path))


def _values(value: Any, names: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _values(element, names)
    elif not names:
        if value is not None:
            yield value
    elif isinstance(value, Mapping) and names[0] in value:
        yield from _values(value[names[0]], names[1:])


def _replaced(value: Any, names: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_replaced(element, names, change) for element in value]
    if not names:
        return None if value is None else change(value)
    if isinstance(value, Mapping) and names[0] in value:
        return {**value, names[0]: _replaced(value[names[0]], names[1:], change)}
    return value


def _without(value: Any, names: tuple[str, ...], is_gone: Callable[[Any], bool]) -> Any:
    if isinstance(value, list):
        left = [(one, _without(one, names, is_gone)) for one in value]
        return [new for old, new in left if new is not None or old is None]
    if not names:
        return None if is_gone(value) else value
    if isinstance(value, Mapping) and value.get(names[0]) is not None:
        made = {**value, names[0]: _without(value[names[0]], names[1:], is_gone)}
        return None if all(one is None for one in made.values()) else made
    return value


def _with_values(wanted: Mapping[str, Any], found: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    name, *rest = names
    there, here = found.get(name), wanted.get(name)
    if there is None:
        return dict(wanted)
    if not rest or here is None:
        return {**wanted, name: there}
    if not isinstance(here, Mapping) or not isinstance(there, Mapping):
        return dict(wanted)
    return {**wanted, name: _with_values(here, there, tuple(rest))}
