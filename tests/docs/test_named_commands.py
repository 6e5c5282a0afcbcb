"""Every command that a message, a page or an example names exists, with the options it is named with."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from holdfast.cli.main import app

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"(?<![/\w.\-:@])holdfast(?! +holdfast)((?: +(?:--?[a-z][a-z-]*|[a-z][a-z-]*))+)")
_QUOTED = re.compile(r"`([^`]+)`|^\s*\$ (.*)$", re.MULTILINE)
_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def texts() -> Iterator[tuple[str, str]]:
    """(where, text): of sources all texts, of pages only what stands in backquotes and blocks."""
    for file in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node.value
    for file in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))):
        page = file.read_text()
        blocks = [match[1] for match in _BLOCK.finditer(page)]
        quoted = [match[1] or match[2] or "" for match in _QUOTED.finditer(_BLOCK.sub("", page))]
        for text in (*blocks, *quoted):
            yield str(file.relative_to(ROOT)), text


def problem(words: list[str]) -> str | None:
    """What is wrong with these words behind `holdfast`."""
    command: Any = get_command(app)
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        if name.startswith("-"):
            return None  # an option of the program itself
        if name not in command.commands:
            return f"there is no command {name}"
        command = command.commands[name]
    known = {text for parameter in command.params for text in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    unknown = [word for word in words if word.startswith("-") and word not in known]
    return f"there is no option {unknown[0]}" if unknown else None


def test_every_named_command_exists() -> None:
    found = [(where, match[0], match[1].split()) for where, text in texts() for match in _NAMED.finditer(text)]
    assert len(found) > 150
    wrong = [f"{where}: {said}: {what}" for where, said, words in found if (what := problem(words)) is not None]
    assert wrong == []


@pytest.mark.parametrize("words", ["nonsense", "key nonsense", "verify --nonsense"])
def test_one_that_does_not_exist_would_be_found(words: str) -> None:
    assert problem(words.split()) is not None
