"""The documentation is about this code: every setting and command has its heading, and what is pointed at exists."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from holdfast.cli import errors
from holdfast.cli.main import app
from holdfast.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"`([a-z_]+(?:/[a-z_]+)*\.py)`")


def _commands(command: Any, name: str) -> list[str]:
    """The full names of all commands below one, without those that are hidden."""
    below = getattr(command, "commands", None)
    if below is None:
        return [] if command.hidden else [name]
    return [found for part, child in below.items() for found in _commands(child, f"{name} {part}")]


def _headings(document: Path) -> list[str]:
    return _HEADING.findall(_FENCE.sub("", document.read_text()))


def _anchor(heading: str) -> str:
    """The anchor that hosting sites make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _name(document: Path) -> str:
    return str(document.relative_to(ROOT))


def test_every_setting_has_a_heading_and_every_heading_a_setting() -> None:
    described = {heading for heading in _headings(ROOT / "docs/operations.md") if heading.startswith("HOLDFAST_")}
    assert described == {f"HOLDFAST_{name.upper()}" for name in Settings.model_fields}


def test_every_command_has_a_heading_and_every_heading_a_command() -> None:
    described = {heading for heading in _headings(ROOT / "docs/command-line.md") if heading.startswith("holdfast ")}
    assert described == set(_commands(get_command(app), "holdfast"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_commands_in_examples_exist(document: Path) -> None:
    known = _commands(get_command(app), "holdfast")
    for example in _FENCE.findall(document.read_text()):
        for line in re.findall(r"^(?:\$ )?(holdfast [a-z].*)$", example, re.MULTILINE):
            assert any(f"{line} ".startswith(f"{command} ") for command in known), f"{_name(document)}: {line}"


def test_every_exit_code_is_described() -> None:
    described = {
        int(code) for code in re.findall(r"^\| (\d+) \|", (ROOT / "docs/command-line.md").read_text(), re.MULTILINE)
    }
    assert described == {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}


def test_every_default_is_the_documented_one() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            section = text.split(f"### HOLDFAST_{name.upper()}\n")[1].split("\n#")[0]
            assert f"Default: {field.default:g}." in section, name


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = document if not path else (document.parent / path)
        assert linked.exists(), f"{_name(document)} links to {target}"
        if anchor:
            assert anchor in map(_anchor, _headings(linked)), f"{_name(document)} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_modules_that_are_named_exist(document: Path) -> None:
    for named in _MODULE.findall(document.read_text()):
        folders = (ROOT, ROOT / "src/holdfast", ROOT / "src/holdfast/operations/backup")
        assert any((folder / named).is_file() for folder in folders), f"{_name(document)} names {named}"


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text()
    for decision in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        title = _headings(decision)[0].split(". ", 1)[1]
        assert f"[{title}]({decision.name})" in listed
