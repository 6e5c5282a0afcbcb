"""Who works: this process where there is no other worker, else the one that is there, which is only followed.

On SQLite the worker's lock decides, on PostgreSQL whoever beats. A command that follows takes over should that worker
die.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from holdfast.engine import Engine
from holdfast.errors import WorkerElsewhere

_LOOK_S = 1.0
"""How often a follower looks whether the other worker is still there."""
_GRACE_S = 10.0


class Workforce:
    """Sees to it that somebody works. `call` it again and again; it is cheap in between."""

    def __init__(self, engine: Engine, awaits: str, tell: Callable[[str], None]) -> None:
        """`awaits` is the kind of jobs that the command waits for."""
        self._engine = engine
        self._awaits = awaits
        self._tell = tell
        self._next_look = 0.0
        self._told = False

    @property
    def is_here(self) -> bool:
        """Whether this process is the worker."""
        return self._engine.is_worker

    def ensure(self) -> None:
        if self.is_here or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_S
        elsewhere = self._elsewhere()
        if elsewhere is None:
            if self._told:
                self._tell("the other worker has gone: this process goes on")
        elif not self._told:
            self._tell(f"{elsewhere} does the work; this command follows it")
            self._told = True

    def _elsewhere(self) -> str | None:
        """Who works elsewhere; None: this process is the worker now."""
        if self._engine.worker_lock is None:
            for worker in self._engine.workers():
                if worker.is_alive:
                    return f"the worker on {worker.host} (process {worker.pid})"
        try:
            self._engine.start(awaits=self._awaits)
        except WorkerElsewhere:
            assert self._engine.worker_lock is not None, "only a lock can be held elsewhere"
            holder = self._engine.worker_lock.holder()
            return "another process" if holder is None else f"the worker (process {holder})"
        return None


@contextmanager
def workforce(engine: Engine, awaits: str, tell: Callable[[str], None]) -> Iterator[Workforce]:
    """Somebody works until the end of the block, at jobs of the kind `awaits` above all. What this process then still
    runs stops at its next checkpoint."""
    try:
        yield Workforce(engine, awaits, tell)
    finally:
        engine.stop(drain_s=0.0, grace_s=_GRACE_S)
