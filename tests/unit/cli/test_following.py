"""Runs that somebody else carries on, seen through the catalog: here the test is that somebody."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from holdfast.catalog import runs
from holdfast.catalog.instances import Instance
from holdfast.cli import following
from holdfast.cli.following import Follower, Progress
from holdfast.cli.working import workforce
from holdfast.operations import jobs
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import Installation, installed

DOCUMENT = """
holdfast: 1
name: Items
connection: {{base_url: "{url}"}}
endpoints:
  - {{name: items, path: /cursor/items, records: items, id: id, stable: true,
     paging: {{type: cursor, body: next_cursor, query: cursor}}}}
"""


class Seen:
    """What a display was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, Progress]] = []

    def show(self, name: str, progress: Progress) -> None:
        self.shown.append((name, progress))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        assert made.services.engine.worker_lock is not None
        made.services.engine.worker_lock.acquire()  # nobody else works here: the test does
        yield made
        made.services.engine.worker_lock.release()


@pytest.fixture
def instance(installation: Installation) -> Iterator[Instance]:
    with in_thread(HostileSource({"items": make_records(150)})) as api:
        yield installation.instance(DOCUMENT.format(url=api.url))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_FIRST_POLL_S", 0.0)
    monkeypatch.setattr(following, "_LOOK_FOR_JOB_S", 0.0)


class Hired:
    """A workforce that does this when it is first asked to work."""

    is_here = False

    def __init__(self, work: Callable[[], object] | None = None) -> None:
        self._work = work

    def ensure(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work()


def test_a_run_is_followed_to_its_end(installation: Installation, instance: Instance) -> None:
    services, seen = installation.services, Seen()
    for expected in (None, 150):
        run, _ = request_backup(services, instance.id)
        hired = Hired(partial(run_backup, services, run.id))
        ((name, last),) = Follower(services, hired, seen).follow({"it": run})  # type: ignore[arg-type]
        assert (name, last.status) == ("it", "successful")
        name, progress = seen.shown[-1]
        (items,) = progress.endpoints
        assert (items.endpoint, items.read, items.expected, items.is_done) == ("items", 150, expected, True)


def test_a_run_that_its_worker_gave_up_on_is_not_waited_for(installation: Installation, instance: Instance) -> None:
    services = installation.services
    run, _ = request_backup(services, instance.id)
    services.engine.cancel("backup", run.id)  # as if: the job has ended, the run has not
    follower = Follower(services, Hired(), Seen())  # type: ignore[arg-type]
    ((name, last),) = follower.follow({"it": run})
    assert name == "it" and last.active
    with services.database.read() as connection:
        assert runs.get(connection, run.id).active


def test_where_nobody_works_the_command_does(tmp_path: Path) -> None:
    with (
        in_thread(HostileSource({"items": make_records(150)})) as api,
        installed(tmp_path / "home") as installation,
    ):
        services = installation.services
        instance = installation.instance(DOCUMENT.format(url=api.url))
        run, _ = request_backup(services, instance.id)
        with workforce(services.engine, jobs.BACKUP, lambda _: None) as workers:
            ((_, last),) = Follower(services, workers, Seen()).follow({"it": run})
        assert last.status == "successful"
