"""The kinds of values a document is made of: each reads a node, says what it expected, and writes its own JSON Schema.

`language` puts them together. A kind reports every problem to the `Reading` and raises Rejected where it has no value.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from holdfast.definitions.durations import parse_duration, parse_size
from holdfast.definitions.expressions import template
from holdfast.definitions.features import FEATURES, READ
from holdfast.definitions.selectors import selector
from holdfast.definitions.yaml_tree import Node
from holdfast.errors import DefinitionError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Schema = dict[str, Any]


class Rejected(Exception):
    """A value could not be read; why is in the reading's problems already."""


@dataclass(frozen=True)
class TemplateUse:
    """A template that stands in the document, for the checks that need to know the whole of it."""

    node: Node
    names: frozenset[str]
    """What it looks up."""
    offered: frozenset[str]
    """What it may look up besides the variables: of `parent`, `grandparent`, `record`, `cursor` and so on."""


@dataclass
class Reading:
    """What has come to light while one document is read."""

    file: str | None
    features: frozenset[str] = READ
    """The parts of the language that may be used (`definitions.features`)."""
    problems: list[DefinitionError] = field(default_factory=list)
    templates: list[TemplateUse] = field(default_factory=list)

    def problem(self, node: Node, message: str, *, hint: str | None = None, line: int | None = None) -> None:
        """Note that something is wrong with `node`; the message is preceded by its path."""
        text = f"{node.path}: {message}" if node.path else message
        self.problems.append(
            DefinitionError(text, file=self.file, line=line or node.line, field=node.path or None, hint=hint)
        )

    def allows(self, feature: str | None) -> bool:
        """Whether what belongs to this part of the language may be used; None: the part that always may."""
        return feature is None or feature in self.features

    def not_yet(self, node: Node, word: str, feature: str, *, line: int | None = None) -> None:
        """Note that a word of the language stands here which this version cannot do yet."""
        self.problem(node, f"this version of Holdfast does not know `{word}` yet ({FEATURES[feature]})", line=line)

    def reject(self, node: Node, message: str, *, hint: str | None = None) -> "Rejected":
        """Note that something is wrong with `node`, and make the exception to raise."""
        self.problem(node, message, hint=hint)
        return Rejected()


class Kind(ABC, Generic[T_co]):
    """A kind of value. `expected` goes on after "expected "."""

    expected: str

    @abstractmethod
    def read(self, node: Node, reading: Reading) -> T_co:
        """The value of this node. Raises Rejected after reporting why."""

    @abstractmethod
    def schema(self) -> Schema:
        """The JSON Schema of this kind; named shapes are referred to as `#/$defs/NAME`."""

    def parts(self) -> "Iterable[Kind[Any]]":
        """The kinds that this one's schema is made of."""
        return ()

    def refuse(self, node: Node, reading: Reading) -> Rejected:
        """Report that the node is of another kind."""
        return reading.reject(node, f"expected {self.expected}, not {describe(node)}")


def describe(node: Node) -> str:
    """What a node is, in words for a message."""
    if node.type in ("list", "mapping"):
        return f"a {node.type}"
    if node.type == "null":
        return "nothing"
    return repr(node.text) if len(node.text) <= 60 else f"{node.text[:60]!r}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the nearest of the known words, or nothing where none is near."""
    lowered = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return f" Did you mean `{lowered[near[0]]}`?" if near else ""


class Text(Kind[str]):
    """Text. Where `loose`, an unquoted number or true and false count as the text they are written as."""

    def __init__(
        self, expected: str = "text", *, pattern: str | None = None, longest: int = 10_000, loose: bool = False
    ) -> None:
        self.expected, self.pattern, self.longest, self.loose = expected, pattern, longest, loose

    def read(self, node: Node, reading: Reading) -> str:
        if node.type != "text" and not (self.loose and node.type in ("number", "boolean")):
            hint = "Put it in quotes to make it text." if node.type in ("number", "boolean") else None
            raise reading.reject(node, f"expected {self.expected}, not {describe(node)}", hint=hint)
        if len(node.text) > self.longest:
            raise reading.reject(node, f"longer than {self.longest} characters")
        if self.pattern is not None and re.fullmatch(self.pattern, node.text) is None:
            raise self.refuse(node, reading)
        return node.text

    def schema(self) -> Schema:
        schema: Schema = {"type": ["string", "number", "boolean"] if self.loose else "string"}
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema


class TemplateText(Text):
    """A template. `offers` are the names it may use besides the definition's variables."""

    def __init__(
        self, *offers: str, expected: str = "text, which may have {{ expressions }}", pattern: str | None = None
    ):
        super().__init__(expected, pattern=pattern, loose=pattern is None)
        self.offers = frozenset({*offers, "grandparent"} if "parent" in offers else offers)

    def read(self, node: Node, reading: Reading) -> str:
        text = super().read(node, reading)
        try:
            compiled = template(text)
        except DefinitionError as error:
            raise reading.reject(node, str(error)) from error
        reading.templates.append(TemplateUse(node, compiled.names, self.offers))
        return text


