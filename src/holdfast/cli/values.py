"""The values of variables as they are given on the command line: as they are, from a file, the environment, a prompt.

key=value       the value
key=@FILE       the file's content without its last line end; `@-` is standard input
key=env:NAME    an environment variable's value
key             asked for on the terminal, a secret without showing it
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from holdfast.definitions.document import Variable
from holdfast.errors import InputError
from holdfast.operations.variables import MASK


def read_assignments(given: Sequence[str], variables: Sequence[Variable]) -> dict[str, str]:
    """The values by key. Keys that are no variables are not looked up: the operation refuses them.

    Raises InputError for one that cannot be had.
    """
    known = {variable.key: variable for variable in variables}
    values: dict[str, str] = {}
    for text in given:
        key, is_assigned, value = text.partition("=")
        if not key:
            raise InputError(f"{text!r} names no variable", field="--set", hint="Write key=value.")
        if is_assigned:
            values[key] = _resolved(key, value)
        elif key in known:
            values[key] = _asked(known[key])
        else:
            values[key] = ""
    return values


def ask_missing(values: Mapping[str, str], variables: Sequence[Variable]) -> dict[str, str]:
    """The required variables that have neither a value nor a default, asked for one by one.

    Raises InputError (`missing_variable`) that names them where there is nobody to ask.
    """
    missing = [one for one in variables if one.key not in values and one.default is None and not one.optional]
    if missing and not sys.stdin.isatty():
        named = ", ".join(f"{one.key} ({one.name})" for one in missing)
        first = missing[0]
        raise InputError(
            f"{'these variables have' if len(missing) > 1 else 'this variable has'} no value: {named}",
            field=first.key,
            code="missing_variable",
            hint=f"--set {first.key}=" + ("@FILE or env:NAME, or answer on a terminal" if first.secret else "VALUE"),
        )
    return {variable.key: _asked(variable) for variable in missing}


def shown(values: Mapping[str, str], variables: Sequence[Variable]) -> dict[str, str]:
    """The values with the secret ones masked, in the definition's order."""
    return {one.key: MASK if one.secret else values[one.key] for one in variables if one.key in values}


def _resolved(key: str, value: str) -> str:
    if value == "@-":
        return sys.stdin.read().removesuffix("\n")
    if value.startswith("@"):
        try:
            return Path(value[1:]).expanduser().read_text().removesuffix("\n")
        except OSError as error:
            raise InputError(f"{key}: {value[1:]} cannot be read: {error.strerror}", field=key) from error
        except UnicodeDecodeError as error:
            raise InputError(f"{key}: {value[1:]} is not a text file", field=key) from error
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        if name not in os.environ:
            raise InputError(f"{key}: there is no environment variable {name}", field=key)
        return os.environ[name]
    return value


def _asked(variable: Variable) -> str:
    if not sys.stdin.isatty():
        raise InputError(
            f"{variable.key} cannot be asked for: standard input is no terminal",
            field=variable.key,
            hint=f"--set {variable.key}=@FILE reads a file, env:NAME the environment, @- standard input.",
        )
    if variable.description:
        typer.echo(variable.description, err=True)
    text: str = typer.prompt(f"{variable.name} ({variable.key})", hide_input=variable.secret, err=True)
    return text
