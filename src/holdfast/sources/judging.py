"""What an answer means by a definition's `answers`: the first rule that fits decides. Pure; what follows from it is
decided where the answer was asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from holdfast.definitions.document import AnswerRule
from holdfast.definitions.selectors import selector
from holdfast.errors import PageUnreadable
from holdfast.sources.splitter import decode_leniently
from holdfast.sources.structs import getter, nested

__all__ = ["GONE", "Judge", "Verdict", "equals", "without_skips"]

GONE = frozenset({404, 410})
"""Statuses that mean that what was asked for does not exist, where no rule says otherwise."""

_GRAPHQL_ERROR = AnswerRule("failed", message="errors[0].message")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule that fits an answer, and what the answer says for people."""

    rule: AnswerRule
    message: str | None
    """What stands at the rule's `message`; None: no such rule, or nothing there."""

    @property
    def means(self) -> str:
        return self.rule.means


class Judge:
    """The rules for the answers to one endpoint. Immutable, safe between threads."""

    def __init__(self, rules: Sequence[AnswerRule] = (), *, graphql: bool = False) -> None:
        """With `graphql` an answer whose `errors` is not empty has failed, unless a rule says what else it means."""
        self._rules = [_Compiled(rule) for rule in rules]
        self._graphql = graphql
        texts = [text for rule in rules for text in rule.body]
        self._finder = _bulk_finder([*texts, "errors"] if graphql else texts)

    def verdict(self, status: int, headers: Mapping[str, str], body: bytes) -> Verdict | None:
        """The verdict on a whole answer; None: no rule fits it. `headers` do not tell upper from lower case."""
        candidates = [one for one in self._rules if one.fits_head(status, headers)]
        if not candidates and not self._graphql:
            return None
        find = _lazily(body, self._finder)
        for one in candidates:
            if one.fits_body(body, find):
                said = find(one.rule.message) if one.rule.message else None
                return Verdict(one.rule, said if isinstance(said, str) else None)
        if self._graphql and 200 <= status < 300 and find("errors"):
            said = find("errors[0].message")
            return Verdict(_GRAPHQL_ERROR, said if isinstance(said, str) else None)
        return None

    def head_verdict(self, status: int, headers: Mapping[str, str]) -> Verdict | None:
        """The verdict on an answer whose body nobody wants to wait for: by the rules that need no body."""
        for one in self._rules:
            if not one.needs_body and one.fits_head(status, headers):
                return Verdict(one.rule, None)
        return None

    def wants_body(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether the body decides what such an answer means."""
        return any(one.needs_body and one.fits_head(status, headers) for one in self._rules)


class _Compiled:
    def __init__(self, rule: AnswerRule) -> None:
        self.rule = rule
        self.needs_body = bool(rule.body or rule.contains)
        self._statuses = frozenset(rule.statuses)
        self._headers = [(name, value.strip().lower()) for name, value in rule.headers.items()]
        self._contains = rule.contains.encode()

    def fits_head(self, status: int, headers: Mapping[str, str]) -> bool:
        if self._statuses and status not in self._statuses:
            return False
        for name, wanted in self._headers:
            found = headers.get(name, "").strip().lower()
            # `text/html` fits `text/html; charset=utf-8` too.
            if wanted not in {found, found.partition(";")[0].rstrip()}:
                return False
        return True

    def fits_body(self, body: bytes, find: Callable[[str], Any]) -> bool:
        if self._contains and self._contains not in body:
            return False
        return all(equals(find(text), wanted) for text, wanted in self.rule.body.items())


def without_skips(rules: Sequence[AnswerRule]) -> list[AnswerRule]:
    """The rules for a question whether something exists: none makes a skip of the answer that it does not."""
    kept: list[AnswerRule] = []
    for rule in rules:
        if rule.means == "skip" and GONE & set(rule.statuses):
            rule = replace(rule, statuses=tuple(one for one in rule.statuses if one not in GONE))
            if not rule.statuses:
                continue
        kept.append(rule)
    return kept


def equals(found: object, wanted: object) -> bool:
    """Whether a decoded JSON value is the wanted single value: in JSON, unlike in Python, 1 is not true."""
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def _bulk_finder(texts: Sequence[str]) -> Callable[[bytes], dict[str, Any]] | None:
    """Reads plain selectors out of a body and skips the rest of it unread, which costs a page of 100 KB 0.1 ms."""
    paths = {text: path for text in texts if (path := selector(text).path)}
    leaves: dict[tuple[str, ...], Any] = dict.fromkeys(paths.values(), Any)
    kind = nested(leaves) if leaves else None
    if kind is None:
        return None
    decoder = msgspec.json.Decoder(kind)
    getters = {text: getter(leaves, path) for text, path in paths.items()}

    def read(body: bytes) -> dict[str, Any]:
        page = decoder.decode(body)
        found: dict[str, Any] = {}
        for text, get in getters.items():
            try:
                value = get(page)
            except AttributeError:
                value = None
            found[text] = None if value is msgspec.UNSET else value
        return found

    return read


def _lazily(body: bytes, bulk: Callable[[bytes], dict[str, Any]] | None) -> Callable[[str], Any]:
    """Finds a selector's value in a body that is decoded when it is needed; None in one that is no JSON."""
    known: dict[str, Any] = {}
    whole: list[Any] = []
    start = body.lstrip()[:1]
    if bulk is not None and start == b"{":
        try:
            known = bulk(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            known = {}  # the slower way below finds what there is

    def find(text: str) -> Any:
        if text in known:
            return known[text]
        if selector(text).path and start != b"{":
            return None
        if not whole:
            try:
                whole.append(decode_leniently(body))
            except PageUnreadable:
                whole.append(None)
        return selector(text).find(whole[0])

    return find