class SelectorText(Text):
    """A selector; where `plain`, only dotted names."""

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__("dotted names such as `a.b`" if plain else "a selector such as `id`, `a.b` or any JMESPath")
        self.plain = plain

    def read(self, node: Node, reading: Reading) -> str:
        text = super().read(node, reading)
        if not text:
            raise self.refuse(node, reading)
        try:
            compiled = selector(text)
        except DefinitionError as error:
            raise reading.reject(node, str(error)) from error
        if self.plain and not compiled.path:
            raise self.refuse(node, reading)
        return text

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1}


class Boolean(Kind[bool]):
    expected = "true or false"

    def read(self, node: Node, reading: Reading) -> bool:
        if node.type != "boolean":
            raise self.refuse(node, reading)
        return node.text.lower() == "true"

    def schema(self) -> Schema:
        return {"type": "boolean"}


class Integer(Kind[int]):
    """A whole number from `lowest` to `highest`, both included."""

    def __init__(self, lowest: int, highest: int) -> None:
        self.lowest, self.highest = lowest, highest
        self.expected = f"a whole number from {lowest} to {highest}" if lowest < highest else f"the number {lowest}"

    def read(self, node: Node, reading: Reading) -> int:
        if node.type != "number" or re.fullmatch(r"[-+]?[0-9]{1,18}", node.text) is None:
            raise self.refuse(node, reading)
        if not self.lowest <= int(node.text) <= self.highest:
            raise self.refuse(node, reading)
        return int(node.text)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}


class Scalar(Kind[object]):
    """Any single JSON value, typed as it is written."""

    expected = "text, a number, true, false or null"

    def read(self, node: Node, reading: Reading) -> object:
        if node.type == "text":
            return node.text
        if node.type == "null":
            return None
        if node.type == "boolean":
            return node.text.lower() == "true"
        if node.type == "number":
            return int(node.text) if re.fullmatch(r"[-+]?[0-9]{1,18}", node.text) else float(node.text)
        raise self.refuse(node, reading)

    def schema(self) -> Schema:
        return {"type": ["string", "number", "boolean", "null"]}


class Duration(Kind[timedelta]):
    """A length of time; none at all only where `lowest` is zero."""

    def __init__(
        self,
        lowest: timedelta = timedelta(milliseconds=1),
        *,
        expected: str = "a duration such as `500ms`, `90s`, `1h` or `7d`",
    ) -> None:
        self.lowest, self.expected = lowest, expected

    def read(self, node: Node, reading: Reading) -> timedelta:
        if node.type != "text":
            raise self.refuse(node, reading)
        try:
            duration = parse_duration(node.text)
        except ValueError as error:
            raise self.refuse(node, reading) from error
        if duration < self.lowest:
            raise reading.reject(node, f"{node.text!r} is too short")
        return duration

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^\s*[0-9]{1,9}\s*(?:ms|s|m|h|d|w)\s*$"}


class Size(Kind[int]):
    expected = "a number of bytes such as `65536`, `500kB` or `64MiB`"

    def read(self, node: Node, reading: Reading) -> int:
        if node.type not in ("text", "number"):
            raise self.refuse(node, reading)
        try:
            size = parse_size(node.text)
        except ValueError as error:
            raise self.refuse(node, reading) from error
        if size < 1:
            raise self.refuse(node, reading)
        return size

    def schema(self) -> Schema:
        pattern = r"^\s*[0-9]{1,12}\s*(?:B|kB|KB|MB|GB|KiB|MiB|GiB)?\s*$"
        return {"type": ["integer", "string"], "minimum": 1, "pattern": pattern}


class Choice(Kind[str]):
    """One of a few words. `features` names the part of the language that a word belongs to."""

    def __init__(self, words: Sequence[str], *, features: Mapping[str, str] | None = None) -> None:
        self.words, self.features = words, features or {}
        listed = ", ".join(f"`{word}`" for word in self._read())
        self.expected = f"one of {listed}" if len(self._read()) > 1 else listed

    def read(self, node: Node, reading: Reading) -> str:
        if not node.is_scalar or node.text not in self.words:
            near = did_you_mean(node.text, self._read()) if node.is_scalar else ""
            raise reading.reject(node, f"expected {self.expected}, not {describe(node)}.{near}")
        feature = self.features.get(node.text)
        if feature is not None and not reading.allows(feature):
            reading.not_yet(node, node.text, feature)
            raise Rejected()
        return node.text

    def schema(self) -> Schema:
        return {"enum": self._read()}

    def _read(self) -> list[str]:
        return [word for word in self.words if self.features.get(word) in {None, *READ}]


class JsonTemplate(Kind[object]):
    """Any JSON, in which every text is a template that may use the names offered."""

    expected = "JSON, whose texts may have {{ expressions }}"

    def __init__(self, *offers: str) -> None:
        self.text = TemplateText(*offers)

    def read(self, node: Node, reading: Reading) -> object:
        if node.type == "mapping":
            return {key: self.read(member, reading) for key, member in node.members.items()}
        if node.type == "list":
            return [self.read(element, reading) for element in node.elements]
        return self.text.read(node, reading) if node.type == "text" else Scalar().read(node, reading)

    def schema(self) -> Schema:
        return {}
