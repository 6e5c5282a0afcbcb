"""A backup whose end was interrupted: what its manifest said before is what stands, in the catalog as in the vault."""

from pathlib import Path

import pytest

from holdfast import app
from holdfast.catalog import runs
from holdfast.catalog.instances import Instance
from holdfast.errors import StorageFull
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.rebuild import rebuild
from holdfast.storage import Storage, open_storage
from tests.support.documents import STABLE_ITEMS, document
from tests.support.faulty import Wrapping
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import Installation, installed


class Refusing(Wrapping):
    """Refuses manifests as long as `manifests_fit` is false."""

    manifests_fit = False

    def put(self, name: str, data: bytes | memoryview) -> None:
        if name.startswith("manifests/") and not self.manifests_fit:
            raise StorageFull("no space left", hint="make space")
        super().put(name, data)


@pytest.fixture(autouse=True)
def refusing_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(url: str) -> Storage:
        return Refusing(open_storage(url))

    monkeypatch.setattr(app, "open_storage", opened)


def make_space(installation: Installation) -> None:
    storage = installation.services.storage
    assert isinstance(storage, Refusing)
    storage.manifests_fit = True


def interrupted_end(installation: Installation, instance: Instance) -> int:
    """A backup that came to its end and could not put its manifest."""
    run, _ = request_backup(installation.services, instance.id)
    with pytest.raises(StorageFull):
        run_backup(installation.services, run.id)
    assert installation.run(run.id).active
    return run.id


def same_after_rebuild(home: Path, installation: Installation, instance: Instance) -> None:
    expected = installation.everything(instance)
    installation.services.database.close()
    for file in home.glob("catalog.db*"):
        file.unlink()
    with app.opened(installation.services.settings) as services:
        assert rebuild(services).disagreements == []
        assert Installation(services).everything(instance) == expected


def test_a_resumed_end_reads_nothing_more(tmp_path: Path) -> None:
    with in_thread(HostileSource({"items": make_records(100)}, page_size=10, fail_page=4)) as source:
        home = tmp_path / "home"
        with installed(home) as installation:
            instance = installation.instance(document(source.url, STABLE_ITEMS))
            run_id = interrupted_end(installation, instance)
            source.switches.fail_page = None
            make_space(installation)
            source.log.clear()
            run_backup(installation.services, run_id)
            run = installation.run(run_id)
            assert (run.status, run.failures[0]["page"], run.counters["new"]) == ("failed", 4, 30)
            assert source.log == []
            same_after_rebuild(home, installation, instance)


def test_a_cancellation_that_comes_too_late_changes_nothing(tmp_path: Path) -> None:
    with in_thread(HostileSource({"items": make_records(30)})) as source:
        home = tmp_path / "home"
        with installed(home) as installation:
            instance = installation.instance(document(source.url, STABLE_ITEMS))
            run_id = interrupted_end(installation, instance)
            with installation.services.database.write() as connection:
                assert runs.request_cancel(connection, run_id)
            make_space(installation)
            run_backup(installation.services, run_id)
            assert installation.run(run_id).status == "successful"
            same_after_rebuild(home, installation, instance)
