"""Erasing a customer: its keys are gone everywhere, the others stay, a certificate proves it."""

import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.catalog import customers, erasures, schema
from holdfast.catalog.customers import Customer
from holdfast.catalog.instances import Instance
from holdfast.errors import Conflict, InputError, NotFound, StorageUnavailable
from holdfast.operations import customers as customer_operations
from holdfast.operations import definitions, erase, exports, holds, instances, revisions
from holdfast.operations.export import write_export
from holdfast.operations.rebuild import rebuild
from holdfast.operations.verify import verify
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import receipts
from tests.integration.operations.test_blobs import BLOB, put
from tests.support.documents import ITEMS, document
from tests.support.faulty import Unavailable
from tests.support.hostile_source import HostileSource
from tests.support.installation import Installation, installed
from tests.support.mortality import contents


@pytest.fixture
def replica() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def installation(tmp_path: Path, replica: MemoryStorage) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made.with_replicas(replica)


def filled_customer(installation: Installation, source: HostileSource, name: str) -> tuple[Customer, Instance]:
    services, vendor_id = installation.services, installation.customer.vendor_id
    customer = customer_operations.create(services, vendor_id, name, f"{name}@example.org")
    definition = definitions.create(services, vendor_id, document(source.url, ITEMS + BLOB))
    instance = instances.create(services, customer.id, definition.id, label=name, given={"token": f"token-of-{name}"})
    assert installation.backup(instance).status == "successful"
    return customer, instance


def copy(installation: Installation, replica: MemoryStorage) -> None:
    storage = installation.services.storage
    for info in storage.list(""):
        replica.put(info.name, storage.get(info.name))


def secrets_of(installation: Installation, customer_id: int) -> list[bytes]:
    """The customer's secrets as they are, and in every spelling in which one could have been written down."""
    keys = installation.services.vault.customer(customer_id).keys
    wrapped = [installation.services.storage.get(f"keys/{customer_id}/{copy}") for copy in (0, 1)]
    plain = [keys.digest, *keys.data, *wrapped]
    return [
        spelled
        for secret in plain
        for spelled in (secret, secret.hex().encode(), base64.b64encode(secret), base64.b32encode(secret).lower())
    ]


def test_no_key_remains_and_the_others_verify(
    installation: Installation, source: HostileSource, replica: MemoryStorage, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    for number in range(1, 30):
        put(source, number, b"content %d" % number)
    erased, instance = filled_customer(installation, source, "gone")
    kept, other = filled_customer(installation, source, "kept")
    expected = installation.everything(other)
    export = exports.request_export(installation.services, instance, exports.ExportRequest())
    exports.run_export(installation.services, export.id)
    assert any(name.startswith(f"exports/{erased.id}/") for name in contents(installation.services.storage))
    taken_away = tmp_path / "taken-away"
    taken_away.mkdir()
    write_export(installation.browser, installation.state(instance), taken_away)
    copy(installation, replica)
    secrets = secrets_of(installation, erased.id)
    signed = erase.erase_customer(installation.services, erased.id, actor="test")

    for storage in (installation.services.storage, replica):
        assert [info.name for info in storage.list("") if f"/{erased.id}/" in info.name] == [
            f"revisions/0/erasure/{erased.id}/0000000001",
            f"revisions/0/erasure/{erased.id}/0000000002",
        ][: 2 if storage is not replica else 0]
    told = caplog.text.encode("utf-8", "backslashreplace")
    assert not any(secret in told for secret in secrets)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]  # vault, catalog, and the export that is elsewhere
    assert {"vault", "taken-away"} <= {part for file in files for part in file.relative_to(tmp_path).parts}
    for file in files:
        content = file.read_bytes()
        for secret in secrets:
            assert secret not in content, file
        if file.name.startswith("catalog.db"):
            assert b"gone@example.org" not in content, file
    with pytest.raises(NotFound):
        installation.services.vault.customer(erased.id)

    report = verify(installation.services)
    assert report.findings == []
    assert installation.everything(other) == expected
    assert installation.backup(other).status == "successful"

    content = receipts.verify(
        signed.encode(), receipts.public_key(installation.services.vault.installation.keys)
    ).receipt
    assert (content["customer_id"], content["vendor_id"]) == (erased.id, erased.vendor_id)
    assert sorted((key["storage"], key["object"]) for key in content["keys_destroyed"]) == sorted(
        (storage.url, f"keys/{erased.id}/{number}")
        for storage in (installation.services.storage, replica)
        for number in (0, 1)
    )
    assert all(one["objects"] > 3 and one["refused"] == 0 for one in content["objects"])
    assert content["catalog_rows"]["current"] == 29
    assert erase.certificate(installation.services, erased.id) == signed
    assert erase.erase_customer(installation.services, erased.id, actor="test") == signed
    changed = signed.encode().replace(str(erased.id).encode(), str(kept.id).encode())
    with pytest.raises(InputError):
        receipts.verify(changed)


