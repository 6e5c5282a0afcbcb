"""Prune and erasure where deleting is not simple: buckets that keep versions, lock objects, forbid deletes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast import app, clock
from holdfast.catalog.instances import Instance
from holdfast.errors import StorageError
from holdfast.operations import erase, instances, keys, object_locks, replicate, retention
from holdfast.operations.prune import PruneReport, plan, prune
from holdfast.operations.rebuild import rebuild
from holdfast.operations.repair import repair
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify
from holdfast.storage import Capabilities, Storage, every_name, open_storage, s3_beneath
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.s3 import ObjectLock
from tests.integration.operations.test_erase import filled_customer
from tests.integration.operations.test_prune import left
from tests.support import radosgw
from tests.support.documents import ITEMS, document
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation, installed, settings_for
from tests.support.radosgw import S3Server

pytestmark = pytest.mark.s3


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.make_bucket()


@pytest.fixture
def versioned(s3: S3Server, bucket: str, tmp_path: Path) -> Iterator[Installation]:
    """In a bucket that keeps versions from the first backup on: Ceph 16 would not pass the probe before that."""
    with installed(tmp_path / "s3", storage_url=s3.url(bucket, "vault")) as made:
        s3.keep_versions(bucket)
        yield made


@contextmanager
def locked(s3: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch, lock: ObjectLock) -> Iterator[Installation]:
    """In a bucket with object lock, which keeps versions always."""
    url = s3.url(s3.make_bucket(object_lock=True), "vault") + "&lock_days=1"
    # Ceph 16 ignores put-if-absent here and would be refused. What follows puts no name twice.
    monkeypatch.setattr(app, "probe", lambda storage: Capabilities(True, True, True))
    with installed(home, storage_url=url) as made:
        set_lock(made.services.storage, lock)
        yield made


def set_lock(storage: Storage, lock: ObjectLock) -> None:
    found = s3_beneath(storage)
    assert found is not None
    found.storage.lock = lock


def three_backups(installation: Installation, source: HostileSource) -> Instance:
    instance = installation.instance(document(source.url, ITEMS), token="t")
    for turn in range(3):
        for number in range(40):
            source.put("items", make_record(number, turn=turn, pad=str(number) * 50))
        assert installation.backup(instance).status == "successful"
    return instance


def prune_to_one(installation: Installation) -> PruneReport:
    rules = RetentionRules.parse("last=1")
    planned = plan(installation.services, rules=rules)
    return prune(installation.services, planned, actor="test", rules=rules, orphans_kept=timedelta(0))


def test_prune_gives_the_space_of_versions_back(
    versioned: Installation, source: HostileSource, s3: S3Server, bucket: str
) -> None:
    instance = three_backups(versioned, source)
    expected = versioned.records(instance, "items")
    before = {name for name, _, _ in s3.versions(bucket, "vault/packs/")}
    report = prune_to_one(versioned)
    assert report.is_complete and report.freed_bytes > 0
    stored = s3.versions(bucket, "vault/packs/")
    there = {f"vault/{info.name}" for info in versioned.services.storage.list("packs/")}
    assert {name for name, _, _ in stored} == there
    assert len(before - there) == report.instances[0].packs_deleted > 0
    assert not any(is_marker for _, _, is_marker in s3.versions(bucket, "vault/"))
    assert len(s3.versions(bucket, "vault/manifests/")) == 1
    assert verify(versioned.services).findings == []
    assert versioned.records(instance, "items") == expected


def test_where_the_credential_may_not_delete_versions_prune_says_so(
    versioned: Installation, source: HostileSource, s3: S3Server, bucket: str
) -> None:
    three_backups(versioned, source)
    s3.deny(bucket, "s3:DeleteObjectVersion")
    report = prune_to_one(versioned)
    (one,) = report.instances
    assert (one.freed_bytes <= 0, one.hidden > 0, one.hidden_bytes > 0, one.refused) == (True, True, True, 0)
    assert verify(versioned.services).findings == []


def test_where_the_credential_may_not_delete_nothing_is_lost_or_doubled(
    versioned: Installation, source: HostileSource, s3: S3Server, bucket: str
) -> None:
    instance = three_backups(versioned, source)
    expected = versioned.records(instance, "items")
    s3.deny(bucket, "s3:DeleteObject", "s3:DeleteObjectVersion")
    report = prune_to_one(versioned)
    assert not report.is_complete and report.instances[0].refused > 0 and report.freed_bytes <= 0
    assert versioned.records(instance, "items") == expected
    assert versioned.backup(instance).status == "successful"
    client = s3.client()
    client.delete_bucket_policy(Bucket=bucket)
    client.close()
    again = prune_to_one(versioned)
    assert again.is_complete and again.freed_bytes > 0
    assert verify(versioned.services).findings == []


def test_an_erasure_destroys_every_version_of_every_key(
    versioned: Installation, source: HostileSource, s3: S3Server, bucket: str
) -> None:
    source.put("items", make_record(1))
    erased, _ = filled_customer(versioned, source, "gone")
    _, other = filled_customer(versioned, source, "kept")
    expected = versioned.everything(other)
    storage = versioned.services.storage
    # A copy that an operator once deleted and put back: two versions and a marker.
    copy = storage.get(f"keys/{erased.id}/1")
    storage.delete(f"keys/{erased.id}/1")
    storage.put(f"keys/{erased.id}/1", copy)
    storage.put(f"keys/{erased.id}/9", copy)
    storage.delete(f"keys/{erased.id}/9")
    assert len(s3.versions(bucket, f"vault/keys/{erased.id}/")) == 6
    signed = erase.erase_customer(versioned.services, erased.id, actor="test")
    assert s3.versions(bucket, f"vault/keys/{erased.id}/") == []
    assert erase.keys_left(versioned.services, erased.id) == []
    assert not [name for name, _, _ in s3.versions(bucket, "vault/packs/") if f"/{erased.id}/" in name]
    assert signed.receipt["objects"][0]["refused"] == 0
    assert versioned.everything(other) == expected
    assert verify(versioned.services).findings == []


def test_an_erasure_that_may_not_destroy_versions_stays_pending(
    versioned: Installation, source: HostileSource, s3: S3Server, bucket: str
) -> None:
    erased, _ = filled_customer(versioned, source, "gone")
    s3.deny(bucket, "s3:DeleteObjectVersion")
    with pytest.raises(StorageError, match="versions"):
        erase.erase_customer(versioned.services, erased.id, actor="test")
    client = s3.client()
    client.delete_bucket_policy(Bucket=bucket)
    client.close()
    assert len(erase.resume(versioned.services)) == 1
    assert s3.versions(bucket, f"vault/keys/{erased.id}/") == []


def test_a_rotated_root_key_leaves_no_version_that_the_old_one_opens(
    versioned: Installation, s3: S3Server, bucket: str
) -> None:
    before = s3.versions(bucket, "vault/keys/")
    keys.rotate_key_file(versioned.services, actor="test")
    after = s3.versions(bucket, "vault/keys/")
    assert len(after) == len(before) and not set(after) & set(before)
    assert not any(is_marker for _, _, is_marker in after)


def test_a_replica_in_a_bucket_with_versions_follows_prune_and_erasure(
    s3: S3Server, tmp_path: Path, source: HostileSource
) -> None:
    bucket = s3.make_bucket()
    with installed(tmp_path / "local") as made:
        installation = made.with_replicas(open_storage(s3.url(bucket, "copy")))
        services = installation.services
        replicate.replicate(services)
        s3.keep_versions(bucket)
        three_backups(installation, source)
        erased, _ = filled_customer(installation, source, "gone")
        replicate.replicate(services)
        prune_to_one(installation)
        erase.erase_customer(services, erased.id, actor="test")
        replicate.replicate(services)
        there = {f"copy/{info.name}" for info in services.storage.list("")}
        assert {name for name, _, _ in s3.versions(bucket)} == there
        assert not any(is_marker for _, _, is_marker in s3.versions(bucket))


def test_a_worker_that_may_not_delete_and_another_credential_that_prunes(
    s3: S3Server, bucket: str, tmp_path: Path, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    access, secret = radosgw.WORKER_KEYS
    (tmp_path / "credentials").write_text(f"[worker]\naws_access_key_id={access}\naws_secret_access_key={secret}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    s3.allow_worker(bucket, "s3:GetObject", "s3:PutObject", "s3:ListBucket")
    mine = s3.url(bucket, "vault")
    more: dict[str, Any] = {"storage_url": f"{mine}&profile=worker", "append_only": True, "prune_storage_url": mine}
    with installed(tmp_path / "s3", **more) as worker:
        instance = three_backups(worker, source)
        expected = worker.records(instance, "items")
        customer, _ = filled_customer(worker, source, "gone")
        assert verify(worker.services).findings == []
        assert not prune_to_one(worker).is_complete, "it may not"
        with pytest.raises(StorageError):
            erase.erase_customer(worker.services, customer.id, actor="test")
    # Not only by its own will: the credential itself is refused.
    with pytest.raises(StorageError) as caught:
        open_storage(more["storage_url"]).delete("vault.json")
    assert caught.value.code == "storage_refused"
    with app.opened(settings_for(tmp_path / "s3", **more), deletes=True) as services:
        pruner = Installation(services)
        assert len(erase.resume(services)) == 1
        report = prune_to_one(pruner)
        assert report.is_complete and report.freed_bytes > 0
        assert pruner.records(instance, "items") == expected
    with installed(tmp_path / "s3", **more) as worker:
        assert worker.backup(instance).status == "successful"
        assert verify(worker.services).findings == []


def test_locked_packs_stay_condemned_until_their_lock_ends(
    s3: S3Server, tmp_path: Path, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(s3, tmp_path / "s3", monkeypatch, ObjectLock(timedelta(days=2), "GOVERNANCE")) as installation:
        instance = three_backups(installation, source)
        expected = installation.records(instance, "items")
        report = prune_to_one(installation)
        (one,) = report.instances
        assert report.is_complete, "a lock is a policy"
        assert (one.forgotten, one.freed_bytes <= 0, one.refused, one.locked > 0) == (2, True, 0, True)
        assert one.locked_until is not None and one.locked_until > clock.now() + timedelta(days=1)
        planned = plan(installation.services, rules=RetentionRules.parse("last=1"))
        assert planned.instances[0].packs_deleted > 0, "they wait"
        assert {one.severity for one in verify(installation.services).findings} == {"notice"}
        assert installation.records(instance, "items") == expected
        bucket = s3_beneath(installation.services.storage)
        assert bucket is not None
        for name in every_name(installation.services.storage, "packs/"):
            _release(s3, bucket.storage._bucket_name, f"vault/{name}")
        threading.Event().wait(1.1)
        again = prune_to_one(installation)
        assert again.freed_bytes > 0
        assert verify(installation.services).is_good
        assert installation.records(instance, "items") == expected
        instances.remove(installation.services, instance)
        everything = RetentionRules.parse("after_deletion=1s")
        threading.Event().wait(1.1)
        report = prune(
            installation.services, plan(installation.services, rules=everything), actor="test", rules=everything
        )
        (one,) = report.instances
        assert (one.forgotten, one.locked > 0, one.damaged) == (1, True, [])
        assert verify(installation.services).is_good
        rebuilt = installation.with_new_catalog(tmp_path / "again.db")
        assert rebuild(rebuilt.services).disagreements == []
        assert left(installation, instance) == left(rebuilt, instance) == set()
        rebuilt.close()


def test_what_was_hidden_or_overwritten_in_a_locked_bucket_is_mended_and_locked_again(
    s3: S3Server, tmp_path: Path, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(s3, tmp_path / "s3", monkeypatch, ObjectLock(timedelta(days=2))) as made:
        installation = made.with_replicas(MemoryStorage())
        services, storage = installation.services, installation.services.storage
        instance = three_backups(installation, source)
        replicate.replicate(services)
        expected = installation.everything(instance)
        beneath = s3_beneath(storage)
        assert beneath is not None
        bucket = beneath.storage._bucket_name
        hidden, overwritten = [info.name for info in storage.list("packs/")][:2]
        manifest = next(info.name for info in storage.list("manifests/"))
        client = s3.client()
        for name in (hidden, manifest):  # all that the lock leaves to whoever has the worker's credential
            client.delete_object(Bucket=bucket, Key=f"vault/{name}")
        client.put_object(Bucket=bucket, Key=f"vault/{overwritten}", Body=storage.get(overwritten)[:-1] + b"x")
        client.close()
        found = {one.object_name for one in verify(services).findings if one.severity == "error"}
        assert found >= {hidden, overwritten, manifest}
        report = repair(services)
        assert report.is_whole and report.problems == [], report
        assert {one.object_name for one in report.mended} == {hidden, overwritten, manifest}
        assert verify(services).is_good
        for name in (hidden, overwritten, manifest):
            ends = beneath.storage.locked_until(name)
            assert ends is not None and ends > clock.now() + timedelta(days=1), "what takes its place is locked too"
            versions = [version for version in s3.versions(bucket, f"vault/{name}") if not version[2]]
            assert len(versions) >= 2, "the first one may not be deleted"
        assert installation.everything(instance) == expected
        assert installation.backup(instance).status == "successful"


def test_locks_are_extended_while_backups_are_kept_and_not_afterwards(
    s3: S3Server, tmp_path: Path, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(s3, tmp_path / "s3", monkeypatch, ObjectLock(timedelta(minutes=30))) as installation:
        services, storage = installation.services, installation.services.storage
        instance = three_backups(installation, source)
        assert object_locks.extend_locks(services).extended == 0, "more than half of every lock is left"
        prune_to_one(installation)
        retention.set_rules(services, "instance", instance.id, RetentionRules.parse("last=1"), actor="test")
        condemned = {info.name for info in storage.list("packs/")} - live(installation)
        assert condemned
        # Two days later, so to say: the same objects under a policy whose half they have outlived.
        set_lock(storage, ObjectLock(timedelta(days=3)))
        monkeypatch.setattr(object_locks, "now", lambda: clock.now() + timedelta(days=2))
        report = object_locks.extend_locks(services)
        bucket = s3_beneath(storage)
        assert bucket is not None and report.extended > 0 and report.until is not None
        for info in list(storage.list("")):
            ends = bucket.storage.locked_until(info.name)
            if info.name.startswith("keys/"):
                assert ends is None
            elif info.name in condemned or info.name.startswith(("manifests/", "receipts/")):
                pass
            else:
                assert ends is not None and ends > clock.now() + timedelta(days=4), info.name
        for name in condemned:
            ends = bucket.storage.locked_until(name)
            assert ends is not None and ends < clock.now() + timedelta(minutes=31)
        manifests = [bucket.storage.locked_until(info.name) for info in storage.list("manifests/")]
        assert sum(ends is not None and ends > clock.now() + timedelta(days=4) for ends in manifests) == 1
        assert object_locks.extend_locks(services).extended == 0


def live(installation: Installation) -> set[str]:
    from holdfast.catalog import packs
    from holdfast.vault import names

    with installation.services.database.read() as connection:
        return {names.pack(pack.customer_id, pack.object_id) for pack in packs.all_live(connection)}


def _release(s3: S3Server, bucket: str, key: str) -> None:
    """What an operator with the right to bypass can do under GOVERNANCE."""
    client = s3.client()
    past = clock.now() + timedelta(seconds=1)
    client.put_object_retention(
        Bucket=bucket, Key=key, BypassGovernanceRetention=True,
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": past},
    )  # fmt: skip
    client.close()
