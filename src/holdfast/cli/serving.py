"""`serve` and `worker`: the service as two processes, API and worker, under a parent that starts and stops them.

The parent binds the address first, so that a taken port is told before anything runs. A child that ends takes the other
with it: whoever started the service (systemd, a container) starts it again as a whole. Children whose parent has gone
stop by themselves, or a killed service would leave a worker behind that holds the lock.
"""

import gc
import logging
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli.parameters import example
from holdfast.errors import InputError, WorkerElsewhere

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from holdfast.cli.session import Session
    from holdfast.engine import Engine

app = typer.Typer()
_PANEL = "Service"
_log = logging.getLogger("holdfast.serve")

_STOP_S = 30.0
"""How long running backups get to reach a checkpoint, and requests to be answered. systemd waits 90 s."""
_IDLE_S = 75
"""How long an idle connection is kept. Clients and proxies keep theirs for up to a minute. Whoever gives up first must
not be the server: a request would be sent into a connection that is just being closed."""
_OBJECTS_BETWEEN_COLLECTIONS = 10_000
"""Instead of 700: a tenth of a short request's time went into looking for cycles."""
_LOOK_S = 1.0
_PROGRAM = (sys.executable, "-m", "holdfast.cli.main")

Parent = Annotated[int | None, typer.Option("--parent", hidden=True)]


class Stop:
    """Told by SIGTERM, SIGINT, or because the parent process has gone: then it stays told. Made in the main thread.

    A pipe, which Python's C handler writes to before anything else runs: a look that begins after a signal has come
    sees it. A handler in Python would come later, and between any two instructions, also those that hold an Event's
    lock: setting one there can wait for itself for ever.
    """

    def __init__(self, parent: int | None = None) -> None:
        self.parent = parent
        self._told, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def _tell(self, *_: object) -> None:
        """Again, since an event loop that runs in the main thread takes the place of the wakeup descriptor."""
        with suppress(BlockingIOError):  # the pipe is full of signals already
            os.write(self._writer, b"s")

    def wait(self, timeout_s: float = math.inf) -> bool:
        """Whether it is told, at the latest after `timeout_s`."""
        until = time.monotonic() + timeout_s
        while True:
            left_s = max(until - time.monotonic(), 0.0)
            is_told = bool(select.select([self._told], [], [], min(left_s, _LOOK_S))[0])
            if is_told or self.parent not in (None, os.getppid()):
                return True
            if left_s <= _LOOK_S:
                return False


@app.command(
    rich_help_panel=_PANEL, epilog=example("holdfast serve", "holdfast serve --host 0.0.0.0 --port 8080")
)  # fmt: skip
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.  [default: HOLDFAST_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.  [default: HOLDFAST_PORT]")
    ] = None,
    with_worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Also work, or only answer requests: other machines work.")
    ] = True,
) -> None:
    """Run the service: API, schedule and worker.

    With --no-worker the API alone, beside `holdfast worker` elsewhere.

    Until SIGTERM or Ctrl-C. Backups that run then stop at their next checkpoint and go on at the next start. Log lines
    go to standard error.
    """
    from holdfast.cli import logs
    from holdfast.settings import load_settings

    settings = load_settings()
    logs.service(settings.log_level, settings.log_format)
    # What is wrong with the installation is told once, before two processes stumble. In a process of its own: this one,
    # which only watches, stays small that way, 44 MB instead of 110.
    prepared = subprocess.run([*_PROGRAM, "prepare"], check=False, stdin=subprocess.DEVNULL)
    if prepared.returncode:
        raise typer.Exit(prepared.returncode)
    stop = Stop()
    with _bound(host or settings.host, settings.port if port is None else port) as listener:
        address, number = listener.getsockname()[:2]
        children = {"API": _start("api", "--fd", str(listener.fileno()), fds=(listener.fileno(),))}
        if with_worker:
            children["worker"] = _start("worker")
        shown = f"[{address}]" if ":" in address else address
        _log.info("serving at http://%s:%d, described at http://%s:%d/docs", shown, number, shown, number)
        code = _wait(children, stop)
    if code:
        raise typer.Exit(code)


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast worker"))
def worker(parent: Parent = None) -> None:
    """Run a worker without the API.

    Schedule and backups, until SIGTERM or Ctrl-C. With PostgreSQL as many as you like. On SQLite there is one: it waits
    until no other process is it.
    """
    from holdfast.cli import logs
    from holdfast.operations.duties import Duties
    from holdfast.operations.standing_down import StorageWatch
    from holdfast.settings import load_settings

    settings = load_settings()
    logs.service(settings.log_level, settings.log_format)
    stop = Stop(parent)
    with _opened_once_there_is_storage(stop) as session:
        if session is None:
            return
        services = session.services
        services.database.migrate()
        if not _become_worker(services.engine, stop):
            return
        _log.info("working as process %d", os.getpid())
        duties, watch = Duties(services), StorageWatch(services, partial(_begin_anew, stop))
        duties.start()
        watch.start()
        stop.wait()
        watch.stop()
        _log.info("stopping: running backups stop at their next checkpoint")
        duties.stop()
        services.engine.stop(drain_s=0.0, grace_s=_STOP_S)
        duties.finish()


