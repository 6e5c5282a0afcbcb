"""An installation in a temporary folder, for tests of operations: real SQLite, a real folder, jobs run by the caller.

Every installation is a copy of one that was initialised once per process: the migrations take a second.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from holdfast import app
from holdfast.catalog import runs
from holdfast.catalog.customers import Customer
from holdfast.catalog.database import Database
from holdfast.catalog.instances import Instance
from holdfast.catalog.runs import Run
from holdfast.engine import Engine
from holdfast.operations import customers, definitions, instances
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.browsing import Browser, State
from holdfast.operations.services import Services
from holdfast.settings import Settings
from holdfast.storage import Storage


@dataclass(frozen=True)
class Installation:
    services: Services

    def with_replicas(self, *replicas: Storage) -> "Installation":
        """The same one, with copies of its vault."""
        return Installation(replace(self.services, replicas=replicas))

    def with_settings(self, settings: Settings) -> "Installation":
        return Installation(replace(self.services, settings=settings))

    def with_new_catalog(self, file: Path) -> "Installation":
        """The same vault and an empty catalog; close its database yourself."""
        database = Database(f"sqlite:///{file}")
        engine = Engine(f"sqlite:///{file}")
        return Installation(replace(self.services, database=database, engine=engine))

    def close(self) -> None:
        """For what `with_new_catalog` made."""
        self.services.engine.close()
        self.services.database.close()

    @property
    def customer(self) -> Customer:
        return customers.local(self.services)

    def instance(self, document: str, label: str = "it", **given: str) -> Instance:
        """An instance of a definition, both new."""
        definition = definitions.create(self.services, self.customer.vendor_id, document)
        return instances.create(self.services, self.customer.id, definition.id, label=label, given=given)

    def backup(self, instance: Instance, **options: Any) -> Run:
        """Run a backup to its end, here and now."""
        run, _ = request_backup(self.services, instance.id, BackupOptions(**options))
        run_backup(self.services, run.id)
        return self.run(run.id)

    def run(self, run_id: int) -> Run:
        with self.services.database.read() as connection:
            return runs.get(connection, run_id)

    @property
    def browser(self) -> Browser:
        return Browser(self.services)

    def state(self, instance: Instance, sequence: int | None = None) -> State:
        state = self.browser.state(instance, sequence=sequence)
        assert state is not None
        return state

    def records(self, instance: Instance, endpoint: str, sequence: int | None = None) -> dict[str, bytes]:
        """Every record of an endpoint by key, at a backup."""
        return {
            record.key: record.raw
            for record in self.browser.records(self.state(instance, sequence), endpoint, limit=1_000_000)
        }

    def everything(self, instance: Instance) -> dict[tuple[int, str], dict[str, bytes]]:
        """Every listing at every ended backup."""
        with self.services.database.read() as connection:
            ended = [run.sequence for run in runs.all_of_instance(connection, instance.id) if run.ended_at]
        return {
            (sequence, endpoint.name): self.records(instance, endpoint.name, sequence)
            for sequence in ended
            for endpoint in self.browser.endpoints(self.state(instance, sequence))
        }


def settings_for(home: Path, **more: Any) -> Settings:
    return Settings(home=home, allow_private_network=True, **more)


def prepare(settings: Settings) -> None:
    """Make what an installation needs, as `app.initialise` does."""
    if not settings.home.exists() and not (settings.database_url or settings.storage_url):
        shutil.copytree(_template(), settings.home)
    else:
        app.initialise(settings)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="holdfast-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    app.initialise(settings_for(folder / "home"))
    return folder / "home"


@contextmanager
def installed(home: Path, **more: Any) -> Iterator[Installation]:
    """Made where there is none yet."""
    settings = settings_for(home, **more)
    prepare(settings)
    with app.opened(settings) as services:
        yield Installation(services)
