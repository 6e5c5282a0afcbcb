"""Holdfast's command line as the demo types it: in a folder of its own, shown before it runs, or asked for JSON."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any


class CommandFailed(Exception):
    """A command ended with an error."""


class Holdfast:
    """An installation whose data folder is `home`. Nothing of another one on this machine is read or changed."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self._program = str(Path(sys.executable).with_name("holdfast"))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        self._environment = {
            **inherited,
            "HOLDFAST_HOME": str(home),
            # Kinto is on this very machine, which definitions may not reach unless the operator says so.
            "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true",
            **environment,
        }

    def run(self, *arguments: str, code: int = 0) -> None:
        """Show the command, then run it in this terminal. Raises CommandFailed where it ends with another exit code."""
        print(f"\n$ holdfast {shlex.join(arguments)}", flush=True)
        finished = subprocess.run([self._program, *arguments], env=self._environment, check=False)
        if finished.returncode != code:
            raise CommandFailed(f"holdfast {arguments[0]} ended with exit code {finished.returncode}")

    def ask(self, *arguments: str) -> Any:
        """What a command answers with `--json`. Raises CommandFailed."""
        command = [self._program, *arguments, "--json"]
        finished = subprocess.run(command, env=self._environment, capture_output=True, check=False)
        if finished.returncode != 0:
            raise CommandFailed(f"holdfast {arguments[0]}: {finished.stderr.decode(errors='replace').strip()}")
        return json.loads(finished.stdout)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on in this terminal."""
        return subprocess.Popen([self._program, *arguments], env=self._environment)