@app.command(hidden=True, epilog=example("holdfast api --fd 3"))
def api(fd: Annotated[int, typer.Option(help="The listening socket.")], parent: Parent = None) -> None:
    """Answer requests on a socket that `serve` has bound."""
    import uvicorn

    from holdfast.api.app import create_app
    from holdfast.cli import logs
    from holdfast.cli.session import opened
    from holdfast.settings import load_settings

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Left to `Stop`: uvicorn takes Ctrl-C for a second one, and breaks requests off, where it comes beside
            SIGTERM."""
            yield

    settings = load_settings()
    logs.service(settings.log_level, settings.log_format)
    with opened() as session:
        server = Server(server_config(create_app(session.services)))
        collect_seldom()
        stop = Stop(parent)

        def end_server() -> None:
            stop.wait()
            server.should_exit = True

        threading.Thread(target=end_server, name="stop", daemon=True).start()
        server.run(sockets=[socket.socket(fileno=fd)])


@app.command(hidden=True, epilog=example("holdfast prepare"))
def prepare() -> None:
    """Bring the catalog to this version's schema."""
    from holdfast.cli.session import opened

    with opened() as session:
        session.services.database.migrate()
        session.services.engine.migrate()


def collect_seldom() -> None:
    """What is there by now stays: a collection need not look at its half a million objects, nor as often as usual."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 20)


def server_config(application: "FastAPI") -> "uvicorn.Config":
    import uvicorn

    return uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=int(_STOP_S),
    )


@contextmanager
def _opened_once_there_is_storage(stop: Stop) -> "Iterator[Session | None]":
    """The installation, as soon as its storage answers; None: told to stop before that."""
    from holdfast.cli.session import opened
    from holdfast.errors import StorageUnavailable

    with ExitStack() as stack:
        session = None
        while session is None and not stop.wait(0):
            try:
                session = stack.enter_context(opened())
            except StorageUnavailable as error:
                _log.warning("waiting for the storage: %s", error)
                stop.wait(_LOOK_S)
        yield session


def _become_worker(engine: "Engine", stop: Stop) -> bool:
    """Be the worker, as soon as no other process is. False: told to stop before that."""
    told = False
    while not stop.wait(0):
        try:
            engine.start()
            return True
        except WorkerElsewhere as error:
            if not told:
                _log.info("waiting: %s", error)
                told = True
            stop.wait(_LOOK_S)
    return False


def _begin_anew(stop: Stop) -> None:
    """Become a worker that has just been started, with nothing under way, which waits for its storage."""
    of_parent = () if stop.parent is None else ("--parent", str(stop.parent))
    if not stop.wait(0):
        os.execv(sys.executable, [*_PROGRAM, "worker", *of_parent])


def _start(command: str, *arguments: str, fds: tuple[int, ...] = ()) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*_PROGRAM, command, *arguments, "--parent", str(os.getpid())],
        pass_fds=fds,
        stdin=subprocess.DEVNULL,
    )


def _wait(children: dict[str, "subprocess.Popen[bytes]"], stop: Stop) -> int:
    """Until told to stop, or a child ends by itself; then both are ended. Answers the exit code."""
    code = 0
    while not stop.wait(_LOOK_S / 4):
        ended = [name for name, child in children.items() if child.poll() is not None]
        # Asked again: Ctrl-C tells the whole group, and a child may have ended of it since.
        if ended and not stop.wait(0):
            code = children[ended[0]].returncode or 1
            _log.error("the %s ended with exit code %d: stopping", ended[0], code)
            break
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    for name, child in children.items():
        try:
            child.wait(_STOP_S + 10)
        except subprocess.TimeoutExpired:
            _log.error("the %s does not stop: killing it", name)
            child.kill()
            child.wait()
    _log.info("stopped")
    return code


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InputError where the address cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}",
            field="--port",
            hint="--port (or HOLDFAST_PORT) takes another one; 0 takes any that is free.",
        ) from error
