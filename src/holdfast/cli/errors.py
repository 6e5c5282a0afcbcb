"""Which error ends a command with which exit code, and how it is told: one sentence, what to do, no traceback.

docs/command-line.md lists the codes; a test compares the two.
"""

import json

from rich.text import Text

from holdfast.cli.output import Output, printable
from holdfast.errors import (
    CatalogError,
    Damaged,
    EngineError,
    HoldfastError,
    InputError,
    NotifyError,
    SourceError,
    StorageError,
    VaultError,
    WrongKey,
)

DONE = 0
NOT_GOOD = 1
"""The command did its work, and the result is bad: a backup failed, the vault is damaged."""
USAGE = 2
CONFIGURATION = 3
SOURCE = 4
STORAGE = 5
DAMAGED = 6
WORKER = 7
DEFECT = 70
INTERRUPTED = 130

EXIT_CODES: tuple[tuple[type[HoldfastError], int], ...] = (
    (WrongKey, CONFIGURATION),
    (Damaged, DAMAGED),
    (VaultError, CONFIGURATION),
    (InputError, USAGE),
    (SourceError, SOURCE),
    (StorageError, STORAGE),
    (CatalogError, STORAGE),
    (NotifyError, STORAGE),
    (EngineError, WORKER),
    (HoldfastError, DEFECT),
)
"""The first class that fits decides."""

_CONFIGURATION_CODES = frozenset(
    {"key_missing", "database_url_invalid", "catalog_missing", "catalog_not_migrated", "sqlite_too_old"}
)
"""Codes of errors that are about this installation, whatever their class."""
_DAMAGE_CODES = frozenset({"object_missing", "catalog_damaged"})


def exit_code(error: HoldfastError) -> int:
    if error.code in _CONFIGURATION_CODES or str(getattr(error, "field", "")).startswith("HOLDFAST_"):
        return CONFIGURATION
    if error.code in _DAMAGE_CODES:
        return DAMAGED
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def tell(output: Output, code: str, message: str, hint: str | None = None) -> None:
    """Say what went wrong: on standard error, as JSON where the command was asked for that."""
    if output.as_json:
        told = {"error": {"code": code, "message": message, "hint": hint}}
        output.notes.print(Text(json.dumps(told, ensure_ascii=False)), soft_wrap=True)
        return
    output.notes.print(Text(printable(f"error: {message}"), style="red"), soft_wrap=True)
    if hint:
        output.notes.print(Text(printable(hint)), soft_wrap=True)


def tell_error(output: Output, error: HoldfastError) -> int:
    """Say what went wrong; answers the exit code."""
    tell(output, error.code, str(error), error.hint)
    return exit_code(error)
