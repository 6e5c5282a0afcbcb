"""docs/definition-language.md agrees with the language: its examples load, and it says everything in the same words."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from holdfast.definitions.features import READ
from holdfast.definitions.filters import FILTERS
from holdfast.definitions.kinds import Kind
from holdfast.definitions.language import DOCUMENT, RESERVED_NAMES
from holdfast.definitions.loading import load
from holdfast.definitions.schema import json_schema
from holdfast.definitions.shapes import Field, Shape, Variants
from holdfast.definitions.yaml_tree import Node, read_tree

from .cases import as_json

PAGE = (Path(__file__).parents[3] / "docs" / "definition-language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml ?(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

VARIABLES = """\
- {key: token, secret: true}
- {key: client_secret, secret: true}
- {key: private_key, secret: true}
- {key: region, default: eu}
- {key: team, optional: true}
"""
CONNECTION = "base_url: https://api.notebook.example\n"
FOLDERS = "name: folders\npath: /folders\nid: id\n"
DRAWERS = "name: drawers\npath: /drawers\nid: id\n"


def whole(kind: str, text: str) -> str:
    """The example as a whole document."""
    if not kind:
        return text
    parts = {"variables": VARIABLES, "connection": CONNECTION, "endpoint": ""} | {kind: text}
    if kind == "endpoints":
        return whole("endpoint", "name: notes\npath: /notes\nid: id\n") + text
    endpoints = [part for part in (FOLDERS, DRAWERS, parts["endpoint"]) if part]
    indented = {name: "".join(f"  {line}\n" for line in part.splitlines()) for name, part in parts.items()}
    listed = "".join(
        ("- " if first else "  ") + line + "\n"
        for part in endpoints
        for first, line in ((index == 0, line) for index, line in enumerate(part.splitlines()))
    )
    return (
        f"holdfast: 1\nname: Example\nvariables:\n{indented['variables']}connection:\n{indented['connection']}"
        f"endpoints:\n{listed}"
    )


def fields(kind: Kind[Any], seen: set[int]) -> list[Field]:
    if id(kind) in seen:
        return []
    seen.add(id(kind))
    own = list(kind.known(READ).values()) if isinstance(kind, Shape) else []
    shapes = kind.known(READ).values() if isinstance(kind, Variants) else ()
    parts = [*kind.parts(), *shapes]
    return own + [found for part in parts for found in fields(part, seen)]


def keys(node: Node) -> set[str]:
    below = (keys(child) for child in (*node.members.values(), *node.elements))
    return set(node.members).union(*below)


ALL_FIELDS = fields(DOCUMENT, set())
ALL_KEYS = set().union(*(keys(read_tree(whole(kind, text))) for kind, text in EXAMPLES))
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@pytest.mark.parametrize(("kind", "text"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_a_right_definition(kind: str, text: str) -> None:
    assert load(whole(kind, text)).endpoints
    VALIDATOR.validate(as_json(read_tree(whole(kind, text))))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 20


@pytest.mark.parametrize("key", sorted({field.key for field in ALL_FIELDS}))
def test_every_key_has_an_example(key: str) -> None:
    assert key in ALL_KEYS


@pytest.mark.parametrize("field", ALL_FIELDS, ids=lambda field: field.key)
def test_every_key_is_described_in_the_languages_own_words(field: Field) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{field.key}`" in line]
    if field.key == "type":
        rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    wanted = field.doc.rstrip(".")
    assert any(wanted in row or wanted[0].lower() + wanted[1:] in row for row in rows), field.doc


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_has_a_row(name: str) -> None:
    assert re.search(rf"^\| .*`{name}[`(].*\|.*\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", RESERVED_NAMES)
def test_every_name_of_expressions_is_explained(name: str) -> None:
    assert f"`{name}`" in PAGE
