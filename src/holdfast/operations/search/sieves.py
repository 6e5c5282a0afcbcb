"""Finds in a frame's bytes where a matching record can be, without looking at records: what it passes over matches not.

A sieve may stop at records that do not match; `matching` decides about those.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from holdfast.operations.search.folding import fold
from holdfast.operations.search.numbers import as_number
from holdfast.operations.search.patterns import escaped, is_plain, spelled
from holdfast.operations.search.query import Condition, Query

_SHORTEST_ANCHOR = 3
"""A shorter run of plain characters is no better than the whole text with all its spellings."""
_WHITE = rb"[ \t\r\n]*"

Finder = Callable[[bytes, int], int]
"""Where in these bytes, from a position on, something is; -1: nowhere."""


@dataclass(frozen=True)
class Sieve:
    """`folds`: it is for bytes in lower case."""

    folds: bool
    _usual: Finder | None
    """None: it stops everywhere."""
    _unusual: re.Pattern[bytes] | None = None
    """Spellings that hardly ever occur."""

    def of_frame(self, frame: bytes) -> Finder:
        """A finder for this frame: the position of the next possible match, also one within a record's middle."""
        usual, unusual = self._usual, self._unusual
        if usual is None:
            return lambda frame, start: start if start < len(frame) else -1
        if unusual is None or (frame.isascii() and (b"\\" not in frame or b"\\u" not in frame)):
            return usual

        def either(frame: bytes, start: int) -> int:
            first = usual(frame, start)
            found = unusual.search(frame, start, len(frame) if first < 0 else first)
            return first if found is None else found.start()

        return either


def sieve(query: Query) -> Sieve:
    """The sieve that lets least through, as far as the query tells."""
    if query.text is not None:
        return _of_text(fold(query.text))
    ranked = sorted(query.conditions, key=lambda one: _PREFERENCE.index(one.operator))
    return _of_condition(ranked[0])


_PREFERENCE = ("=", "~", ">", ">=", "<", "<=", "!=")


def _of_text(text: str) -> Sieve:
    anchor = longest_plain(text)
    if len(anchor) >= min(_SHORTEST_ANCHOR, len(text)):
        # What goes on to a colon behind a quote is a field's name, however the quote's string began.
        return _sieve([anchor], _pattern(spelled(anchor, folded=True) + rb'(?![\w-]*"\s*:)'), folded=True)
    return _sieve([text], _pattern(spelled(text, folded=True)), folded=True)


def _of_condition(condition: Condition) -> Sieve:
    if condition.operator == "!=":
        return Sieve(False, None)
    path = condition.field.split(".")
    last = max((place for place, part in enumerate(path) if not part.isdecimal()), default=-1)
    if last < 0 or not path[last]:
        return Sieve(False, None)
    # Names may have dots themselves, so nothing is known of what stands before the last part. Numbers behind it are
    # places in lists, or names, or belong to this one.
    name = spelled(path[last], folded=False)
    for number in path[last + 1 :]:
        name += rb"(?:\." + number.encode()
    name += b")?" * (len(path) - last - 1) + b'"' + _WHITE + b":" + _WHITE
    spelt = ".".join(path[last:])
    if condition.operator != "=":
        return _sieve([spelt], _pattern(name), folded=False)
    # Behind a bracket anything may follow.
    followed = b"|".join([*_scalars(condition.value), rb"[\[{]"])
    return _sieve([spelt, condition.value], _pattern(name + b"(?:" + followed + b")"), folded=False)


def _scalars(text: str) -> list[bytes]:
    """Every JSON scalar that `matching` takes as equal to this text."""
    ways = [b'"' + spelled(text, folded=False) + b'"']
    if text in {"true", "false", "null"}:
        ways.append(text.encode())
    if as_number(text) is not None:
        ways.append(rb"[-0-9]")
    return ways


def longest_plain(text: str) -> str:
    """The longest run of characters that stand for themselves in JSON."""
    runs = ["".join(run) for plain, run in groupby(text, is_plain) if plain]
    return max(runs, key=len, default="")


def _sieve(texts: Sequence[str], usual: Finder, *, folded: bool) -> Sieve:
    ways = escaped(texts, folded=folded)
    if not ways:
        return Sieve(folded, usual)
    return Sieve(folded, usual, re.compile(b"|".join(ways)))


def _pattern(expression: bytes) -> Finder:
    search = re.compile(expression).search

    def find(frame: bytes, start: int) -> int:
        found = search(frame, start)
        return -1 if found is None else found.start()

    return find
