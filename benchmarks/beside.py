"""Server processes beside a benchmark: each prints one line when it is ready, and ends when its starter does."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def started(module: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """`python -m MODULE` until the end of the block: the line it printed, and its process."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.kill()
        process.communicate()


def end_with_parent() -> None:
    """For the process that was started so: it ends when its standard input does."""
    threading.Thread(target=_end, daemon=True).start()


def _end() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
