"""The lock that makes one process an installation's worker where SQLite is the job database.

DBOS's limits hold within one process only on SQLite, so there must be exactly one. The lock is the operating system's
(flock): it goes away with its holder, however that ends. Where it lies and who must hold it, `engine` decides.
"""

import fcntl
import os
import threading
from pathlib import Path

from holdfast.errors import WorkerElsewhere

__all__ = ["WorkerLock"]


class WorkerLock:
    """A file lock that is not reentrant: a second object of the same path is another claimant, in one process too.

    A forked child shares the lock until it ends as well; a started program (exec) does not inherit it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file: int | None = None
        self._guard = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def try_acquire(self) -> bool:
        """Take the lock if it is free; says whether this object holds it now. The file stays when it is released."""
        with self._guard:
            if self._file is not None:
                return True
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(file, 0)
                os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
            except BlockingIOError:
                os.close(file)
                return False
            except BaseException:
                os.close(file)
                raise
            self._file = file
            return True

    def acquire(self) -> None:
        """Take the lock, or raise WorkerElsewhere with the holder's process id in its message."""
        if self.try_acquire():
            return
        holder = self.holder()
        name = "another process" if holder is None else f"process {holder}"
        raise WorkerElsewhere(
            f"{name} is already the worker of this installation ({self.path})",
            hint="What you enqueue runs there. To work here instead, stop that process first.",
        )

    def holder(self) -> int | None:
        """The process id of the newest holder; means something only while the lock is taken. For messages."""
        try:
            text = self.path.read_text("ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdecimal() else None

    def release(self) -> None:
        """Give the lock back; does nothing where it is not held."""
        with self._guard:
            if self._file is not None:
                os.close(self._file)
                self._file = None
