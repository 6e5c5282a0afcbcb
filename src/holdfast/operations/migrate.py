"""Moves an embedded installation to PostgreSQL, and its vault to another storage where one is named.

First the vault's objects, each proved, which may be broken off and goes on where it was; then the catalog, in one
transaction, proved before it is committed. Ids stay, so backups go on incrementally. In the end the old catalog is
marked as moved and refuses to be used.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from holdfast.catalog import erasures, moving, packs, rebuilding, vendors
from holdfast.catalog.database import Database
from holdfast.engine import Engine
from holdfast.errors import Conflict, InputError
from holdfast.operations import revisions
from holdfast.operations.services import Services
from holdfast.storage import Storage, open_storage, probe
from holdfast.vault import Vault, names
from holdfast.vault.replicating import ReplicaReport, Replication


@dataclass
class MigrationReport:
    """What is to be moved, and what was."""

    objects: int = 0
    size_bytes: int = 0
    """Of the vault, to be copied; 0 where the vault stays where it is."""
    rows: dict[str, int] = field(default_factory=dict)
    """Of the catalog, by table."""
    findings: list[str] = field(default_factory=list)
    """Why the vault was not moved as a whole: then nothing else was."""
    is_done: bool = False

    @property
    def rows_total(self) -> int:
        return sum(self.rows.values())


Told = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much: bytes or rows."""


def plan(services: Services, database_url: str, storage_url: str) -> MigrationReport:
    """What would be moved. Changes nothing. Raises InputError, Conflict where a worker runs or the target is in use."""
    report = MigrationReport()
    with _held(services), _target(database_url) as target:
        target.migrate()
        _refuse_used(services, target, even_complete=True)
        if storage_url:
            there = {info.name for info in open_storage(storage_url).list("")}
            for info in services.storage.list(""):
                if info.name not in there:
                    report.objects += 1
                    report.size_bytes += info.size_bytes
        with services.database.read() as connection:
            report.rows = moving.count_rows(connection)
    return report


def migrate(services: Services, database_url: str, storage_url: str, told: Told | None = None) -> MigrationReport:
    """Move everything. Broken off at any moment it is called again.

    Raises InputError for a target that is none, WorkerElsewhere where a worker runs, Conflict (code `not_empty`) where
    the target has something else, StorageError, CatalogError.
    """
    tell = told or (lambda *_: None)
    report = MigrationReport()
    with _held(services), _target(database_url) as target:
        target.migrate()
        revisions.flush(services)
        if _refuse_used(services, target):
            if storage_url:
                _move_vault(services, open_storage(storage_url), report, tell)
            if report.findings:
                return report
            with Engine(database_url) as engine:
                engine.migrate()
            with services.database.read() as source:
                total = 2 * sum(moving.count_rows(source).values())
                with target.write() as connection:
                    report.rows = moving.copy(source, connection, _counting("catalog", total, tell))
        with services.database.write() as connection:
            rebuilding.mark_as_moved(connection)
    report.is_done = True
    return report


def _counting(what: str, total: int, tell: Told) -> moving.Told:
    done = 0

    def count(_: str, rows: int) -> None:
        nonlocal done
        done += rows
        tell(what, done, total)

    return count


@contextmanager
def _held(services: Services) -> Iterator[None]:
    """As if this process were the worker: no other can be it meanwhile."""
    lock = services.engine.worker_lock
    if lock is None:
        raise InputError(
            "this installation has its catalog on PostgreSQL already",
            field="HOLDFAST_DATABASE_URL",
            hint="`holdfast migrate` moves one on SQLite.",
        )
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _target(database_url: str) -> Iterator[Database]:
    if not sa.make_url(database_url).drivername.startswith("postgres"):
        raise InputError("the new catalog must be one on PostgreSQL", field="--database-url", code="invalid")
    database = Database(database_url)
    try:
        yield database
    finally:
        database.close()


def _refuse_used(services: Services, target: Database, *, even_complete: bool = False) -> bool:
    """Whether the catalog has still to be copied. False: an earlier migration had come that far."""
    with target.read() as there, services.database.read() as here:
        if not vendors.all_vendors(there):
            return True
        if not even_complete and moving.is_same(here, there, lambda *_: None):
            return False
    raise Conflict(
        "the new catalog is not empty", field="--database-url", hint="Name a database of its own.", code="not_empty"
    )


def _move_vault(services: Services, target: Storage, report: MigrationReport, tell: Told) -> None:
    def is_live(pack_id: str) -> bool:
        with services.database.read() as connection:
            return packs.is_live(connection, pack_id)

    def show(state: ReplicaReport) -> None:
        tell("vault", state.size_bytes, state.size_bytes_total)

    with services.database.read() as connection:
        erased = {erasure.customer_id for erasure in erasures.all_erasures(connection)}
    replication = Replication(services.vault, target, is_live=is_live, erased=erased, told=show)
    if not replication.check_target():
        probe(target)
    replication.copy_keys()
    replication.copy_customers()
    for info in services.storage.list(names.archives_prefix()):  # which no replica has: exports that can be fetched
        target.put(info.name, services.storage.get(info.name))
        replication.report.objects += 1
    report.objects, report.size_bytes = replication.report.objects, replication.report.size_bytes
    report.findings = [str(finding) for finding in replication.report.findings]
    Vault.open(target, services.vault.root_key)
