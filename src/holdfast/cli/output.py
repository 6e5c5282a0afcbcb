"""How commands print: tables and sentences for people, one JSON document for machines.

Results go to standard output, everything else to standard error. What comes from a source is data: it is never read as
markup, and what could steer a terminal is shown escaped.
"""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from typing import Any, Literal

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from holdfast import clock

_WIDE = 1_000
"""Columns where no terminal sets a limit: nothing is cut in a pipe."""
_STEERING = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})
"""Unicode categories that no terminal shows as what they are: controls, lone surrogates, direction marks."""


class Output:
    """Where a command prints. With `as_json`, `say` and `table` are silent and `document` is all that is printed."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.screen = _console(stderr=False)
        self.notes = _console(stderr=True)

    def say(self, text: str, style: str = "", *, indent: int = 0) -> None:
        """A sentence that is part of the result; all lines of an indented one begin so many columns in."""
        if self.as_json:
            return
        shown = Text(printable(text), style=style)
        if self.screen.is_terminal:
            self.screen.print(Padding(shown, (0, 0, 0, indent), expand=False))
        else:
            self.screen.print(Text(" " * indent) + shown, soft_wrap=True)

    def note(self, text: str, style: str = "dim") -> None:
        """What is worth knowing beside the result: on standard error, so that a pipe gets the result alone."""
        if not self.as_json:
            self.notes.print(Text(printable(text), style=style), soft_wrap=not self.notes.is_terminal)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table. Columns whose heading ends with `#` hold numbers; the one that ends with `…` is cut to what fits.

        A column that is empty in every row is left out, and a table without rows.
        """
        cells = [[_cell(value) for value in row] for row in rows]
        if self.as_json or not cells:
            return
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
        # What is cut gets the width that the others leave; where no terminal sets one there is nothing to cut.
        table.expand = self.screen.is_terminal and any(column.endswith("…") for column in columns)
        kept = [index for index in range(len(columns)) if any(row[index] for row in cells)]
        for index in kept:
            column = columns[index]
            is_number, is_cut = column.endswith("#"), column.endswith("…")
            table.add_column(
                column.rstrip("#…").strip(),
                justify="right" if is_number else "left",
                no_wrap=is_number or is_cut,
                overflow="ellipsis" if is_cut else "fold",
                ratio=1 if is_cut and table.expand else None,
            )
        for row in cells:
            table.add_row(*(row[index] for index in kept))
        self.screen.print(table)

    def record(self, raw: bytes) -> None:
        """A record for reading: indented, every token as the source sent it."""
        import msgspec

        try:
            text = msgspec.json.format(raw, indent=2).decode(errors="replace")
        except (msgspec.DecodeError, RecursionError):  # a lone surrogate, or nested too deeply: as it is then
            text = raw.decode(errors="replace")
        shown = Text(printable(text, lines=True))
        if self.screen.is_terminal:
            JSONHighlighter().highlight(shown)
        self.screen.print(shown, soft_wrap=True)

    def document(self, value: Any) -> None:
        """The result for machines. `msgspec.Raw` within it goes out byte for byte."""
        if self.as_json:
            import msgspec

            self.bytes(msgspec.json.encode(value) + b"\n")

    def busy(self, text: str) -> AbstractContextManager[object]:
        """A spinner with a word about what is going on, on a terminal."""
        if self.as_json or not self.notes.is_terminal:
            return nullcontext()
        return self.notes.status(printable(text, lines=False), spinner_style="dim")

    def bytes(self, data: bytes) -> None:
        """Bytes as they are."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def styled(text: str, style: str) -> Text:
    """A cell of a table in a colour."""
    return Text(printable(text, lines=False), style=style)


def printable(text: str, *, lines: bool = True) -> str:
    """The text with everything escaped that could steer a terminal or hide what is there; line ends stay if wanted."""
    if text.isprintable():
        return text
    return "".join(
        character if (character == "\n" and lines) or not _steers(character) else _escaped(character)
        for character in text
    )


def moment(value: datetime | None, *, to: Literal["second", "minute"] = "second") -> str:
    """A time in the time zone of this machine."""
    form = "%Y-%m-%d %H:%M:%S" if to == "second" else "%Y-%m-%d %H:%M"
    return "" if value is None else value.astimezone().strftime(form)


def age(value: datetime | None) -> str:
    """How long ago, in the largest unit of which there are two or more."""
    return "" if value is None else f"{duration((clock.now() - value).total_seconds())} ago"


def duration(seconds: float) -> str:
    """A span of time in words, rounded down."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}s"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def size(number: int) -> str:
    """A number of bytes in a unit that suits it."""
    if number < 1_000:
        return f"{number} B"
    power = min(len(str(number)) // 3 - (len(str(number)) % 3 == 0), 4)
    return f"{number / 1_000**power:.1f} {('KB', 'MB', 'GB', 'TB')[power - 1]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: `1 record`, `2,000 records`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


@cache
def _console(*, stderr: bool) -> Console:
    """One for each stream, so that lines go above progress bars and not through them."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, markup=False, emoji=False, highlight=False, width=None if stream.isatty() else _WIDE
    )  # fmt: skip


def forget_consoles() -> None:
    """The process's streams are others now, as in a test."""
    _console.cache_clear()


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    if value is None:
        return Text("")
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}")
    return Text(printable(str(value), lines=False))


def _steers(character: str) -> bool:
    return unicodedata.category(character) in _STEERING


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
