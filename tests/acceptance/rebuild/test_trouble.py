"""A rebuild that is broken off, or finds revisions damaged."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast import app
from holdfast.catalog.instances import Instance
from holdfast.errors import CatalogError, Damaged
from holdfast.operations import instances
from holdfast.operations.backup.request import request_backup
from holdfast.operations.rebuild import RebuildReport, rebuild
from holdfast.operations.variables import stored
from holdfast.operations.verify import verify
from tests.support.documents import STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import Installation, installed, settings_for


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(30)}, page_size=10)) as served:
        yield served


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def instance(home: Path, source: HostileSource) -> Instance:
    """Backed up twice; the catalog is gone. Its token was changed once."""
    with installed(home) as installation:
        made = installation.instance(document(source.url, STABLE_ITEMS), token="first")
        instances.set_variables(installation.services, made, {"token": "second"})
        for _ in range(2):
            assert installation.backup(made).status == "successful"
    for file in home.glob("catalog.db*"):
        file.unlink()
    return made


def damage(home: Path, pattern: str) -> None:
    for file in (home / "vault").glob(pattern):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)


def test_a_half_rebuilt_catalog_is_not_taken_for_a_whole_one(home: Path, instance: Instance) -> None:
    class BrokenOffError(Exception):
        pass

    def break_off(report: RebuildReport) -> None:
        if report.backups == 1:
            raise BrokenOffError

    with app.opened(settings_for(home)) as services:
        with pytest.raises(BrokenOffError):
            rebuild(services, break_off)
        with pytest.raises(CatalogError, match="only a part") as raised:
            request_backup(services, instance.id)
        assert "holdfast rebuild" in str(raised.value.hint)
        with pytest.raises(CatalogError, match="only a part"):
            rebuild(services)
    (home / "catalog.db").unlink()
    with app.opened(settings_for(home)) as services:
        assert rebuild(services).disagreements == []
        assert Installation(services).backup(instance).counters["packs"] == 0


def test_an_older_revision_stands_in_for_a_damaged_one(home: Path, instance: Instance) -> None:
    damage(home, f"revisions/*/instance/{instance.id}/0000000002")
    with app.opened(settings_for(home)) as services:
        report = rebuild(services)
        assert len(report.disagreements) == 1
        assert "newest state of this instance cannot be read" in report.disagreements[0]
        assert stored(services, instance) == {"token": "first"}
        instances.set_variables(services, instance, {"token": "third"})
        assert Installation(services).backup(instance).status == "successful"


def test_an_instance_whose_revisions_are_all_damaged_leaves_the_others_alone(home: Path, instance: Instance) -> None:
    damage(home, f"revisions/*/instance/{instance.id}/*")
    with app.opened(settings_for(home)) as services:
        report = rebuild(services)
        assert (report.instances, len(report.disagreements)) == (0, 1)
        assert "it is missing" in report.disagreements[0]


def test_without_its_customer_there_is_no_catalog(home: Path, instance: Instance) -> None:
    damage(home, f"revisions/{instance.customer_id}/customer/*/*")
    with app.opened(settings_for(home)) as services, pytest.raises(Damaged, match="a customer is lost") as raised:
        rebuild(services)
    assert "holdfast repair" in str(raised.value.hint)


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_damaged_manifest_costs_what_its_backup_added_until_the_next_one(
    home: Path, instance: Instance, source: HostileSource, sequence: int
) -> None:
    damage(home, f"manifests/*/{instance.id}/{sequence:010d}-*")
    with app.opened(settings_for(home)) as services:
        report = rebuild(services)
        assert any(f"backup {sequence} of instance" in text for text in report.disagreements)
        installation = Installation(services)
        run = installation.backup(instance)
        assert (run.status, run.sequence) == ("successful", 3), run.failures
        assert installation.records(instance, "items") == source.collections["items"]
        errors = [finding for finding in verify(services).findings if finding.severity == "error"]
        assert {error.sequence for error in errors} == {sequence}
