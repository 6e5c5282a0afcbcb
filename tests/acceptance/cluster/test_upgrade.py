"""An older release and this one side by side: what this repository had at a commit (conftest.py), and has now.

The older one's schema is older too; the first worker of this release migrates it while the older ones work.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast import app
from holdfast.catalog.schema import instances
from holdfast.operations.backup.request import request_backup
from tests.contract.client import Gate, items_document
from tests.support.cluster import DEAD_S, settings_of, until
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation
from tests.support.postgresql import PostgreSQL

_ROOT = Path(__file__).parents[3]
_PROGRAM = (sys.executable, "-m", "holdfast.cli.main")


class Releases:
    """Commands of both, over one installation."""

    def __init__(self, folder: Path, database_url: str, older: str) -> None:
        self.settings = settings_of(folder, database_url)
        archive = subprocess.run(["git", "-C", str(_ROOT), "archive", older, "src"], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
        self._older = folder / "src"
        self._log = (folder / "workers.log").open("w")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HOLDFAST_", "PYTHONPATH"))},
            "HOLDFAST_HOME": str(self.settings.home), "HOLDFAST_DATABASE_URL": database_url,
            "HOLDFAST_STORAGE_URL": self.settings.storage_url, "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true",
            "HOLDFAST_WORKER_DEAD_SECONDS": str(DEAD_S), "HOLDFAST_CHECKPOINT_RECORDS": "50",
        }  # fmt: skip

    def close(self) -> None:
        self._log.close()

    def start(self, *arguments: str, older: bool = False) -> "subprocess.Popen[bytes]":
        environment = {**self._environment, **({"PYTHONPATH": str(self._older)} if older else {})}
        return subprocess.Popen(
            [*_PROGRAM, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def run(self, *arguments: str, older: bool = False) -> None:
        assert self.start(*arguments, older=older).wait(60) == 0, (
            self.settings.home.parent / "workers.log"
        ).read_text()


@pytest.fixture
def releases(tmp_path: Path, postgresql: PostgreSQL, older: str) -> Iterator[Releases]:
    url = postgresql.create()
    made = Releases(tmp_path, url, older)
    yield made
    made.close()
    postgresql.drop(url)


@contextmanager
def _ended_whatever_happens(*processes: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        for one in processes:
            if one.poll() is None:
                one.kill()
                one.wait()


def _version(installation: Installation) -> str:
    with installation.services.database.read() as connection:
        return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())


def test_runs_go_from_an_older_release_to_this_one_and_back(
    releases: Releases, source: HostileSource, gate: Gate, tmp_path: Path
) -> None:
    (tmp_path / "items.yaml").write_text(items_document(source))
    releases.run("init", older=True)
    releases.run("add", str(tmp_path / "items.yaml"), "it", older=True)
    first, second = releases.start("worker", older=True), releases.start("worker", older=True)
    with _ended_whatever_happens(first, second), app.opened(releases.settings) as services:
        installation = Installation(services)
        before = _version(installation)
        until(lambda: sum(one.is_alive for one in services.engine.workers()) == 2, "both older ones work")
        with services.database.read() as connection:
            instance_id = connection.execute(sa.select(instances.c.id)).scalar_one()

        def runs_on(run_id: int, process: "subprocess.Popen[bytes]") -> bool:
            worker = installation.run(run_id).worker
            return worker is not None and f"-{process.pid}-" in worker

        run, _ = request_backup(services, instance_id)
        gate.wait()
        has_it, other = (first, second) if runs_on(run.id, first) else (second, first)
        # The first worker of this release migrates under the feet of those that work; one of them is out of the way.
        other.send_signal(signal.SIGSTOP)
        newer = releases.start("worker")
        with _ended_whatever_happens(newer):
            until(lambda: any(f"-{newer.pid}-" in one.executor_id for one in services.engine.workers()), "it works")
            assert _version(installation) > before
            has_it.send_signal(signal.SIGTERM)
            assert has_it.wait(60) == 0
            until(lambda: runs_on(run.id, newer), "this release goes on with it")
            gate.open()
            until(lambda: not installation.run(run.id).active, "the backup ends")
            ended = installation.run(run.id)
            assert (ended.status, ended.counters["new"]) == ("successful", 250), ended.failures

            again = Gate(from_page=6)
            source.switches.hook = again
            source.put("items", make_record(1, title="edited"))
            run, _ = request_backup(services, instance_id)
            again.wait()
            assert runs_on(run.id, newer)
            other.send_signal(signal.SIGCONT)
            until(lambda: sum(one.is_alive for one in services.engine.workers()) == 2, "the older one is back")
            newer.send_signal(signal.SIGTERM)
            assert newer.wait(60) == 0
            until(lambda: runs_on(run.id, other), "the older one goes on with it, over the newer schema")
            again.open()
            until(lambda: not installation.run(run.id).active, "the backup ends")
        ended = installation.run(run.id)
        assert (ended.status, ended.counters["changed"], ended.counters["live"]) == ("successful", 1, 250), ended
        other.send_signal(signal.SIGTERM)
        assert other.wait(60) == 0
    assert releases.start("worker", older=True).wait(60) != 0, "an older one that is started anew refuses the catalog"
