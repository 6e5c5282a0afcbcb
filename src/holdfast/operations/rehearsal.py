"""A backup that changes nothing: it runs on a copy of what the catalog knows of the instance, above a vault that it may
read and not write. What it would have changed is then compared like any two backups.

Everything is as in a real backup: confirmed and held deletions, volatile fields, parents and children. Only blobs
are not fetched. What the copy needs lies, encrypted as always, in a folder that is removed afterwards.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from holdfast.catalog import counts, runs
from holdfast.catalog.counts import EndpointCounts
from holdfast.catalog.database import Database
from holdfast.catalog.excerpts import copy_instance
from holdfast.catalog.instances import Instance
from holdfast.catalog.runs import Run
from holdfast.errors import Conflict
from holdfast.operations import instances as operations
from holdfast.operations.backup.run import run_backup
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.browsing import Browser, State
from holdfast.operations.compare import RecordChange, compare
from holdfast.operations.services import Services
from holdfast.storage.local import LocalFolder
from holdfast.storage.overlay import Overlay
from holdfast.vault import Vault


@dataclass(frozen=True)
class Rehearsal:
    """What the source has, beside the newest backup. Good for as long as the block it was made in."""

    before: State | None
    """The newest ended backup; None: there is none."""
    run: Run
    """The rehearsed one, which no list shows."""
    endpoints: Mapping[str, EndpointCounts]
    _copy: Services
    _after: State

    @property
    def failures(self) -> Sequence[Mapping[str, Any]]:
        """Why not everything could be read, or what a backup would hold back."""
        return self.run.failures

    @property
    def is_complete(self) -> bool:
        return not self.failures and all(one.outcome == "complete" for one in self.endpoints.values())

    def changes(self, endpoint: str | None = None) -> Iterator[RecordChange]:
        """What a backup would change, by endpoint, then by key. That a blob has changed means: it would be fetched."""
        return compare(self._copy, self.before, self._after, endpoint=endpoint)


@contextmanager
def rehearsed(services: Services, instance: Instance, *, full: bool = True) -> Iterator[Rehearsal]:
    """Read the source and compare it with the newest backup. `full` lists everything, else what a backup would list.

    Raises Conflict while a backup is under way. What the source does wrong is in the result.
    """
    with services.database.read() as connection:
        if runs.active(connection, instance.id) is not None:
            raise Conflict("a backup is under way", hint="Compare with the source when it has ended.", code="busy")
    before = Browser(services).state(instance)
    services.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=services.settings.home) as folder:
        database = Database(f"sqlite:///{Path(folder) / 'catalog.db'}")
        try:
            copy = _copy(services, instance, database, Path(folder) / "vault")
            with database.write() as connection:
                options = BackupOptions(full=full, blobs=False)
                run, _ = runs.queue(connection, instance.id, options=asdict(options))
            run_backup(copy, run.id, token_rotated=lambda key, value: _keep(services, instance, key, value))
            with database.read() as connection:
                run = runs.get(connection, run.id)
                counted = counts.of_run(connection, run.id)
            after = State(instance.id, instance.customer_id, run, True)
            yield Rehearsal(before, run, counted, copy, after)
        finally:
            database.close()


def _copy(services: Services, instance: Instance, database: Database, folder: Path) -> Services:
    """Services that see the instance as these do, and keep for themselves what is written to them."""
    database.migrate()
    with services.database.read() as source, database.write() as target:
        copy_instance(source, target, instance.id)
    storage = Overlay(services.storage, LocalFolder(folder))
    vault = Vault.open(storage, services.vault.root_key)
    return replace(services, database=database, storage=storage, vault=vault, replicas=())


def _keep(services: Services, instance: Instance, key: str, value: str) -> None:
    """A token that the source has replaced is the one thing that must outlast: the old one is worth nothing."""
    operations.set_variables(services, instance, {key: value})
