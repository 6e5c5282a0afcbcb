"""What a command cost is told rightly, and a failed one has no figures."""

import sys

import pytest
from benchmarks import measuring

_BURN = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\nprint('done')"


def test_cpu_seconds_and_memory_are_the_commands_own() -> None:
    cost = measuring.run([sys.executable, "-c", _BURN])
    assert cost.output == "done\n"
    assert 0.2 <= cost.cpu_s < 2
    assert cost.cpu_s <= cost.wall_s * 1.5
    large = measuring.run([sys.executable, "-c", "b = bytearray(200_000_000)\nb[::4096] = b'x' * len(b[::4096])"])
    assert large.peak_mb > 190


def test_processes_that_it_waited_for_count() -> None:
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_BURN!r}])"
    assert measuring.run([sys.executable, "-c", nested]).cpu_s > 0.2


def test_a_failed_command_says_what_it_printed() -> None:
    with pytest.raises(measuring.CommandFailed, match=r"exit 3(.|\n)*no luck"):
        measuring.run([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])
