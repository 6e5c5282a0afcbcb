"""Arguments and options that several commands share, with their completion; and how a time is written."""

from datetime import datetime
from inspect import cleandoc
from typing import Annotated, Any

import typer
from rich.markup import escape

from holdfast.cli import completion
from holdfast.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The instance's name.", autocompletion=completion.instance_names)
]
Endpoint = Annotated[
    str, typer.Argument(metavar="ENDPOINT", help="As `holdfast endpoints` lists them.",
                        autocompletion=completion.endpoint_names)
]  # fmt: skip
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
RecordId = Annotated[str, typer.Argument(metavar="ID", help="The record's id, as `holdfast records` lists it.")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As it was at a time: 2026-11-24, or 2026-11-24T08:30 (local time)."),
]
Backup = Annotated[
    int | None,
    typer.Option("--backup", metavar="N", min=1, help="As it was at backup N, as `holdfast backups` counts."),
]


def parse_time(text: str | None) -> datetime | None:
    """ISO 8601; without a zone it is this machine's local time. Raises InputError."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(
            f"{text!r} is no time",
            field="--at",
            hint="Write 2026-11-24 or 2026-11-24T08:30, or with a zone +01:00 or Z.",
        ) from error


def explained(app: typer.Typer) -> typer.Typer:
    """The same commands, with the lines of their docstrings joined to paragraphs, as a terminal of any width needs."""
    for command in app.registered_commands:
        text = cleandoc((command.callback and command.callback.__doc__) or "")
        command.help = "\n\n".join(escape(" ".join(paragraph.split())) for paragraph in text.split("\n\n"))
    return app


def plain(command: Any) -> Any:
    """The same command, whose help does not say `<bool>` of options that take no value."""
    for child in getattr(command, "commands", {}).values():
        plain(child)
    for option in command.get_params(typer.Context(command)):
        if getattr(option, "is_flag", False):
            option.metavar = ""
    return command


def example(*lines: str) -> str:
    """The end of a command's help: what one types."""
    return "\n".join(["[bold]Example[/bold]", *(f"  [cyan]$ {escape(line)}[/cyan]" for line in lines)])
