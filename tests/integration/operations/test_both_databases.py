"""Verify, repair, replicate, prune, erasure and rotation of the root key do the same over SQLite and PostgreSQL; what
an erasure must not leave.

The stories in full, over SQLite, are in `test_prune.py`, `test_erase.py` and `test_keys.py`.
"""

import logging
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast import app
from holdfast.catalog import troubles
from holdfast.errors import Damaged, NotFound, WrongKey
from holdfast.operations import erase, exports, keys, replicate
from holdfast.operations.exports import ExportRequest
from holdfast.operations.rebuild import rebuild
from holdfast.operations.repair import repair, repair_replica
from holdfast.operations.verify import Plan, verify, verify_replica, verify_resumably
from holdfast.storage import open_storage
from holdfast.vault import Vault, keyring, names
from holdfast.vault.pack_reader import PackCache, PackReader
from tests.integration.operations.test_blobs import BLOB, put
from tests.integration.operations.test_erase import filled_customer, secrets_of
from tests.integration.operations.test_prune import change_a_little, left, prune_by, stored_bytes
from tests.support.documents import ITEMS, document
from tests.support.hostile_source import HostileSource
from tests.support.installation import Installation, installed
from tests.support.states import snapshot


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """With a replica in a folder."""
    more = {"database_url": request.getfixturevalue("postgresql").create()} if request.param == "postgresql" else {}
    with installed(tmp_path / "home", **more) as made:
        yield made.with_replicas(open_storage(str(tmp_path / "replica")))


def test_prune_keeps_what_is_kept_and_gives_space_back(
    installation: Installation, source: HostileSource, tmp_path: Path
) -> None:
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    dice = random.Random(11)
    for _ in range(6):
        change_a_little(source, dice)
        assert installation.backup(instance, accept_deletions=True).status == "successful"
    before, bytes_before = snapshot(installation, instance), stored_bytes(installation)
    report = prune_by(installation, "last=2")
    assert report.is_complete and report.freed_bytes == bytes_before - stored_bytes(installation) > 0
    assert left(installation, instance) == {5, 6}
    assert snapshot(installation, instance) == before.only({5, 6})
    assert verify(installation.services).findings == []
    again = installation.with_new_catalog(tmp_path / "again.db")
    assert rebuild(again.services).disagreements == []
    assert snapshot(again, instance) == snapshot(installation, instance)
    again.close()
    assert prune_by(installation, "last=2").freed_bytes == 0


def test_a_rotated_root_key_opens_everything_and_the_old_one_nothing(
    installation: Installation, source: HostileSource
) -> None:
    put(source, 1, b"content")
    _, instance = filled_customer(installation, source, "some")
    replicate.replicate(installation.services)
    expected, old = snapshot(installation, instance), installation.services.vault.root_key
    report = keys.rotate_key_file(installation.services, actor="test")
    assert (report.customers, report.copies_destroyed) == (3, 6)
    replicate.replicate(installation.services)
    for storage in (installation.services.storage, *installation.services.replicas):
        with pytest.raises(WrongKey):
            Vault.open(storage, old)
    with app.opened(installation.services.settings) as services:
        assert snapshot(Installation(services), instance) == expected
        assert verify(services).findings == []


