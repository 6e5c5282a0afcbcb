"""Runs a command and says what it and the processes it waited for cost: CPU seconds, wall seconds, peak memory."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 1800.0
"""A command that takes longer is killed, and has failed."""


class CommandFailed(Exception):
    """A measured command ended with an error: its figures would mean nothing."""


@dataclass(frozen=True)
class Cost:
    cpu_s: float
    """User and system time. On a noisy machine this is what can be compared; wall time cannot."""
    wall_s: float
    peak_mb: float
    output: str
    """What it wrote to standard output."""


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Cost:  # fmt: skip
    """Run to the end. Raises CommandFailed. The caller must stay small: a child's peak counts from its parent's."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment, cwd=folder)
        watchdog = threading.Timer(PATIENCE_S, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        watchdog.cancel()
        wall_s = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            said = (output.read() + errors.read()).decode(errors="replace")
            raise CommandFailed(f"{' '.join(command)}: exit {process.returncode}\n{said[-4000:]}")
        return Cost(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024, output.read().decode())
