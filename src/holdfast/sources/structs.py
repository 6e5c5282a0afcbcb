"""msgspec types made on the fly: to decode only the values at some dotted paths, and to skip everything else unread."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

__all__ = ["getter", "nested"]

_Tree = dict[str, Any]


def nested(leaves: Mapping[tuple[str, ...], Any]) -> Any | None:
    """A type that decodes these paths of an object, each with its type; everything is optional (UNSET where missing).

    The empty path alone is the type itself. None where one path leads through another: no such type can be made.
    """
    if set(leaves) == {()}:
        return leaves[()]
    tree: _Tree = {}
    for path, kind in leaves.items():
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                return None
        if not path or path[-1] in node:
            return None
        node[path[-1]] = (kind,)
    return _struct(tree)


def getter(leaves: Mapping[tuple[str, ...], Any], path: tuple[str, ...]) -> Callable[[Any], Any]:
    """Reads `path` from a value of `nested(leaves)`. Raises AttributeError where something on the way is missing."""
    if not path:
        return _itself
    names: list[str] = []
    tree = _order(leaves)
    for name in path:
        names.append(f"f{list(tree).index(name)}")
        tree = tree[name]
    return attrgetter(".".join(names))


def _itself(value: Any) -> Any:
    return value


def _order(leaves: Mapping[tuple[str, ...], Any]) -> _Tree:
    tree: _Tree = {}
    for path in leaves:
        node = tree
        for name in path:
            node = node.setdefault(name, {})
    return tree


def _struct(tree: _Tree) -> Any:
    fields: list[tuple[str, Any, Any]] = []
    rename: dict[str, str] = {}
    for index, (name, node) in enumerate(tree.items()):
        # A missing or null object on the way is no error here: what is missing matters to whoever reads it.
        kind = node[0] if isinstance(node, tuple) else _struct(node) | None
        fields.append((f"f{index}", kind | msgspec.UnsetType if kind is not Any else Any, msgspec.UNSET))
        rename[f"f{index}"] = name
    return msgspec.defstruct("Fields", fields, rename=rename, gc=False, frozen=False)
