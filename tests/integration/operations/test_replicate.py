"""A replica is a valid vault at every moment, costs what is new, follows prunes and erasures, and keeps what the vault
has lost.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.catalog import replications
from holdfast.catalog.instances import Instance
from holdfast.errors import Conflict, InputError, StorageError, StorageFull, StorageUnavailable, VaultError, WrongKey
from holdfast.operations import customers, instances, keys, revisions
from holdfast.operations.erase import erase_customer
from holdfast.operations.locking import KEYS, locked
from holdfast.operations.prune import plan, prune
from holdfast.operations.rebuild import rebuild
from holdfast.operations.replicate import replicate, replicate_regularly
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify_replica
from holdfast.storage import Storage
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import RootKey, Vault
from holdfast.vault.check import check
from holdfast.vault.replicating import ReplicaReport
from tests.integration.operations.test_blobs import BLOB, content, put
from tests.support.documents import ITEMS, document
from tests.support.faulty import Counting, Full, Slow, Unavailable, Wrapping
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation, installed
from tests.support.mortality import contents
from tests.support.states import snapshot


@pytest.fixture
def replica() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def installation(tmp_path: Path, replica: MemoryStorage) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made.with_replicas(replica)


def back_up(installation: Installation, source: HostileSource, instance: Instance | None = None) -> Instance:
    for number in range(1, 6):
        put(source, number, content(number, 2000), etag="1")
    made = instance or installation.instance(document(source.url, ITEMS + BLOB))
    installation.backup(made)
    return made


def copied(installation: Installation) -> ReplicaReport:
    (report,) = replicate(installation.services)
    assert [str(finding) for finding in report.findings] == []
    return report


def of_replica(installation: Installation, replica: Storage) -> Vault:
    return Vault.open(replica, installation.services.vault.root_key)


def assert_valid(installation: Installation, replica: Storage) -> None:
    assert [str(one) for one in check(of_replica(installation, replica)) if one.severity != "notice"] == []


def assert_equal(installation: Installation, replica: Storage) -> None:
    stored = contents(installation.services.storage)
    assert contents(replica) == {name: data for name, data in stored.items() if not name.startswith("exports/")}


def test_a_replica_is_the_vault_again(
    installation: Installation, replica: MemoryStorage, source: HostileSource, tmp_path: Path
) -> None:
    instance = back_up(installation, source)
    report = copied(installation)
    assert report.objects == report.objects_total == len(contents(replica))
    assert_equal(installation, replica)
    assert_valid(installation, replica)
    services = installation.services
    there = Installation(
        replace(services, storage=replica, vault=of_replica(installation, replica))
    ).with_new_catalog(tmp_path / "new.db")  # fmt: skip
    assert rebuild(there.services).disagreements == []
    assert snapshot(there, instance) == snapshot(installation, instance)
    there.close()


def test_what_is_there_is_neither_read_nor_written_again(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    instance = back_up(installation, source)
    copied(installation)
    counting = Counting(installation.services.storage)
    services = replace(
        installation.services,
        storage=counting,
        vault=Vault.open(counting, installation.services.vault.root_key),
        replicas=(there := Counting(replica),),
    )
    counting.calls.clear()
    (report,) = replicate(services)
    assert report.objects == there.count("put") == 0
    assert counting.count("get", "packs/") == counting.count("get", "manifests/") == 0
    source.put("items", make_record(1, edited=True))
    installation.backup(instance)
    (report,) = replicate(services)
    assert counting.count("get", "packs/") == there.count("put", "packs/") == 1
    assert counting.count("get", "manifests/") == there.count("put", "manifests/") == 1
    assert_equal(installation, replica)


def test_a_replica_follows_a_prune_and_is_valid_after_each_write(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    instance = back_up(installation, source)
    for number in range(6, 10):
        source.put("items", make_record(number))
        source.put("items", make_record(number - 1, edited=True))
        installation.backup(instance)
        copied(installation)
    rules = RetentionRules.parse("last=2")
    prune(
        installation.services,
        plan(installation.services, rules=rules),
        actor="test",
        rules=rules,
        orphans_kept=timedelta(0),
    )
    checked: list[str] = []

    def prove(method: str, name: str) -> None:
        if method in ("put", "delete") and name not in checked:
            checked.append(name)
            assert_valid(installation, replica)

    services = replace(installation.services, replicas=(Slow(replica, prove),))
    (report,) = replicate(services)
    assert report.findings == [] and report.deleted >= 4 and len(checked) > 8
    assert_equal(installation, replica)
    assert_valid(installation, replica)


def test_what_the_vault_has_lost_stays_in_the_replica(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    back_up(installation, source)
    copied(installation)
    before = contents(replica)
    storage = installation.services.storage
    lost = [name for name in contents(storage) if name.startswith(("packs/", "manifests/", "receipts/", "revisions/"))]
    for name in lost:
        storage.delete(name)
    (report,) = replicate(installation.services)
    assert contents(replica) == before
    assert {finding.object_name for finding in report.findings} == set(lost)
    assert all("holdfast repair" in finding.advice for finding in report.findings)


def test_damage_is_not_copied_nor_what_would_need_it(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    instance = back_up(installation, source)
    copied(installation)
    source.put("items", make_record(1, edited=True))
    installation.backup(instance)
    storage = installation.services.storage
    new = [name for name in contents(storage) if name.startswith("packs/") and name not in contents(replica)]
    data = bytearray(storage.get(new[0]))
    data[-20] ^= 1
    storage.delete(new[0])
    storage.put(new[0], bytes(data))
    (report,) = replicate(installation.services)
    assert not report.is_complete
    assert {finding.object_name.partition("/")[0] for finding in report.findings} == {"packs", "manifests"}
    assert_valid(installation, replica)
    assert new[0] not in contents(replica)


def test_damage_that_changes_a_size_in_the_replica_is_mended(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    back_up(installation, source)
    copied(installation)
    for name, data in contents(replica).items():
        replica.delete(name)
        replica.put(name, data[:-3])
    copied(installation)
    assert_equal(installation, replica)


def test_a_prune_at_work_only_makes_it_begin_again(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    instance = back_up(installation, source)
    for number in range(6, 9):
        source.put("items", make_record(number))
        installation.backup(instance)
    rules = RetentionRules.parse("last=1")
    pruned: list[bool] = []

    def interfere(method: str, name: str) -> None:
        if method == "get" and name.startswith("packs/") and not pruned:
            pruned.append(True)
            planned = plan(installation.services, rules=rules)
            prune(installation.services, planned, actor="test", rules=rules, orphans_kept=timedelta(0))

    slow = Slow(installation.services.storage, interfere)
    vault = Vault.open(slow, installation.services.vault.root_key)
    (report,) = replicate(replace(installation.services, storage=slow, vault=vault))
    assert pruned and report.findings == []
    copied(installation)
    assert_equal(installation, replica)
    assert_valid(installation, replica)


def test_an_erasure_and_a_rotation_reach_the_replica(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    back_up(installation, source)
    copied(installation)
    old = contents(replica)
    keys.rotate_key_file(installation.services, actor="test")
    with pytest.raises(WrongKey) as behind:
        verify_replica(installation.services, replica)
    assert behind.value.hint is not None and "holdfast replicate" in behind.value.hint
    copied(installation)
    assert_equal(installation, replica)
    assert not {name for name in contents(replica) if name.startswith("keys/")} & old.keys()
    assert_valid(installation, replica)
    customer_id = installation.customer.id
    left = {name: data for name, data in contents(replica).items() if f"/{customer_id}/" in name}
    erase_customer(installation.services, customer_id, actor="test")
    for name, data in left.items():  # what a copy under way wrote behind the erasure's back
        replica.put(name, data)
    copied(installation)
    assert_equal(installation, replica)


class NoDeletions(Wrapping):
    """A replica whose credential may not delete."""

    def delete(self, name: str) -> None:
        raise StorageError("not allowed", code="storage_refused")


def test_a_replica_that_may_not_be_deleted_from_is_filled_all_the_same(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    instance = back_up(installation, source)
    services = replace(installation.services, replicas=(NoDeletions(replica),))
    replicate(services)
    for number in range(6, 9):
        source.put("items", make_record(number))
        installation.backup(instance)
    rules = RetentionRules.parse("last=1")
    planned = plan(installation.services, rules=rules)
    prune(installation.services, planned, actor="test", rules=rules, orphans_kept=timedelta(0))
    keys.rotate_key_file(installation.services, actor="test")
    (report,) = replicate(services)
    assert report.is_complete and report.refused >= 5 and report.deleted == 0
    stored = contents(installation.services.storage)
    assert contents(replica).items() >= stored.items()
    assert [str(one) for one in check(of_replica(installation, replica)) if one.severity == "error"] == []
    customer_id = installation.customer.id
    left = {name: data for name, data in contents(replica).items() if name.startswith(f"keys/{customer_id}/")}
    erase_customer(installation.services, customer_id, actor="test")
    for name, data in left.items():
        replica.put(name, data)
    (report,) = replicate(services)
    assert not report.is_complete and "erased customer" in report.findings[0].what


def test_no_keys_are_copied_while_they_change(installation: Installation, source: HostileSource) -> None:
    back_up(installation, source)
    with locked(installation.services, KEYS):
        with pytest.raises(Conflict, match="keys"):
            replicate(installation.services)
        replicate_regularly(installation.services)
    copied(installation)


def test_another_vault_is_never_written_to(installation: Installation, replica: MemoryStorage) -> None:
    Vault.create(replica, RootKey.generate())
    before = contents(replica)
    with pytest.raises(VaultError, match="another vault"):
        replicate(installation.services)
    assert contents(replica) == before
    with pytest.raises(VaultError, match="the vault itself"):
        replicate(replace(installation.services, replicas=(installation.services.storage,)))
    with pytest.raises(InputError, match="no replica"):
        replicate(replace(installation.services, replicas=()))


def test_a_replica_that_fails_or_fills_is_continued(
    installation: Installation, replica: MemoryStorage, source: HostileSource
) -> None:
    back_up(installation, source)
    full = Full(replica, 3000)
    with pytest.raises(StorageFull):
        replicate(replace(installation.services, replicas=(full,)))
    away = Unavailable(replica, lambda number, method, name: method == "put" and name.startswith("packs/"))
    with pytest.raises(StorageUnavailable):
        replicate(replace(installation.services, replicas=(away,)))
    services = replace(installation.services, replicas=(away, replica))
    replicate_regularly(services)
    assert_equal(installation, replica)
    with installation.services.database.read() as connection:
        (state,) = replications.every(connection)
    assert state.completed_at is not None and state.findings == []


def test_a_worker_looks_at_customers_that_have_changed_and_once_a_day_at_all(
    installation: Installation, replica: MemoryStorage, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = installation.services
    source.put("items", make_record(1))
    backed_up = [back_up(installation, source)]
    for number in range(3):
        customer = customers.create(services, installation.customer.vendor_id, f"Other {number}", None)
        backed_up.append(instances.create(services, customer.id, backed_up[0].definition_id, label="other"))
        installation.backup(backed_up[-1])
    replicate_regularly(services)
    assert_equal(installation, replica)
    monkeypatch.setattr("holdfast.operations.replicate._MARGIN", timedelta(0))
    there = Counting(replica)
    rounds = installation.with_replicas(there).services

    def looked_at() -> set[int]:
        there.calls.clear()
        replicate_regularly(rounds)
        listed = [name.split("/")[1] for method, name in there.calls if method == "list" and name.startswith("packs/")]
        assert_equal(installation, replica)
        return {int(one) for one in listed} - {0}

    assert looked_at() == set()
    assert there.count("list") <= 12, "for all customers together"
    source.put("items", make_record(1, edited=True))
    installation.backup(backed_up[1])
    assert looked_at() == {backed_up[1].customer_id}
    with services.database.write() as connection:
        revisions.instance_changed(connection, backed_up[2].id)
    revisions.flush(services)
    assert looked_at() == {backed_up[2].customer_id}
    rules = RetentionRules(last=1)
    prune(services, plan(services, [backed_up[1]], rules=rules), actor="test", rules=rules)
    assert looked_at() == {backed_up[1].customer_id}
    monkeypatch.setattr("holdfast.operations.replicate._EVERYBODY_EVERY", timedelta(0))
    assert looked_at() == {instance.customer_id for instance in backed_up}
