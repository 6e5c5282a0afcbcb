"""Selectors: where in a decoded JSON value something stands. JMESPath, with a fast path for plain dotted names.

`a.b`, `total-count` and `a."b.c"` are plain; everything else (`items[0]`, `updated_at || created_at`) is JMESPath.
"""

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
            except jmespath.exceptions.JMESPathError as error:
                reason = str(error).splitlines()[0].rstrip(":").removesuffix(", for expression")
                raise DefinitionError(f"{text!r} is no selector: {reason}") from error

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
        except jmespath.exceptions.JMESPathError as error:
            raise PageUnreadable(f"the selector {self.text!r} does not fit what the source sent: {error}") from error

    def __repr__(self) -> str:
        return f"Selector({self.text!r})"


@lru_cache(maxsize=4096)
def selector(text: str) -> Selector:
    """The compiled selector of this text, kept for the next time. Raises DefinitionError."""
    return Selector(text)
