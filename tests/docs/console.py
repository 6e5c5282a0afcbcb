"""Runs the `console` blocks of a page: each `$ command` and what is printed below it, where `…` stands for anything.

`holdfast` runs in this process; of `curl`, which not every machine has, what the pages use is done here.
"""

import re
import shlex
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support.command_line import CommandLine

_BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else stands in its first line, and its text."""

    language: str
    about: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for found in _BLOCK.finditer(page):
        yield Block(found[1], found[2] or "", found[3])


@dataclass(frozen=True)
class Step:
    command: str
    printed: str


def steps(text: str) -> Iterator[Step]:
    """The commands of a block, each with what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield Step(command, printed)


def run(step: Step, cli: CommandLine) -> None:
    """Raises AssertionError where anything else is printed."""
    program, *arguments = shlex.split(step.command)
    programs: dict[str, Callable[[list[str]], str]] = {"holdfast": lambda given: _holdfast(cli, given), "curl": _curl}
    printed = programs[program](arguments)
    assert _pattern(step.printed).fullmatch(_plain(printed)), (
        f"$ {step.command}\n{printed}\n--- the page says\n{step.printed}"
    )


def _holdfast(cli: CommandLine, arguments: list[str]) -> str:
    done = cli(*arguments)
    assert done.code == 0, done
    return done.out


def _curl(arguments: list[str]) -> str:
    headers, method, body, url = {}, "GET", None, ""
    rest = iter(arguments)
    for argument in rest:
        if argument == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif argument == "-X":
            method = next(rest)
        elif argument == "-d":
            body = next(rest).encode()
        elif argument != "-s":
            url = argument
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def _plain(text: str) -> str:
    """Without empty lines, and without what only lines columns up."""
    return "".join(f"{line}\n" for line in (" ".join(one.split()) for one in text.splitlines()) if line)


def _pattern(printed: str) -> re.Pattern[str]:
    """`…` stands for something within a line, or, alone on a line, for any number of lines."""
    return re.compile(
        "".join(
            "(?:.*\n)*" if line == "…" else ".*".join(re.escape(part) for part in line.split("…")) + "\n"
            for line in _plain(printed).splitlines()
        )
    )
