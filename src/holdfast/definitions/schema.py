"""The language as a JSON Schema (2020-12), for editors. `python -m holdfast.definitions.schema` writes it.

It says of a document's shape what `loading` says; what only the whole document shows is left to `loading`.
"""

import json
from pathlib import Path
from typing import Any

from holdfast.definitions.kinds import Kind, Schema
from holdfast.definitions.language import DOCUMENT
from holdfast.definitions.shapes import Shape, Variants

__all__ = ["SCHEMA_FILE", "json_schema"]

SCHEMA_FILE = Path(__file__).with_name("definition.schema.json")
"""Published with the package."""


def json_schema() -> Schema:
    """The JSON Schema of a definition's document."""
    named: dict[str, Schema] = {}
    _collect(DOCUMENT, named)
    root = named.pop(DOCUMENT.name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Holdfast definition",
        **root,
        "$defs": dict(sorted(named.items())),
    }


def _collect(kind: Kind[Any], named: dict[str, Schema]) -> None:
    if isinstance(kind, Shape | Variants):
        if kind.name in named:
            return
        named[kind.name] = kind.named_schema()
    for part in kind.parts():
        _collect(part, named)


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
