"""The entry point: puts the groups of commands together, and turns errors into one sentence and an exit code.

Everything else is imported when a command runs, so that `--help` and completion are quick.
"""

import gc
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from holdfast import __version__
from holdfast.cli import (
    alarms,
    backups,
    changes,
    comparing,
    definitions,
    erasing,
    errors,
    holds,
    installation,
    instances,
    keys,
    migrating,
    proving,
    pruning,
    receipts,
    records,
    restoring,
    retention,
    searching,
    serving,
    trying,
    vault,
    vendors,
)
from holdfast.cli.output import Output, forget_consoles
from holdfast.cli.parameters import example, explained, plain
from holdfast.errors import HoldfastError

_THRESHOLDS = (50_000, 20, 20)
"""Importing makes a hundred thousand objects that stay: Python's default collects 200 times in vain meanwhile."""

app = typer.Typer(
    name="holdfast",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog=example(
        "holdfast init",
        "holdfast add github mine --set token=env:GITHUB_TOKEN",
        "holdfast backup mine",
    ),
)
# In the order of the help.
for _group in (
    installation,
    instances,
    trying,
    backups,
    records,
    searching,
    comparing,
    changes,
    alarms,
    restoring,
    pruning,
    vault,
    proving,
    serving,
    migrating,
):
    app.add_typer(explained(_group.app))
app.add_typer(
    explained(definitions.app),
    name="definition",
    rich_help_panel="Set up",
    help="The documents that say how an application is backed up.",
)
app.add_typer(
    explained(retention.app),
    name="retention",
    rich_help_panel="Keep and let go",
    help="Which backups are kept: policies of instances, customers, vendors.",
)
app.add_typer(
    explained(holds.app),
    name="hold",
    rich_help_panel="Keep and let go",
    help="Legal holds: what is kept whatever the policies say.",
)
app.add_typer(
    explained(erasing.app),
    name="erase",
    rich_help_panel="Keep and let go",
    help="A customer erased for ever, with a certificate.",
)
app.add_typer(
    explained(keys.app),
    name="key",
    rich_help_panel="Prove and recover",
    help="The root key: replaced, copied under a passphrase.",
)
app.add_typer(
    explained(receipts.app),
    name="receipt",
    rich_help_panel="Prove and recover",
    help="Signed proofs of what a backup read and stored.",
)
app.add_typer(
    explained(vendors.app),
    name="vendor",
    rich_help_panel="Service",
    help="Who may use the API, and with which client secrets.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holdfast {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Back up SaaS applications into an encrypted vault of your own. Complete, or it says so."""


def main() -> None:
    """What the program `holdfast` runs."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale without the arrow of a change is no defect
    gc.set_threshold(*_THRESHOLDS)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    gc.freeze()  # the interpreter's last collection would walk over every module, to free what ends anyway
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command; answers its exit code. Raises nothing."""
    from holdfast.cli import logs

    forget_consoles()
    output = Output(as_json="--json" in arguments)
    with logs.quiet(output):
        try:
            code = plain(get_command(app))(args=list(arguments), prog_name="holdfast", standalone_mode=False)
        except BaseException as error:  # noqa: BLE001 - every one ends in a sentence and an exit code
            return _ended(output, error)
    return code if isinstance(code, int) else errors.DONE


def _ended(output: Output, error: BaseException) -> int:
    """Tell what ended a command; answers the exit code."""
    if isinstance(error, HoldfastError):
        return errors.tell_error(output, error)
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        hint = f"{context.command_path} --help says how." if context is not None else None
        if message := error.format_message():  # none where the help was shown instead
            errors.tell(output, "usage", message, hint)
        return errors.USAGE
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        output.note("Interrupted.", "yellow")
        return errors.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        _drop_output()
        return errors.DONE
    if isinstance(error, SystemExit):  # of `--install-completion`
        return error.code if isinstance(error.code, int) else errors.DONE
    if os.environ.get("HOLDFAST_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error, file=sys.stderr)
    hint = "This is a defect: please report it. HOLDFAST_LOG_LEVEL=debug shows where it happened."
    errors.tell(output, "internal_error", f"{type(error).__name__}: {error}", hint)
    return errors.DEFECT


def _drop_output() -> None:
    """Whoever read our output has had enough: what is still buffered must not raise again when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
