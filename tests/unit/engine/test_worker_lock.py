import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.engine import WorkerLock
from holdfast.errors import WorkerElsewhere

HOLD = """
import sys
from holdfast.engine.worker_lock import WorkerLock
assert WorkerLock(sys.argv[1]).try_acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_only_one_claimant_holds_it(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path / "lock"), WorkerLock(tmp_path / "lock")
    assert first.try_acquire() and first.try_acquire() and first.held
    assert not second.try_acquire() and not second.held
    first.release()
    assert second.try_acquire()
    second.release()


def test_a_refused_claimant_learns_who_holds_it(tmp_path: Path) -> None:
    holder, other = WorkerLock(tmp_path / "lock"), WorkerLock(tmp_path / "lock")
    assert other.holder() is None
    holder.acquire()
    assert other.holder() == os.getpid()
    with pytest.raises(WorkerElsewhere, match=f"process {os.getpid()} is already the worker"):
        other.acquire()
    holder.release()


def test_releasing_what_is_not_held_frees_nothing(tmp_path: Path) -> None:
    holder, other = WorkerLock(tmp_path / "lock"), WorkerLock(tmp_path / "lock")
    holder.acquire()
    other.release()
    assert not other.try_acquire()
    holder.release()


def test_it_is_free_once_its_holder_was_killed(tmp_path: Path) -> None:
    lock = WorkerLock(tmp_path / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert not lock.try_acquire()
        assert lock.holder() == process.pid
        process.kill()
        process.wait()
    assert lock.try_acquire()
    assert lock.holder() == os.getpid()
    lock.release()
