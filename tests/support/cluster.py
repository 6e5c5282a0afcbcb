"""A small cluster on one machine: processes that run `holdfast worker` and the API over one PostgreSQL and one store.

Each process reaches the database, and an S3 store, through a proxy of its own, which can be cut. Workers are real
processes running the real command, forked from one that has everything imported.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from holdfast import app
from holdfast.catalog import runs
from holdfast.catalog.runs import Run
from holdfast.settings import Settings
from tests.support.installation import Installation
from tests.support.tcp_proxy import Proxy
from tests.support.worker import Worker, Workers

DEAD_S = 3.0
"""After so many seconds of silence a worker is dead here: a tenth of what is usual."""


@dataclass
class Node:
    """One machine of the cluster."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    workers: Workers
    database: Proxy
    storage: Proxy | None
    process: Worker | None = None
    port: int = 0

    def start(self) -> None:
        self.process = self.workers.command(*self.command, environment=self.environment, log=self.log)

    def kill(self) -> None:
        """And wait until it is gone, be it frozen."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """As a service manager does; its exit code."""
        assert self.process is not None
        self.process.send(signal.SIGTERM)
        code = self.process.wait()
        self.process = None
        return code

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send(signal.SIGCONT)

    def says(self, text: str) -> bool:
        return self.log.exists() and text in self.log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


@dataclass
class Cluster:
    installation: Installation
    """The same installation, for the test itself: it reaches everything directly and does no work."""
    settings: Settings
    kennel: Workers
    stack: ExitStack
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def worker(self, **settings: Any) -> Node:
        """Start another worker."""
        node = self._node("worker", settings)
        node.start()
        return node

    def api(self) -> Node:
        """Start another API node; `port` is where it listens."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        node = self._node("api", {}, "--fd", str(port))
        node.port = port
        node.start()
        return node

    def runs(self) -> list[Run]:
        """Every run of every instance."""
        with self.installation.services.database.read() as connection:
            return [Run(*row) for row in connection.execute(sa.select(*runs._RUN).order_by(runs._RUN[0]))]

    def running_on(self, run_id: int) -> Node | None:
        """The worker that has a run in its hands."""
        worker = self.installation.run(run_id).worker
        return next((node for node in self.nodes if node.process and worker and f"-{node.pid}-" in worker), None)

    def _node(self, command: str, settings: Mapping[str, Any], *arguments: str) -> Node:
        number = len(self.nodes) + 1
        url = sa.make_url(self.settings.database_url)
        database = self.stack.enter_context(Proxy(_place_of(url)))
        through = url.set(host="127.0.0.1", port=database.port, query={})
        storage, storage_url = None, self.settings.storage_url
        if "endpoint=" in storage_url:
            endpoint = storage_url.split("endpoint=")[1].split("&")[0]
            parts = urlsplit(endpoint)
            storage = self.stack.enter_context(Proxy((parts.hostname or "", parts.port or 80)))
            storage_url = storage_url.replace(endpoint, f"http://127.0.0.1:{storage.port}")
        environment = {
            **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
            "HOLDFAST_HOME": str(self.settings.home), "HOLDFAST_DATABASE_URL": through.render_as_string(False),
            "HOLDFAST_STORAGE_URL": storage_url, "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true",
            "HOLDFAST_WORKER_DEAD_SECONDS": str(self.settings.worker_dead_seconds),
            "HOLDFAST_CHECKPOINT_RECORDS": str(self.settings.checkpoint_records), **self.environment,
            **{f"HOLDFAST_{name.upper()}": str(value) for name, value in settings.items()},
        }  # fmt: skip
        name = f"{command}-{number}"
        node = Node(
            name, (command, *arguments), environment, self.folder / f"{name}.log", self.kennel, database, storage
        )
        self.nodes.append(node)
        return node


def settings_of(folder: Path, database_url: str, **settings: Any) -> Settings:
    return Settings(**{
        "home": folder / "home", "database_url": database_url, "allow_private_network": True,
        "worker_dead_seconds": DEAD_S, "checkpoint_records": 50, "storage_url": str(folder / "vault"), **settings,
    })  # fmt: skip


@contextmanager
def cluster(folder: Path, database_url: str, kennel: Workers, **settings: Any) -> Iterator[Cluster]:
    """An installation, made where there is none; its machines are started by the test, and killed at the end."""
    chosen = settings_of(folder, database_url, **settings)
    if not chosen.home.exists():
        app.initialise(chosen)
    with ExitStack() as stack, app.opened(chosen) as services:
        made = Cluster(Installation(services), chosen, kennel, stack, folder)
        try:
            yield made
        finally:
            for node in made.nodes:
                node.kill()


def until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> float:
    """Wait until it holds; how long that took."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout_s:
            raise AssertionError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - begun


def _place_of(url: sa.URL) -> tuple[str, int] | str:
    host = url.query.get("host") or url.host or "127.0.0.1"
    assert isinstance(host, str), "one host"
    port = url.port or 5432
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
