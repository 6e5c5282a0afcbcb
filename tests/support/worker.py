"""Worker processes that tests kill: real ones, forked from a process that has everything imported, so that one is at
work within a tenth of a second instead of three seconds.

    with Workers() as workers:
        worker = workers.start(home, dies=Death("put", 3, "packs/", "after"), checkpoint_records=100)
        assert worker.wait() == -signal.SIGKILL

A worker opens the installation in `home`, works until no backup or restore is active any more, and ends. What it prints
is in `home/worker.log`. `python -m tests.support.worker` is the process they are forked from; it is told what to do on
its standard input, a JSON object a line.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, Self

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Death:
    """The worker kills itself at its `number`-th durable write (from 1) of a kind.

    `put`: objects put into the vault whose names begin with `prefix`; `commit`: the catalog's transactions; `write`:
    both. All that a crash can leave lies between two of these.
    """

    kind: Literal["put", "commit", "write"]
    number: int
    prefix: str = ""
    when: Literal["before", "after"] = "before"


class Worker:
    """One worker process."""

    def __init__(self, pid: int, kennel: "Workers") -> None:
        self.pid = pid
        self._kennel = kennel
        self._code: int | None = None

    def kill(self) -> None:
        """SIGKILL, if it still lives."""
        self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        """A signal, if it still lives."""
        if self._code is None:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code when it has ended; that of a killed one is the signal's number, negative."""
        if self._code is None:
            self._code = self._kennel.tell({"wait": self.pid})
        return self._code


class Workers:
    """The process that workers are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()

    def start(self, home: Path, dies: Death | None = None, **settings: Any) -> Worker:
        """`settings` are those of `holdfast.settings` beside `home`."""
        order = {"home": str(home), "settings": settings, "dies": None if dies is None else asdict(dies)}
        return Worker(self.tell(order), self)

    def command(self, *arguments: str, environment: Mapping[str, str], log: Path) -> Worker:
        """A `holdfast` command as a process of its own; where one of the arguments is `--fd`, the next is the port that
        it gets a listening socket of."""
        return Worker(self.tell({"command": arguments, "environment": dict(environment), "log": str(log)}), self)

    def tell(self, order: dict[str, Any]) -> int:
        """What it answers, a number."""
        with self._lock:
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the process that workers are forked from has ended")
        return int(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


# --- in the process that workers are forked from


def _serve(orders: IO[str]) -> None:
    import dbos  # noqa: F401 - and what it and the rest would import later

    import holdfast.api.app
    import holdfast.app
    import holdfast.catalog.migration
    import holdfast.cli.main
    import holdfast.cli.serving
    import holdfast.engine.queue
    import holdfast.engine.runtime
    import holdfast.operations.backup.run
    import holdfast.operations.duties
    import holdfast.operations.restore.run  # noqa: F401

    assert threading.active_count() == 1, "a process with threads must not fork"
    for line in orders:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            os._exit(_command(order) if "command" in order else _child(order))
        print(pid, flush=True)


def _command(order: dict[str, Any]) -> int:
    """A command's life; answers its exit code."""
    from holdfast.cli.main import run

    _write_to(Path(order["log"]))
    for name in [name for name in os.environ if name.startswith("HOLDFAST_")]:
        del os.environ[name]
    os.environ.update(order["environment"])
    arguments = list(order["command"])
    if "--fd" in arguments:
        place = arguments.index("--fd") + 1
        arguments[place] = str(socket.create_server(("127.0.0.1", int(arguments[place]))).detach())
    try:
        return run(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1


def _write_to(file: Path) -> None:
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)


def _child(order: dict[str, Any]) -> int:
    """A worker's life; answers its exit code."""
    home = Path(order["home"])
    _write_to(home / "worker.log")
    try:
        work(home, None if order["dies"] is None else Death(**order["dies"]), order["settings"])
    except BaseException:  # noqa: BLE001 - the log has it, the exit code says that there is something
        import traceback

        traceback.print_exc()
        return 1
    return 0


def work(home: Path, dies: Death | None, settings: dict[str, Any]) -> None:
    """Be a worker until no backup and no restore is active."""
    from holdfast import app
    from holdfast.catalog import restores, runs
    from tests.support.installation import settings_for

    with _dying(dies) as watch, app.opened(settings_for(home, **settings)) as services:
        watch(services.database.engine)
        services.engine.start()
        while True:
            with services.database.read() as connection:
                if not runs.all_active(connection) and not restores.all_active(connection):
                    return
            services.engine.stopping.wait(0.02)


@contextmanager
def _dying(dies: Death | None) -> Iterator[Any]:
    """Within it, `app.opened` opens a storage that watches the puts; what it gives watches an engine's commits."""
    import sqlalchemy

    from holdfast import app
    from holdfast.storage import Storage, open_storage
    from tests.support.faulty import Wrapping

    count = 0
    lock = threading.Lock()

    def passes(kind: str, name: str) -> bool:
        """Whether to live on at this write. Its end is the same as the beginning of what would follow."""
        nonlocal count
        if dies is None or dies.kind not in (kind, "write") or not name.startswith(dies.prefix):
            return True
        with lock:
            count += 1
            return count != dies.number

    class Watched(Wrapping):
        def put(self, name: str, data: bytes | memoryview) -> None:
            lives = passes("put", name)
            if not lives and dies is not None and dies.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            super().put(name, data)
            if not lives:
                os.kill(os.getpid(), signal.SIGKILL)

    def opened(url: str) -> Storage:
        return Watched(open_storage(url))

    def watch(engine: sqlalchemy.Engine) -> None:
        def commits(_: object) -> None:
            if not passes("commit", ""):
                os.kill(os.getpid(), signal.SIGKILL)

        sqlalchemy.event.listen(engine, "commit", commits)

    app.open_storage = opened  # type: ignore[attr-defined]
    try:
        yield watch
    finally:
        app.open_storage = open_storage  # type: ignore[attr-defined]


if __name__ == "__main__":
    _serve(sys.stdin)
