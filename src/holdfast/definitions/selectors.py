"""Selectors: where in a decoded JSON value something stands. JMESPath, with a fast path for plain dotted names.

`a.b`, `total-count` and `a."b.c"` are plain; everything else (`items[0]`, `updated_at || created_at`) is JMESPath.
"""

import math
import re
from functools import lru_cache
from typing import Any

import jmespath
import jmespath.exceptions

from holdfast.errors import DefinitionError, PageUnreadable

__all__ = ["Selector", "selector"]

# JMESPath itself would want quotes around a name with a hyphen; without quotes it has no other meaning there.
_NAME = r"""[A-Za-z_][A-Za-z0-9_-]*|"[^"\\\x00-\x1f]+\""""
_PLAIN = re.compile(rf"(?:{_NAME})(?:\.(?:{_NAME}))*")
_EACH_NAME = re.compile(_NAME)
_MOST_GROWTH = 1_000
"""So often may a selector repeat what it is given: `[@,@][]|[@,@][]|...` would make gigabytes from one line of YAML."""
_LONGEST_REASON = 300


class Selector:
    """A compiled selector. Empty text selects the whole value. Immutable, safe between threads.

    `path` holds the names of a plain selector, () for the whole value, and None where it is real JMESPath.
    """

    __slots__ = ("_compiled", "path", "text")

    def __init__(self, text: str) -> None:
        """Raises DefinitionError where `text` is no selector."""
        self.text = text
        self.path: tuple[str, ...] | None = None
        self._compiled: Any = None
        if not text:
            self.path = ()
        elif _PLAIN.fullmatch(text):
            self.path = tuple(name.strip('"') for name in _EACH_NAME.findall(text))
        else:
            try:
                self._compiled = jmespath.compile(text)
                growth = _growth(self._compiled.parsed)
            except (jmespath.exceptions.JMESPathError, ValueError) as error:
                reason = str(error).splitlines()[0].rstrip(":").removesuffix(", for expression")
                raise DefinitionError(f"{_quoted(text)} is no selector: {reason}") from error
            except RecursionError as error:
                raise DefinitionError(f"{_quoted(text)} is no selector: it is nested too deeply") from error
            if growth > _MOST_GROWTH:
                raise DefinitionError(f"the selector {_quoted(text)} would repeat what it is given {growth:.0e} times")

    def find(self, value: object) -> Any:
        """What stands there in a decoded value, whose objects are dicts; None where there is nothing.

        Raises PageUnreadable where a JMESPath function does not fit the value.
        """
        path = self.path
        if path is not None:
            for name in path:
                if not isinstance(value, dict):
                    return None
                value = value.get(name)
            return value
        try:
            return self._compiled.search(value)
        except (jmespath.exceptions.JMESPathError, ValueError, TypeError, ArithmeticError) as error:
            # Its functions meet values that they are not made for: `contains` a number in a text, `ceil` of infinity.
            reason = str(error)[:_LONGEST_REASON]
            raise PageUnreadable(
                f"the selector {_quoted(self.text)} does not fit what the source sent: {reason}"
            ) from error
        except RecursionError as error:
            raise PageUnreadable(
                f"what the source sent is nested too deeply for the selector {_quoted(self.text)}"
            ) from error

    def __repr__(self) -> str:
        return f"Selector({self.text!r})"


def _growth(node: Any) -> float:
    """How many times over a selector can give what it is given, at most. Raises ValueError for a step of 0."""
    kind, children = node["type"], node.get("children", [])
    if kind == "literal":
        return max(1, len(node["value"])) if isinstance(node["value"], list | dict) else 1
    if kind == "slice":
        if children[2] == 0:
            raise ValueError("the step of a slice cannot be 0")
        return 1
    if kind == "index":
        return 1
    grown = [_growth(child) for child in children]
    if kind in ("multi_select_list", "multi_select_dict"):
        return sum(grown)
    if kind in ("or_expression", "and_expression", "not_expression", "comparator"):
        return max(grown, default=1)
    return math.prod(grown)


def _quoted(text: str) -> str:
    return repr(text) if len(text) <= 120 else f"{text[:120]!r}..."


@lru_cache(maxsize=4096)
def selector(text: str) -> Selector:
    """The compiled selector of this text, kept for the next time. Raises DefinitionError."""
    return Selector(text)