def test_no_key_that_opens_an_erased_customer_remains_anywhere(
    installation: Installation, source: HostileSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Vault, replica, catalog, logs, exports: neither its keys nor anything that opens what somebody copied before."""
    caplog.set_level(logging.DEBUG)
    for number in range(1, 20):
        put(source, number, b"content %d" % number)
    services = installation.services
    erased, erased_instance = filled_customer(installation, source, "gone")
    kept, kept_instance = filled_customer(installation, source, "kept")
    for instance in (erased_instance, kept_instance):
        export = exports.request_export(services, instance, ExportRequest())
        exports.run_export(services, export.id)
    replicate.replicate(services)
    storages = (services.storage, *services.replicas)
    expected = snapshot(installation, kept_instance)
    secrets = secrets_of(installation, erased.id)
    copied = {
        info.name: services.storage.get(info.name) for info in services.storage.list("") if _is_of(info.name, erased.id)
    }
    assert {name.split("/")[0] for name in copied} > {"exports", "packs", "manifests", "receipts", "revisions"}

    erase.erase_customer(services, erased.id, actor="test")
    replicate.replicate(services)
    services.database.shorten_log()

    for storage in storages:
        assert not [info.name for info in storage.list("") if _is_of(info.name, erased.id)]
        for info in storage.list(""):
            _assert_without(secrets, storage.get(info.name), info.name)
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        _assert_without(secrets, file.read_bytes(), str(file))
    _assert_without(secrets, _everything_in(services.database.engine), "the database")
    _assert_without(secrets, caplog.text.encode(), "the log")

    # Who copied the customer's packs before has the root key and every key object that is left, and can open none.
    for name, data in copied.items():
        if not name.startswith("keys/"):
            services.storage.put(name, data)
    with pytest.raises(NotFound):
        Vault.open(services.storage, services.vault.root_key).customer(erased.id)
    packs = [name.rsplit("/", 1)[-1] for name in copied if name.startswith("packs/")]
    for storage in storages:
        for customer_id in (names.INSTALLATION, *keyring.customers(storage)):
            for copy in keyring.copies(storage, services.vault.root_key, customer_id):
                assert copy.keys is not None
                reader = PackReader(services.storage, copy.keys, erased.id, PackCache())
                for pack in packs:
                    with pytest.raises(Damaged):
                        reader.read_footer(pack)
    for name in copied:
        services.storage.delete(name)

    assert verify(services).findings == []
    assert snapshot(installation, kept_instance) == expected
    assert installation.backup(kept_instance).status == "successful"
    assert prune_by(installation, "last=1").is_complete
    assert kept.id in services.vault.customers()


def _is_of(name: str, customer_id: int) -> bool:
    return f"/{customer_id}/" in name and not name.startswith("revisions/0/")


def _assert_without(secrets: list[bytes], content: bytes, where: str) -> None:
    for secret in secrets:
        assert secret not in content, where


def _everything_in(engine: sa.Engine) -> bytes:
    """Every row of every table, those of the jobs too, as bytes."""
    pieces: list[bytes] = []
    inspector = sa.inspect(engine)
    schemas = [one for one in inspector.get_schema_names() if one not in ("information_schema", "pg_catalog")]
    with engine.connect() as connection:
        for schema in schemas:
            for table in inspector.get_table_names(schema):
                for row in connection.execute(sa.text(f'SELECT * FROM "{schema}"."{table}"')):
                    pieces += [
                        bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode() for cell in row
                    ]
    return b"\n".join(pieces)


def test_what_is_lost_is_found_mended_and_followed_by_the_replica(
    installation: Installation, source: HostileSource
) -> None:
    services = installation.services
    (replica,) = services.replicas
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    dice = random.Random(12)
    for _ in range(4):
        change_a_little(source, dice)
        assert installation.backup(instance, accept_deletions=True).status == "successful"
        replicate.replicate_regularly(services)
    before = snapshot(installation, instance)
    other, *_, pack = [info.name for info in sorted(services.storage.list("packs/"), key=lambda one: one.size_bytes)]
    services.storage.delete(pack)
    damaged = bytearray(replica.get(other))
    damaged[-1] ^= 1
    replica.delete(other)
    replica.put(other, bytes(damaged))
    found = {one.object_name: one for one in verify_resumably(services, Plan()).findings if one.severity == "error"}
    assert pack in found and found[pack].lost
    (there,) = verify_resumably(services, Plan(), replica=replica).findings
    assert there.object_name == other
    with services.database.read() as connection:
        open_ones = [(one.kind, one.instance_id) for one in troubles.untold(connection, 9) if one.ended_at is None]
    assert open_ones == [("vault_damaged", instance.id), ("replica_damaged", None)]
    assert repair(services).is_whole and repair_replica(services, replica).is_whole
    assert verify_resumably(services, Plan(), replica=replica).findings == []
    with services.database.read() as connection:
        assert all(one.ended_at is not None for one in troubles.untold(connection, 9))
    assert prune_by(installation, "last=2").is_complete
    replicate.replicate_regularly(services)
    assert {info.name for info in replica.list("")} == {info.name for info in services.storage.list("")}
    assert verify(services).findings == [] and verify_replica(services, replica).findings == []
    assert snapshot(installation, instance) == before.only({3, 4})
