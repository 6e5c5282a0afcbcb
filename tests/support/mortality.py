"""Processes that die at any write, be it to the vault or to the catalog, and worlds that can be copied for each death.

Everything is real but for the vault's storage, which is memory, and the engine, which has no jobs: whoever tests calls
the operation itself, as a worker would that has just taken it over.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.util import LRUCache

from holdfast.catalog.database import Database
from holdfast.ids import new_object_id
from holdfast.operations.services import Services
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import RootKey, Vault
from tests.support.faulty import Last, Life, Stopped, Stopping
from tests.support.installation import Installation

_compiled: Any = LRUCache(2_000)
_shared: dict[str, Any] = {}


class MortalDatabase(Database):
    """A catalog of a process that may die at a commit: before it, or after it and unseen."""

    def __init__(self, url: str, life: Life) -> None:
        super().__init__(url)
        self._life = life
        # Compiling statements anew for each of hundreds of processes would take half of the time. They are kept by
        # the dialect, so that all must share one.
        for engine in (self.engine, self._reads):
            engine._compiled_cache = _compiled
            engine.dialect = _shared.setdefault("dialect", self.engine.dialect)

    @contextmanager
    def write(self, **options: Any) -> Iterator[sa.Connection]:
        self._life.check_alive()
        dies = False
        with super().write(**options) as connection:
            yield connection
            dies = self._life.is_last()
            if dies and self._life.last is Last.LOST:
                raise Stopped("before a commit")
        if dies:
            raise Stopped("after a commit")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        self._life.check_alive()
        with super().read() as connection:
            yield connection


class LoneWorker:
    """As much of an engine as operations see: this process is the only worker, and jobs are called by the test."""

    is_worker = True
    is_sole_worker = True
    worker_lock = "held"

    def __init__(self) -> None:
        self.executor_id = f"test-{new_object_id()}"
        self.stopping = threading.Event()

    def enqueue(self, *_: object, **__: object) -> None:
        """The test calls the job itself."""

    def migrate(self) -> None:
        """There are no tables of jobs."""


@dataclass(frozen=True)
class World:
    """A catalog and a vault as they were at a moment."""

    catalog: Path
    objects: dict[str, bytes]
    root_key: RootKey
    services: Services
    """Whose settings are used; not its catalog or vault."""

    @classmethod
    def of(cls, installation: Installation, file: Path) -> "World":
        """What an installation holds now."""
        services = installation.services
        with services.database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql(f"VACUUM INTO '{file}'")
        return cls(file, contents(services.storage), services.vault.root_key, services)

    def copy(self, folder: Path) -> "Copy":
        """A copy of its own that may be killed."""
        file = folder / f"{new_object_id()}.db"
        shutil.copy(self.catalog, file)
        storage = MemoryStorage()
        for name, data in self.objects.items():
            storage.put(name, data)
        return Copy(self, file, storage)


@dataclass(frozen=True)
class Copy:
    world: World
    file: Path
    storage: MemoryStorage

    @contextmanager
    def process(
        self, life: Life | None = None, *, catalog: Path | None = None, even_damaged: bool = False
    ) -> Iterator[Installation]:  # fmt: skip
        """A process that works on it, with another `catalog` if wanted; without a `life` it does not die."""
        life = life or Life(1_000_000)
        database = MortalDatabase(f"sqlite:///{catalog or self.file}", life)
        storage = Stopping(self.storage, life=life)
        vault = Vault.open(storage, self.world.root_key, even_damaged=even_damaged)
        engine: Any = LoneWorker()
        services = replace(self.world.services, database=database, storage=storage, vault=vault, engine=engine)
        try:
            yield Installation(services)
        finally:
            database.close()

    def drop(self) -> None:
        self.file.unlink(missing_ok=True)


def contents(storage: Any) -> dict[str, bytes]:
    return {info.name: storage.get(info.name) for info in storage.list("")}
