"""A backup that changes nothing: it runs on a copy of what the catalog knows of the instance, above a vault that it may
read and not write. What it would have changed is then compared like any two backups.

Everything is as in a real backup: confirmed and held deletions, volatile fields, parents and children. Only blobs
are not fetched. What the copy needs lies, its records encrypted as always, in a folder that is removed afterwards; that
of a kept rehearsal, which is read in pages, when it is old.
"""

import json
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from holdfast import clock
from holdfast.catalog import counts, runs
from holdfast.catalog.counts import EndpointCounts
from holdfast.catalog.database import Database
from holdfast.catalog.excerpts import copy_instance
from holdfast.catalog.instances import Instance
from holdfast.catalog.runs import Run
from holdfast.errors import CatalogBusy, Conflict, NotFound
from holdfast.operations import instances as operations
from holdfast.operations.backup.failures import entry
from holdfast.operations.backup.run import run_backup
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.browsing import Browser, State
from holdfast.operations.compare import RecordChange, compare
from holdfast.operations.services import Services
from holdfast.storage.local import LocalFolder
from holdfast.storage.overlay import Overlay
from holdfast.vault import Vault

KEPT_S = 3600.0
"""How long a kept rehearsal can be read after it was read last: whoever turns pages does it sooner."""
_MOST_KEPT = 16
"""Each takes the room of what differs: of more the oldest is dropped."""
_TOKEN = re.compile(r"[0-9a-f]{32}")


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
        if self.run.status != "canceled":
            return self.run.failures
        message = "the source was not read to its end in the time that a comparison has; a backup has no such limit"
        return [*self.run.failures, entry("timed_out", message)]

    @property
    def is_complete(self) -> bool:
        return not self.failures and all(one.outcome == "complete" for one in self.endpoints.values())

    def changes(
        self, endpoint: str | None = None, *, behind: tuple[str, str] | None = None, at_once: int | None = None
    ) -> Iterator[RecordChange]:
        """What a backup would change, by endpoint, then by key, on from behind an (endpoint, key). That a blob has
        changed means: it would be fetched."""
        more = {} if at_once is None else {"at_once": at_once}
        return compare(self._copy, self.before, self._after, endpoint=endpoint, behind=behind, **more)


@contextmanager
def rehearsed(
    services: Services, instance: Instance, *, full: bool = True, longest_s: float | None = None
) -> Iterator[Rehearsal]:  # fmt: skip
    """Read the source and compare it with the newest backup. `full` lists everything, else what a backup would list.
    A source that is not read in `longest_s` is read no further.

    Raises Conflict while a backup is under way. What the source does wrong is in the result.
    """
    _refuse_during_a_backup(services, instance)
    services.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=services.settings.home) as folder:
        run, before = _rehearse(services, instance, Path(folder), full=full, longest_s=longest_s)
        with _opened(services, instance, Path(folder), run, before) as rehearsal:
            yield rehearsal


def keep(services: Services, instance: Instance, *, longest_s: float | None = None) -> str:
    """Read the source as `rehearsed` does, and keep the result on this machine, for `kept` to read; answers its token.

    Raises Conflict while a backup is under way.
    """
    _refuse_during_a_backup(services, instance)
    folder = _place(services)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    drop_old(services)
    token = secrets.token_hex(16)
    own = folder / token
    own.mkdir(mode=0o700)
    try:
        run, before = _rehearse(services, instance, own, full=True, longest_s=longest_s)
        about = {"instance": instance.id, "run": run, "before": None if before is None else before.run.id}
        (own / "about.json").write_text(json.dumps(about))
    except BaseException:
        shutil.rmtree(own, ignore_errors=True)
        raise
    return token


@contextmanager
def kept(services: Services, instance: Instance, token: str) -> Iterator[Rehearsal]:
    """What `keep` has kept of this instance. Raises NotFound where it is not there, or no longer."""
    gone = NotFound("this comparison is no longer kept: ask for a new one", field="after")
    folder = _place(services) / token
    if not _TOKEN.fullmatch(token):
        raise gone
    try:
        about = json.loads((folder / "about.json").read_text())
        (folder / "about.json").touch()
    except FileNotFoundError:
        raise gone from None
    if about["instance"] != instance.id:
        raise gone
    try:
        before = None if about["before"] is None else Browser(services).state(instance, backup_id=about["before"])
    except NotFound:
        raise gone from None  # pruned since
    with _opened(services, instance, folder, about["run"], before) as rehearsal:
        yield rehearsal


