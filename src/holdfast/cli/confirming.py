"""Asking before something cannot be taken back."""

import sys

import typer

from holdfast.errors import InputError


def confirm(question: str) -> None:
    """Raises typer.Exit where the answer is no, InputError where there is nobody to ask."""
    _require_terminal()
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def confirm_by_typing(question: str, expected: str) -> None:
    """The same for what destroys: only the very text counts as yes."""
    _require_terminal()
    if typer.prompt(f"{question} Type {expected} to go on", default="", show_default=False, err=True) != expected:
        raise typer.Exit(1)


def _require_terminal() -> None:
    if not sys.stdin.isatty():
        raise InputError("this command asks before it does that, and there is no terminal", hint="--yes answers it.")