def test_no_row_of_the_customer_is_left(installation: Installation, source: HostileSource) -> None:
    put(source, 1, b"content")
    erased, instance = filled_customer(installation, source, "gone")
    filled_customer(installation, source, "kept")
    erase.erase_customer(installation.services, erased.id, actor="test")
    columns = {"customer_id": erased.id, "instance_id": instance.id}
    with installation.services.database.read() as connection:
        for table in schema.metadata.sorted_tables:
            for name, value in columns.items():
                if name in table.c and table.name != "erasures":
                    found = sa.select(sa.func.count()).select_from(table).where(table.c[name] == value)
                    assert connection.execute(found).scalar_one() == 0, table.name
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.current)).scalar_one() == 1


def test_an_erasure_that_cannot_end_yet_keeps_no_other_waiting(
    installation: Installation, replica: MemoryStorage
) -> None:
    services = installation.services
    made = [customer_operations.create(services, installation.customer.vendor_id, name, None) for name in "ab"]
    copy(installation, replica)
    away = Unavailable(replica, lambda number, method, name: True)
    for customer in made:
        with pytest.raises(StorageUnavailable):
            erase.erase_customer(installation.with_replicas(away).services, customer.id, actor="test")
    stuck, other = made
    partly = Unavailable(replica, lambda number, method, name: name.startswith(f"keys/{stuck.id}/"))
    with pytest.raises(StorageUnavailable):
        erase.resume(installation.with_replicas(partly).services)
    assert erase.certificate(services, other.id).receipt["customer_id"] == other.id
    with pytest.raises(NotFound):
        erase.certificate(services, stuck.id)
    assert len(erase.resume(services)) == 1


def test_a_replica_that_does_not_answer_leaves_the_erasure_pending(
    installation: Installation, source: HostileSource, replica: MemoryStorage
) -> None:
    put(source, 1, b"content")
    erased, instance = filled_customer(installation, source, "gone")
    copy(installation, replica)
    away = Unavailable(replica, lambda number, method, name: True)
    broken = installation.with_replicas(away).services
    with pytest.raises(StorageUnavailable):
        erase.erase_customer(broken, erased.id, actor="test")
    assert list(installation.services.storage.list(f"keys/{erased.id}/")) == []
    with pytest.raises(NotFound), installation.services.database.read() as connection:
        customers.get(connection, erased.id)
    with pytest.raises(NotFound):
        erase.certificate(installation.services, erased.id)
    assert installation.backup(instance).active, "nothing is backed up any more"
    (signed,) = erase.resume(installation.services)
    assert len(signed.receipt["keys_destroyed"]) == 4
    assert list(replica.list(f"keys/{erased.id}/")) == []
    assert erase.resume(installation.services) == []


def test_a_held_customer_is_not_erased(installation: Installation, source: HostileSource) -> None:
    put(source, 1, b"content")
    erased, instance = filled_customer(installation, source, "held")
    hold = holds.place(installation.services, erased.id, "a court asks", actor="test")
    with pytest.raises(Conflict, match="a court asks"):
        erase.erase_customer(installation.services, erased.id, actor="test")
    assert installation.backup(instance).status == "successful"
    holds.release(installation.services, hold.id, actor="test")
    erase.erase_customer(installation.services, erased.id, actor="test")


def test_a_rebuilt_catalog_knows_of_the_erasure(
    installation: Installation, source: HostileSource, tmp_path: Path
) -> None:
    put(source, 1, b"content")
    erased, _ = filled_customer(installation, source, "gone")
    filled_customer(installation, source, "kept")
    signed = erase.erase_customer(installation.services, erased.id, actor="test")
    again = installation.with_new_catalog(tmp_path / "again.db")
    assert rebuild(again.services).disagreements == []
    assert erase.certificate(again.services, erased.id) == signed


def test_an_erasure_that_only_the_vault_remembers_is_carried_out(
    installation: Installation, source: HostileSource, tmp_path: Path
) -> None:
    put(source, 1, b"content")
    erased, _ = filled_customer(installation, source, "gone")
    erase._begin(installation.services, erased.id, "test")
    revisions.flush(installation.services)
    again = installation.with_new_catalog(tmp_path / "again.db")
    rebuild(again.services)
    with again.services.database.read() as connection:
        assert [one.customer_id for one in erasures.all_erasures(connection, pending=True)] == [erased.id]
    erase.resume(again.services)
    assert list(again.services.storage.list(f"keys/{erased.id}/")) == []