def drop_old(services: Services) -> None:
    """Remove those that nobody has read for long, or that a dead process has left; else the oldest beyond a few."""
    folder = _place(services)
    if not folder.exists():
        return
    unread = {one: _last_read(one) for one in folder.iterdir()}
    made = {one: when for one, when in unread.items() if (one / "about.json").exists()}
    oldest = sorted(made, key=made.__getitem__)[: max(0, len(made) - _MOST_KEPT)]
    for one, when in unread.items():
        # One that is still being made is as old as its beginning: it may take an hour, and has its end besides.
        longest_s = KEPT_S if one in made else 2 * KEPT_S
        if one in oldest or clock.now().timestamp() - when > longest_s:
            shutil.rmtree(one, ignore_errors=True)


def _rehearse(
    services: Services, instance: Instance, folder: Path, *, full: bool, longest_s: float | None
) -> tuple[int, State | None]:  # fmt: skip
    """Run it in a folder; answers its run there, and the newest backup here."""
    before = Browser(services).state(instance)
    database = Database(f"sqlite:///{folder / 'catalog.db'}")
    try:
        database.migrate()
        with services.database.read() as source, database.write() as target:
            copy_instance(source, target, instance.id)
        copy = _copy(services, database, folder)
        with database.write() as connection:
            run, _ = runs.queue(connection, instance.id, options=asdict(BackupOptions(full=full, blobs=False)))
        with _ended_after(database, run.id, longest_s):
            run_backup(copy, run.id, token_rotated=lambda key, value: _keep_token(services, instance, key, value))
    finally:
        database.close()
    return run.id, before


@contextmanager
def _ended_after(database: Database, run_id: int, seconds: float | None) -> Iterator[None]:
    """Cancel the run when it has gone on for so long: nobody else can, since no list shows it."""

    ended = threading.Event()

    def cancel() -> None:
        wait_s = seconds
        while not ended.wait(wait_s):
            try:
                with database.write() as connection:
                    runs.request_cancel(connection, run_id)
                return
            except CatalogBusy:
                wait_s = 5.0

    if seconds is None:
        yield
        return
    watch = threading.Thread(target=cancel, name="longest reading", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


@contextmanager
def _opened(
    services: Services, instance: Instance, folder: Path, run_id: int, before: State | None
) -> Iterator[Rehearsal]:  # fmt: skip
    database = Database(f"sqlite:///{folder / 'catalog.db'}")
    try:
        with database.read() as connection:
            run = runs.get(connection, run_id)
            counted = counts.of_run(connection, run_id)
        after = State(instance.id, instance.customer_id, run, True)
        yield Rehearsal(before, run, counted, _copy(services, database, folder), after)
    finally:
        database.close()


def _refuse_during_a_backup(services: Services, instance: Instance) -> None:
    with services.database.read() as connection:
        if runs.active(connection, instance.id) is not None:
            raise Conflict("a backup is under way", hint="Compare with the source when it has ended.", code="busy")


def _place(services: Services) -> Path:
    return services.settings.home / "rehearsals"


def _last_read(folder: Path) -> float:
    about = folder / "about.json"
    try:
        return (about if about.exists() else folder).stat().st_mtime
    except FileNotFoundError:
        return 0.0  # another process drops it just now


def _copy(services: Services, database: Database, folder: Path) -> Services:
    """Services that see the instance as these do, and keep for themselves what is written to them."""
    storage = Overlay(services.storage, LocalFolder(folder / "vault"))
    vault = Vault.open(storage, services.vault.root_key)
    return replace(services, database=database, storage=storage, vault=vault, replicas=())


def _keep_token(services: Services, instance: Instance, key: str, value: str) -> None:
    """A token that the source has replaced is the one thing that must outlast: the old one is worth nothing."""
    operations.set_variables(services, instance, {key: value})
