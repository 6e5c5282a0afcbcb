"""An embedded installation moves to PostgreSQL and another storage: all of it, with its ids, however often it is
broken off; and goes on from there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import app, catalog
from holdfast.catalog.instances import Instance
from holdfast.engine import WorkerLock
from holdfast.errors import CatalogError, Conflict, InputError, WorkerElsewhere
from holdfast.operations import schedule, vendors
from holdfast.operations.migrate import migrate, plan
from holdfast.operations.verify import verify
from tests.support.documents import CONFIRMED_ITEMS, document
from tests.support.hostile_source import HostileSource, in_thread, make_record, make_records
from tests.support.installation import Installation, installed, settings_for
from tests.support.postgresql import PostgreSQL


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(300)})) as served:
        yield served


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made


@pytest.fixture
def instance(old: Installation, source: HostileSource) -> Instance:
    """With three backups: records came, changed, went."""
    made = old.instance(document(source.url, CONFIRMED_ITEMS), token="t0ken")
    assert old.backup(made).status == "successful"
    source.put("items", make_record(7, title="changed"))
    source.remove("items", 8)
    assert old.backup(made).counters["changed"] == 1
    source.put("items", make_record(301, title="q\0'\"\\\n\t\N{SNOWMAN}"))
    assert old.backup(made).status == "successful"
    schedule.set_schedule(old.services, made, schedule.parse("hourly"))
    vendors.create(old.services, "Acme", "acme@example.org")
    return made


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> Iterator[str]:
    url = postgresql.create()
    yield url
    postgresql.drop(url)


class BrokenOff(BaseException):
    """As if the process were killed."""


def breaking_off(what: str, times: int) -> Any:
    def told(doing: str, done: int, total: int) -> None:
        nonlocal times
        if doing == what:
            times -= 1
            if times < 0:
                raise BrokenOff

    return told


def moved_everything(
    old: Installation, instance: Instance, source: HostileSource, database_url: str, storage_url: str
) -> None:
    before = old.everything(instance)
    for what, times in (("vault", 1), ("vault", 3), ("catalog", 2), ("catalog", 25)):
        with pytest.raises(BrokenOff):
            migrate(old.services, database_url, storage_url, breaking_off(what, times))
    report = migrate(old.services, database_url, storage_url)
    assert report.is_done and report.findings == [] and report.rows["current"] == 300
    settings = settings_for(old.services.settings.home, database_url=database_url, storage_url=storage_url)
    with app.opened(settings) as services:
        new = Installation(services)
        assert new.everything(instance) == before
        with services.database.read() as connection:
            assert catalog.instances.get(connection, instance.id).frequency == "hourly"
            assert {one.name for one in catalog.vendors.all_vendors(connection)} >= {"local", "Acme"}
        asked = len(source.log)
        unchanged = new.backup(instance)
        assert (unchanged.sequence, unchanged.status) == (4, "successful")
        assert {name: unchanged.counters.get(name) for name in ("new", "changed", "deleted")} == {
            "new": 0, "changed": 0, "deleted": 0,
        }  # fmt: skip
        assert len(source.log) > asked
        source.put("items", make_record(302))
        assert new.backup(instance).counters["new"] == 1
        assert verify(services).findings == []


def test_everything_moves_and_backups_go_on_incrementally(
    old: Installation, instance: Instance, source: HostileSource, database_url: str, tmp_path: Path
) -> None:
    moved_everything(old, instance, source, database_url, str(tmp_path / "elsewhere"))
    with pytest.raises(CatalogError, match="moved"):
        old.backup(instance)


def test_a_dry_run_says_what_would_be_moved_and_moves_nothing(
    old: Installation, instance: Instance, database_url: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    planned = plan(old.services, database_url, str(elsewhere))
    assert planned.rows["current"] == 300 and planned.objects > 10 and planned.size_bytes > 0 and not planned.is_done
    assert not any(elsewhere.rglob("*.json")), "nothing was written"
    assert old.backup(instance).status == "successful"


def test_it_refuses_while_a_worker_runs(old: Installation, database_url: str) -> None:
    path = old.services.engine.worker_lock
    assert path is not None
    elsewhere = WorkerLock(path.path)
    elsewhere.acquire()
    with pytest.raises(WorkerElsewhere):
        migrate(old.services, database_url, "")
    elsewhere.release()


def test_it_refuses_a_database_that_has_something(
    old: Installation, instance: Instance, database_url: str, tmp_path: Path
) -> None:
    app.initialise(settings_for(tmp_path / "other", database_url=database_url))
    with pytest.raises(Conflict, match="not empty"):
        migrate(old.services, database_url, "")
    with pytest.raises(InputError, match="PostgreSQL"):
        migrate(old.services, f"sqlite:///{tmp_path}/x.db", "")
    assert old.backup(instance).status == "successful", "it stays as it was"


def test_a_migration_that_was_killed_before_its_last_word_says_it_the_next_time(
    old: Installation, instance: Instance, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: object) -> None:
        raise BrokenOff

    with monkeypatch.context() as patched:
        patched.setattr("holdfast.operations.migrate.rebuilding.mark_as_moved", die)
        with pytest.raises(BrokenOff):
            migrate(old.services, database_url, "")
    assert migrate(old.services, database_url, "").is_done
    with pytest.raises(CatalogError, match="moved"):
        old.backup(instance)
