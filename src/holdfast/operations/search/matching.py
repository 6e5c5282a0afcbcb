"""Decides whether a record matches a query, and shows where."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from holdfast.definitions.values import NumberToken, decode
from holdfast.errors import PageUnreadable
from holdfast.operations.search import tokens
from holdfast.operations.search.folding import fold, forms
from holdfast.operations.search.numbers import as_number
from holdfast.operations.search.patterns import is_plain
from holdfast.operations.search.query import Condition, Query

_EXCERPT = 40
"""Characters shown on each side of a match."""
_UNFIT = re.compile(r'["\\\x00-\x1f]')
"""What msgspec allows in no field's name."""
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


@dataclass(frozen=True)
class Match:
    """Where a text stands in a record: the field's dotted path, and the text around it."""

    field: str
    excerpt: str


class Matcher:
    """One query's decisions. `folded` is the record's bytes in lower case where the query has a text."""

    def __init__(self, query: Query) -> None:
        self._text = None if query.text is None else fold(query.text)
        self._conditions = [_Held(condition) for condition in query.conditions]
        self._literal: bytes | None = None
        self._is_number: bool | None = False
        self._doubtful: tuple[bytes, ...] = (b"\\u",)
        """Without one of these in a record a literal text has no other spelling there."""
        if self._text is not None and all(map(is_plain, self._text)):
            self._literal = self._text.encode()
            self._is_number = tokens.is_part_of_number(self._text)
            others = {form for one in self._text for form in forms(one) if not form.isascii()}
            self._doubtful += tuple(form.encode() for form in others)

    def matches(self, raw: bytes, folded: bytes) -> bool:
        return (self._text is None or self._has_text(raw, folded)) and (
            not self._conditions or all(condition.holds(raw) for condition in self._conditions)
        )

    def found(self, raw: bytes, limit: int = 3) -> list[Match]:
        """Where the text stands, at most so many places; nothing where the query has no text."""
        text = self._text
        if text is None:
            return []
        matches: list[Match] = []
        try:
            for path, value in _scalars(decode(raw)):
                at = fold(value).find(text)
                if at >= 0:
                    matches.append(Match(path, _excerpt(value, at, len(text))))
                    if len(matches) == limit:
                        break
        except PageUnreadable:  # nested too deeply for paths
            for value in tokens.values(raw):
                if (at := fold(value).find(text)) >= 0:
                    return [Match("", _excerpt(value, at, len(text)))]
        return matches

    def _has_text(self, raw: bytes, folded: bytes) -> bool:
        """Nearly always told by the bytes around a literal occurrence; else by unescaping every value."""
        assert self._text is not None
        literal = self._literal
        if literal is not None:
            at = folded.find(literal)
            while at >= 0:
                found = tokens.is_in_value(folded, at, at + len(literal), is_number=self._is_number)
                if found:
                    return True
                if found is None:
                    break
                at = folded.find(literal, at + 1)
            else:
                if not any(spelling in folded for spelling in self._doubtful):
                    return False
        return any(self._text in fold(value) for value in tokens.values(raw))


class _Held:
    """A condition, ready to be asked of many records: only the fields at the beginning of its path are decoded."""

    def __init__(self, condition: Condition) -> None:
        self._path = condition.field.split(".")
        self._negated = condition.operator == "!="
        self._test = _test(condition)
        # Names may have dots: the first one is any beginning of the path.
        self._names = [".".join(self._path[:length]) for length in range(1, len(self._path) + 1)]
        self._decoder: msgspec.json.Decoder[Any] | None = None
        if not _UNFIT.search(condition.field):
            fields = [(f"f{number}", msgspec.Raw, msgspec.Raw(b"")) for number in range(len(self._names))]
            renamed = {f"f{number}": name for number, name in enumerate(self._names)}
            self._decoder = msgspec.json.Decoder(msgspec.defstruct("Wanted", fields, rename=renamed))

    def holds(self, raw: bytes) -> bool:
        try:
            return any(map(self._test, self._values(raw))) is not self._negated
        except PageUnreadable:
            return False

    def _values(self, raw: bytes) -> Iterator[object]:
        wanted = self._wanted(raw)
        if wanted is None:
            yield from _at(decode(raw), self._path)
            return
        for number in range(len(self._names)):
            part = bytes(getattr(wanted, f"f{number}"))
            if part:
                yield from _at(decode(part), self._path[number + 1 :])

    def _wanted(self, raw: bytes) -> object | None:
        """The fields that the path may begin with, each as its bytes; None where only decoding everything tells."""
        if self._decoder is None:
            return None
        try:
            found: object = self._decoder.decode(raw)
        except (msgspec.MsgspecError, RecursionError):
            return None
        return found


def _at(value: object, path: Sequence[str]) -> Iterator[object]:
    """The values at a path, a list standing for its elements; of a list at its end each element."""
    if isinstance(value, list):
        if path and path[0].isdecimal():
            index = int(path[0])
            if index < len(value):
                yield from _at(value[index], path[1:])
        for element in value:
            yield from _at(element, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        for length in range(1, len(path) + 1):
            name = ".".join(path[:length])
            if name in value:
                yield from _at(value[name], path[length:])


def _test(condition: Condition) -> Callable[[object], bool]:
    if condition.operator in {"=", "!="}:
        return partial(_equals, condition.value, as_number(condition.value))
    if condition.operator == "~":
        return partial(_contains, fold(condition.value))
    return partial(_in_order, _ORDER[condition.operator], condition.value, as_number(condition.value))


def _equals(text: str, number: Decimal | None, value: object) -> bool:
    if isinstance(value, str):
        return value == text
    if number is not None and isinstance(value, int) and not isinstance(value, bool):
        return value == number
    spelled = _spelled(value)
    return spelled == text or (number is not None and _is_number(value) and as_number(spelled) == number)


def _contains(folded: str, value: object) -> bool:
    spelled = value if isinstance(value, str) else _spelled(value)
    return spelled is not None and folded in fold(spelled)


def _in_order(
    compare: Callable[[Any, Any], bool], text: str, number: Decimal | None, value: object
) -> bool:  # fmt: skip
    """Numbers by size, texts (times among them) by their characters; a number and a text have no order."""
    if _is_number(value):
        mine = as_number(_spelled(value))
        return mine is not None and number is not None and compare(mine, number)
    return isinstance(value, str) and compare(value, text)


def _is_number(value: object) -> bool:
    return isinstance(value, int | NumberToken) and not isinstance(value, bool)


def _spelled(value: object) -> str | None:
    """A scalar that is no text, as JSON has it; None for objects."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if _is_number(value) else None


def _scalars(root: object) -> Iterator[tuple[str, str]]:
    """(dotted path, text or spelling) of every text and number, in order."""
    pending: list[tuple[str, object]] = [("", root)]
    while pending:
        path, value = pending.pop()
        prefix = f"{path}." if path else ""
        if isinstance(value, Mapping):
            pending += [(f"{prefix}{name}", inner) for name, inner in list(value.items())[::-1]]
        elif isinstance(value, list):
            pending += [(f"{prefix}{index}", value[index]) for index in range(len(value) - 1, -1, -1)]
        elif isinstance(value, str):
            yield path, value
        elif _is_number(value):
            yield path, str(value)


def _excerpt(value: str, at: int, length: int) -> str:
    """The text around a match. Folding may have changed lengths: then it is around nearly the right place."""
    begin, end = max(at - _EXCERPT, 0), at + length + _EXCERPT
    return ("…" if begin else "") + value[begin:end] + ("…" if end < len(value) else "")
