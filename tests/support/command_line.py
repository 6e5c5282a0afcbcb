"""The command line as tests type it: in this process (quick), or as a program of its own (signals, terminals).

done = cli("backups", "it", "--json")
assert done.code == 0 and done.json["backups"] == []
"""

import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.main import run

PROGRAM = (sys.executable, "-m", "holdfast.cli.main")
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """What `--json` says of an error."""
        return json.loads(self.err.splitlines()[-1])["error"]


@dataclass
class CommandLine:
    """Of the installation in `home`, whatever this machine's environment says."""

    home: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict)
    _programs: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in [name for name in os.environ if name.startswith("HOLDFAST_")]:
            self.monkeypatch.delenv(name)
        self.environment |= {"HOLDFAST_HOME": str(self.home), "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true"}
        self.set(**self.environment)

    def set(self, **environment: str) -> None:
        """Environment variables for this and every later command."""
        self.environment |= environment
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Done:
        """In this process."""
        self.capsys.readouterr()
        code = run(arguments)
        captured = self.capsys.readouterr()
        return Done(code, captured.out, captured.err)

    def good(self, *arguments: str) -> Any:
        """What it says with `--json`, which must be good."""
        done = self(*arguments, "--json")
        assert done.code == 0, done
        return done.json

    def start(self, *arguments: str, in_group_of_its_own: bool = False) -> "subprocess.Popen[str]":
        """As a program, its output in pipes; where a test signals it with all its children, in a group of its own."""
        program = subprocess.Popen(
            [*PROGRAM, *arguments], env=self._whole_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, text=True, process_group=0 if in_group_of_its_own else None,
        )  # fmt: skip
        self._programs.append(program)
        return program

    def close(self) -> None:
        """End every program that a test has left running."""
        for program in self._programs:
            if program.poll() is None:
                program.kill()
            program.communicate()

    def on_terminal(self, *arguments: str, asked: str, answer: str, hidden: bool = False) -> tuple[int, str]:
        """As a program on a terminal that types `answer` when it is `asked`; its exit code and all that was shown.

        A `hidden` answer is typed once the terminal shows nothing of it, as a person sees it.
        """
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(PROGRAM[0], [*PROGRAM, *arguments], self._whole_environment() | {"TERM": "dumb"})
        shown, is_answered = b"", False
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.02)[0]:
                try:
                    shown += os.read(terminal, 4096)
                except OSError:  # the other side is closed
                    break
            is_shown = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
            if not is_answered and asked.encode() in shown and is_shown != hidden:
                os.write(terminal, answer.encode() + b"\n")
                is_answered = True
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), shown.decode()

    def _whole_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        return kept | self.environment
