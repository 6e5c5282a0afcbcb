import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

from holdfast import __version__
from holdfast.cli import instances
from holdfast.cli.main import app, run

HEAVY = (
    "asyncio",
    "sqlalchemy",
    "aiohttp",
    "dbos",
    "fastapi",
    "jinja2",
    "cryptography",
    "uvicorn",
    "holdfast.app",
)


def _commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, child in getattr(command, "commands", {}).items():
        if getattr(child, "hidden", False):
            continue
        if getattr(child, "commands", None):
            yield from _commands(child, (*path, name))
        else:
            yield (*path, name), child


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"$ holdfast {' '.join(path)}" in shown
    described = [option for option in COMMANDS[path].params if not (option.name == "help" or option.hidden)]  # type: ignore[attr-defined]
    assert all(option.help for option in described), [option.name for option in described if not option.help]


def test_help_imports_nothing_that_is_slow() -> None:
    code = f"""
import sys
from holdfast.cli.main import run
assert run(["--help"]) == 0 and run(["backup", "--help"]) == 0
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"holdfast {__version__}\n"


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) in (0, 2)
    shown = capsys.readouterr()
    assert "Back up SaaS applications" in shown.out and shown.err == ""
    assert "<bool>" not in shown.out, "an option that takes no value says so of none"


def test_a_locale_that_lacks_a_character_is_no_defect() -> None:
    command = "import holdfast.cli.main as m; m.run = lambda _: print('a \u2192 b') or 0; m.main()"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "a \\u2192 b\n")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RuntimeError("oh"), 70, "RuntimeError: oh"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Abort(), 130, "Interrupted"),
        (BrokenPipeError(), 0, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_happens_ends_in_a_sentence_and_an_exit_code(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(instances, "_check_name", fail)
    monkeypatch.setattr("holdfast.cli.main._drop_output", lambda: None)
    assert run(["add", "kinto", "x"]) == code
    shown = capsys.readouterr().err
    assert said in shown and "Traceback" not in shown


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    command = f"{sys.executable} -m holdfast.cli.main definition show kinto | head -c 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "h", "")
