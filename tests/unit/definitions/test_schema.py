import json
from typing import Any

import jsonschema
import pytest

from holdfast.definitions import library
from holdfast.definitions.language import DOCUMENT
from holdfast.definitions.schema import SCHEMA_FILE, json_schema
from holdfast.definitions.yaml_tree import read_tree

from .cases import RIGHT, WRONG_SHAPE, Part, as_json

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_published_schema_is_the_languages_own() -> None:
    """Where this fails: python -m holdfast.definitions.schema"""
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema()


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", library.names())
def test_it_takes_the_built_in_definitions(name: str) -> None:
    VALIDATOR.validate(as_json(read_tree(library.read(name))))


@pytest.mark.parametrize("name", RIGHT)
def test_it_takes_what_the_loader_takes(name: str) -> None:
    VALIDATOR.validate(RIGHT[name])


@pytest.mark.parametrize("part", [part for part, _ in WRONG_SHAPE.values()], ids=WRONG_SHAPE)
def test_it_refuses_what_the_loader_refuses_for_its_shape(part: Part) -> None:
    assert not VALIDATOR.is_valid(part)


def test_every_key_has_a_description() -> None:
    schema = json_schema()

    def properties(node: Any) -> list[Part]:
        if isinstance(node, dict):
            own = [node["properties"]] if isinstance(node.get("properties"), dict) else []
            return own + [found for child in node.values() for found in properties(child)]
        return [found for child in node for found in properties(child)] if isinstance(node, list) else []

    for group in properties(schema):
        for key, value in group.items():
            assert value["description"].endswith("."), key


def test_the_root_is_the_document() -> None:
    assert list(json_schema()["properties"]) == list(DOCUMENT.fields)
