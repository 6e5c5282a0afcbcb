"""A disk that is full, the vault's or the catalog's: the message says so and what to do, nothing is lost, and when
there is space again the next backup completes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from holdfast import app
from holdfast.catalog.instances import Instance
from holdfast.errors import CatalogError, StorageFull
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.verify import verify
from holdfast.storage import Storage, open_storage
from tests.support.documents import STABLE_ITEMS, document
from tests.support.faulty import Full
from tests.support.hostile_source import HostileSource, in_thread, make_record, make_records
from tests.support.installation import Installation, installed

LARGE = 10**12


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(400)}, page_size=20)) as served:
        yield served


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    def opened(url: str) -> Storage:
        return Full(open_storage(url), LARGE)

    monkeypatch.setattr(app, "open_storage", opened)
    with installed(tmp_path / "home", checkpoint_records=40) as made:
        yield made


@pytest.fixture
def instance(installation: Installation, source: HostileSource) -> Instance:
    """Backed up once; now there is more to store."""
    made = installation.instance(document(source.url, STABLE_ITEMS))
    assert installation.backup(made).status == "successful"
    for number in range(401, 801):
        source.put("items", make_record(number))
    return made


def leave_space(installation: Installation, size_bytes: int) -> None:
    """For so many bytes of objects."""
    storage = installation.services.storage
    assert isinstance(storage, Full)
    storage.capacity_bytes = sum(info.size_bytes for info in storage.list("")) + size_bytes


def check_complete(installation: Installation, instance: Instance, source: HostileSource) -> None:
    assert installation.records(instance, "items") == source.collections["items"]
    assert len(installation.records(instance, "items", 1)) == 400
    assert verify(installation.services).is_good


@pytest.mark.parametrize("space", [0, 3_000, 9_000])
def test_a_full_vault_fails_the_backup_and_the_next_one_completes_it(
    installation: Installation, instance: Instance, source: HostileSource, space: int
) -> None:
    leave_space(installation, space)
    run, _ = request_backup(installation.services, instance.id)
    with pytest.raises(StorageFull):
        run_backup(installation.services, run.id)
    assert len(installation.records(instance, "items", 1)) == 400
    leave_space(installation, LARGE)
    run_backup(installation.services, run.id)
    ended = installation.run(run.id)
    assert (ended.status, [one["code"] for one in ended.failures]) == ("failed", ["storage_full"])
    assert "space" in ended.failures[0]["message"]
    assert installation.backup(instance).status == "successful"
    check_complete(installation, instance, source)


def test_where_there_is_space_for_the_manifest_the_backup_says_at_once_why_it_failed(
    installation: Installation, instance: Instance, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = installation.services.storage
    put = storage.put

    def refuse_packs(name: str, data: bytes | memoryview) -> None:
        if name.startswith("packs/"):
            raise StorageFull("no space left on this disk", hint="make space on it")
        put(name, data)

    monkeypatch.setattr(storage, "put", refuse_packs)
    run = installation.backup(instance)
    assert (run.status, [one["message"] for one in run.failures]) == (
        "failed", ["no space left on this disk (make space on it)"],
    )  # fmt: skip
    monkeypatch.undo()
    assert installation.backup(instance).status == "successful"
    check_complete(installation, instance, source)


@pytest.mark.parametrize("pages", [0, 5])
def test_a_full_catalog_fails_the_backup_and_the_next_one_completes_it(
    installation: Installation, instance: Instance, source: HostileSource, pages: int
) -> None:
    """SQLite says of a database at its greatest number of pages what it says of a disk without space."""
    services = installation.services
    run, _ = request_backup(services, instance.id)
    engine = services.database.engine
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("VACUUM")  # pages that were emptied would be filled first
    with services.database.read() as connection:
        taken = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {taken + pages}").close()

    sa.event.listen(engine, "connect", limit)
    engine.dispose()
    said = ""
    try:
        run_backup(services, run.id)
    except CatalogError as error:  # there was no space to write down that it failed
        said = f"{error.code}: {error} ({error.hint})"
    sa.event.remove(engine, "connect", limit)
    engine.dispose()
    run_backup(services, run.id)
    ended = installation.run(run.id)
    said = said or "".join(f"{failure['code']}: {failure['message']}" for failure in ended.failures)
    assert said == "catalog_full: the catalog's disk is full (free some space; nothing was lost)"
    assert installation.backup(instance).status == "successful"
    check_complete(installation, instance, source)
