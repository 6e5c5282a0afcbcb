"""The service is stopped or killed in the middle of something, and started again: nothing is lost, nothing doubled."""

import io
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.catalog import schedules
from holdfast.clock import now, parse_time
from holdfast.operations import vendors
from tests.contract.client import Client, Gate
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import installed

_PATIENCE_S = 30


@pytest.fixture
def source() -> Iterator[HostileSource]:
    """250 items in pages of 100."""
    with in_thread(HostileSource({"items": make_records(250)})) as source:
        yield source


@pytest.fixture
def vendor(tmp_path: Path) -> Client:
    """A vendor of an installation in `home`; not logged in yet, since nothing is served."""
    with installed(tmp_path / "home") as installation:
        made = vendors.create(installation.services, "Acme", None)
    return Client("", made.vendor.id, made.vendor.client_id, made.client_secret)


@contextmanager
def _serving(home: Path, vendor: Client, ending: signal.Signals = signal.SIGTERM) -> Iterator[Client]:
    """`holdfast serve` as an operator runs it, ended by a signal to all of its processes."""
    environment = {
        **os.environ, "HOLDFAST_HOME": str(home), "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true",
        "HOLDFAST_CHECKPOINT_RECORDS": "50",
    }  # fmt: skip
    service = subprocess.Popen(
        [sys.executable, "-m", "holdfast.cli.main", "serve", "--port", "0"],
        env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert service.stderr is not None
    try:
        line = service.stderr.readline()
        assert "serving at " in line, line
        vendor.url = line.split("serving at ")[1].split(",")[0]
        vendor.log_in()
        yield vendor
    finally:
        os.killpg(service.pid, ending)
        service.communicate(timeout=_PATIENCE_S)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_during_a_backup(tmp_path: Path, vendor: Client, source: HostileSource, ending: signal.Signals) -> None:
    gate = Gate(from_page=3)
    source.switches.hook = gate
    with _serving(tmp_path / "home", vendor, ending) as client:
        instance = client.instance_of(source)
        backup = client.post(f"/v1/backup_instances/{instance}/backups").body["id"]
        gate.wait()
    gate.open()
    with _serving(tmp_path / "home", vendor) as client:
        ended = client.ended(instance, backup)
        assert (ended["status"], ended["failures"]) == ("successful", [])
        assert [one["id"] for one in client.get(f"/v1/backup_instances/{instance}/backups").body] == [backup]
        seen: list[str] = []
        url = f"/v1/backup_instances/{instance}/endpoints/items/records?per_page=100"
        while url:
            answer = client.get(url)
            seen += [record["id"] for record in answer.body]
            url = answer.links.get("next", "")
        assert sorted(map(int, seen)) == list(range(1, 251))


def test_during_an_export(tmp_path: Path, vendor: Client, source: HostileSource) -> None:
    with _serving(tmp_path / "home", vendor, signal.SIGKILL) as client:
        instance = client.instance_of(source)
        assert client.back_up(instance)["status"] == "successful"
        export = client.post(f"/v1/backup_instances/{instance}/exports").body["id"]
    with _serving(tmp_path / "home", vendor) as client:
        ended = client.once_ended(f"/v1/backup_instances/{instance}/exports/{export}")
        assert (ended["status"], ended["records_processed"], ended["failures"]) == ("successful", 250, [])
        archive = zipfile.ZipFile(io.BytesIO(client.get(ended["exported_data_url"]).content))
        assert len(archive.read("json/items.jsonl").splitlines()) == 250
        assert len(client.get(f"/v1/backup_instances/{instance}/exports").body) == 1


def test_during_scheduled_slots_which_are_caught_up_once(tmp_path: Path, vendor: Client, source: HostileSource) -> None:
    with _serving(tmp_path / "home", vendor) as client:
        instance = client.instance_of(source)
        path = f"/v1/backup_instances/{instance}"
        client.put(path, {"backup_instance[schedule]": "hourly"})
    with installed(tmp_path / "home") as installation, installation.services.database.write() as connection:
        schedules.move(connection, {instance: now() - timedelta(days=3)})
    with _serving(tmp_path / "home", vendor) as client:
        pause = threading.Event()
        while not (backups := client.get(path + "/backups").body) or not backups[0]["ended_at"]:
            pause.wait(0.1)
        assert [one["status"] for one in client.get(path + "/backups").body] == ["successful"]
        shown = client.get(path).body
        assert now() < parse_time(shown["next_scheduled_backup"]) <= now() + timedelta(hours=1)
