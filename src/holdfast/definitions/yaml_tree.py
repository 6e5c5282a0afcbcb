"""YAML text as a tree of nodes that know their line and their path. What the nodes mean, `kinds` and `language` say.

Stricter than YAML 1.1: keys are unique text, `yes`, `no`, `on` and `off` are text, dates are text, and there are no
anchors (a few lines of them expand to gigabytes) and no tags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import yaml

from holdfast.errors import DefinitionError

__all__ = ["LONGEST_DOCUMENT", "Node", "compose", "read_tree"]

LONGEST_DOCUMENT = 256 * 1024
"""Characters of a document. PyYAML reads some 150 KB a second."""
_DEEPEST = 24
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
"""What an escape may spell and no database keeps: PyYAML refuses it only where it stands as it is."""
_UNQUOTED = re.compile(r"(?:^|[:,\[{]|\s-|^-)\s*\{\{")
_CORE_TAGS: dict[str, Literal["null", "boolean", "number", "text"]] = {
    "tag:yaml.org,2002:null": "null",
    "tag:yaml.org,2002:bool": "boolean",
    "tag:yaml.org,2002:int": "number",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:str": "text",
}


@dataclass(frozen=True)
class Node:
    """One value of the document. Exactly one of `text`, `elements` and `members` means something, by `type`."""

    type: Literal["null", "boolean", "number", "text", "list", "mapping"]
    line: int
    """From 1."""
    path: str
    """How messages name it: `endpoints[0].paging.type`; empty for the whole document."""
    text: str = ""
    """A scalar as it is written, without its quotes."""
    elements: tuple["Node", ...] = ()
    members: dict[str, "Node"] = field(default_factory=dict)
    key_line: int = 0
    """Where the key of this value stands, which may be lines above the value; 0 for a list's element."""

    @property
    def is_scalar(self) -> bool:
        return self.type not in ("list", "mapping")


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the implicit types of YAML 1.2's core schema, and nothing that expands."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML wants it so

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors (&) and aliases (*) are not allowed", problem_mark=event.start_mark
            )
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(rf"(?:{_pattern})$"),
        [*_first.replace("\0", ""), *("",) * ("\0" in _first)],
    )


def compose(text: str, file: str | None = None) -> yaml.Node:
    """The document as PyYAML's own nodes, which know where in the text they begin and end. Raises DefinitionError."""
    if len(text) > LONGEST_DOCUMENT:
        raise DefinitionError(f"the document is longer than {LONGEST_DOCUMENT // 1024} KiB", file=file)
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason, line = _reason(error, text)
        if line is None and mark is not None:
            line = mark.line + 1
        raise DefinitionError(f"not valid YAML: {reason}", file=file, line=line) from error
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, str) else chr(error.character)
        line = text.count("\n", 0, error.position) + 1
        raise DefinitionError(
            f"not valid YAML: the character {character!r} may not stand here", file=file, line=line
        ) from error
    if root is None:
        raise DefinitionError("the document is empty", file=file, hint="It begins with `holdfast: 1`.")
    node: yaml.Node = root
    return node


def _reason(error: yaml.MarkedYAMLError, text: str) -> tuple[str, int | None]:
    """What is wrong, and the line (from 1) where it is known better than the parser knows it."""
    if "'\\t'" in (error.problem or ""):
        return "a tab may not stand here: use spaces", None
    lines = text.split("\n")
    for mark in (error.problem_mark, error.context_mark):
        # The parser may notice only in the line below.
        for number in (mark.line, mark.line - 1) if mark else ():
            if 0 <= number < len(lines) and _UNQUOTED.search(lines[number]):
                return 'text that begins with {{ needs quotes, as in "{{ token }}/notes"', number + 1
    return ", ".join(said for said in (error.context, error.problem) if said), None


def read_tree(text: str, file: str | None = None) -> Node:
    """Parse one document. Raises DefinitionError with all duplicate keys at once, or with the first syntax error."""
    root = compose(text, file)
    problems: list[DefinitionError] = []
    tree = _convert(root, "", 0, file, problems)
    if problems:
        raise DefinitionError.of(problems, file=file)
    return tree


def _no_text(text: str, path: str, line: int, file: str | None) -> Iterator[DefinitionError]:
    if found := _NO_TEXT.search(text):
        reason = f"{path or 'document'}: the character {found[0]!r} may not stand in a text"
        yield DefinitionError(reason, file=file, line=line, field=path)


def _convert(node: yaml.Node, path: str, key_line: int, file: str | None, problems: list[DefinitionError]) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        scalar_type = _CORE_TAGS.get(node.tag)
        if scalar_type is None:
            problems.append(
                DefinitionError(f"{path}: the tag {node.tag!r} is not allowed", file=file, line=line, field=path)
            )
        problems.extend(_no_text(node.value, path, line, file))
        return Node(scalar_type or "text", line, path, text=node.value, key_line=key_line)
    if isinstance(node, yaml.SequenceNode):
        elements = tuple(
            _convert(child, f"{path}[{index}]", 0, file, problems) for index, child in enumerate(node.value)
        )
        return Node("list", line, path, elements=elements, key_line=key_line)
    members: dict[str, Node] = {}
    for key_node, value_node in node.value:
        at = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            # `{{ token }}` without quotes is a mapping whose key is a mapping.
            meant = (
                ': an expression needs quotes, as in "{{ token }}"' if isinstance(key_node, yaml.MappingNode) else ""
            )
            problems.append(
                DefinitionError(f"{path or 'document'}: a key must be text{meant}", file=file, line=at, field=path)
            )
            continue
        key = key_node.value
        problems.extend(_no_text(key, path, at, file))
        member_path = f"{path}.{key}" if path else key
        if key in members:
            first = members[key].key_line
            problems.append(
                DefinitionError(
                    f"{member_path}: this key stands already in line {first}", file=file, line=at, field=member_path
                )
            )
            continue
        members[key] = _convert(value_node, member_path, at, file, problems)
    return Node("mapping", line, path, members=members, key_line=key_line)
