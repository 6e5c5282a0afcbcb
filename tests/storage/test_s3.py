"""What only a real S3 server shows, beyond what every storage must do."""

import threading
from datetime import timedelta

import pytest

from holdfast import clock
from holdfast.errors import ObjectLocked, StorageError
from holdfast.storage import Capabilities, Removal, every_name, open_storage, probe, remove, s3_beneath
from holdfast.storage.s3 import BucketFeatures, ObjectLock, S3Storage
from tests.support.radosgw import S3Server

pytestmark = pytest.mark.s3


def test_a_bucket_that_is_not_there_is_named(s3: S3Server) -> None:
    storage = open_storage(s3.url("no-such-bucket"))
    for call in (
        lambda: storage.put("packs/1", b"x"),
        lambda: storage.get("packs/1"),
        lambda: storage.size("packs/1"),
        lambda: list(storage.list("")),
        lambda: storage.delete("packs/1"),
    ):
        with pytest.raises(StorageError, match="no such bucket"):
            call()


def test_a_wrong_key_is_refused_at_once(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = s3.url(s3.make_bucket())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(StorageError) as caught:
        open_storage(url).put("packs/1", b"x")
    assert caught.value.code == "storage_refused"
    assert "not-the-secret" not in str(caught.value)


def test_credentials_that_may_only_append_are_told_from_a_broken_storage(s3: S3Server) -> None:
    bucket = s3.make_bucket()
    s3.deny(bucket, "s3:DeleteObject", "s3:DeleteObjectVersion")
    storage = open_storage(s3.url(bucket))
    assert probe(storage) == Capabilities(deletes=False)
    storage.put("packs/1", b"x")
    with pytest.raises(StorageError) as caught:
        storage.delete("packs/1")
    assert caught.value.code == "storage_refused"
    assert remove(storage, "packs/1") == Removal(is_refused=True)
    assert storage.get("packs/1") == b"x"


def locking(s3: S3Server, bucket: str, lock: ObjectLock, prefix: str = "") -> S3Storage:
    storage = open_storage(s3.url(bucket, prefix))
    found = s3_beneath(storage)
    assert found is not None
    found.storage.lock = lock
    return found.storage


@pytest.mark.parametrize("prefix", ["", "a/vault"])
def test_destroying_takes_every_version_and_nothing_else(s3: S3Server, prefix: str) -> None:
    bucket = s3.make_bucket(versions=True)
    storage = open_storage(s3.url(bucket, prefix))
    for content in (b"1", b"2"):
        storage.put("keys/7/0", content)
        storage.delete("keys/7/0")
    storage.put("keys/7/0", b"3")
    storage.put("keys/7/01", b"another")
    assert every_name(storage, "keys/7/") == ["keys/7/0", "keys/7/01"]
    storage.destroy("keys/7/0")
    storage.destroy("keys/7/0")
    assert [name.removeprefix("a/vault/") for name, _, _ in s3.versions(bucket)] == ["keys/7/01"]
    storage.delete("keys/7/01")
    assert [one.name for one in storage.list("")] == []
    assert every_name(storage, "keys/") == ["keys/7/01"]
    storage.destroy("keys/7/01")
    assert (s3.versions(bucket), every_name(storage, "")) == ([], [])


def test_a_credential_that_may_not_delete_versions_hides_objects_and_says_so(s3: S3Server) -> None:
    bucket = s3.make_bucket(versions=True)
    storage = open_storage(s3.url(bucket))
    storage.put("packs/1", b"x")
    s3.deny(bucket, "s3:DeleteObjectVersion")
    with pytest.raises(StorageError, match="may not delete versions") as caught:
        storage.destroy("packs/1")
    assert caught.value.code == "versions_refused"
    assert remove(storage, "packs/1") == Removal(is_hidden=True)
    assert (list(storage.list("")), every_name(storage, "")) == ([], ["packs/1"])


def test_everything_but_keys_is_locked_and_a_lock_is_a_policy(s3: S3Server) -> None:
    bucket = s3.make_bucket(object_lock=True)
    storage = locking(s3, bucket, ObjectLock(timedelta(days=2), "COMPLIANCE"))
    for name in ("packs/1", "keys/7/0", "exports/7/1", "manifests/7/1"):
        storage.put(name, b"x")
    ends = storage.locked_until("packs/1")
    assert ends is not None and timedelta(hours=47) < ends - clock.now() <= timedelta(days=2)
    assert storage.locked_until("manifests/7/1") is not None
    assert storage.locked_until("keys/7/0") is None
    assert storage.locked_until("exports/7/1") is None
    with pytest.raises(ObjectLocked) as caught:
        storage.destroy("packs/1")
    assert caught.value.until == ends
    assert remove(storage, "packs/1") == Removal(is_locked=True, locked_until=ends)
    assert storage.get("packs/1") == b"x"
    storage.destroy("keys/7/0")
    assert s3.versions(bucket, "keys/") == []
    later = clock.now() + timedelta(days=9)
    storage.extend_lock("packs/1", later)
    extended = storage.locked_until("packs/1")
    assert extended is not None and abs(extended - later) < timedelta(seconds=1)
    assert list(storage.put_before(clock.now() + timedelta(minutes=5))) == [
        "exports/7/1", "manifests/7/1", "packs/1",
    ]  # fmt: skip
    assert list(storage.put_before(clock.now() - timedelta(minutes=5))) == []


def test_a_lock_that_has_ended_keeps_nothing(s3: S3Server) -> None:
    bucket = s3.make_bucket(object_lock=True)
    storage = locking(s3, bucket, ObjectLock(timedelta(seconds=5)))
    storage.put("packs/1", b"x")
    ends = storage.locked_until("packs/1")
    assert ends is not None
    assert remove(storage, "packs/1").is_locked
    while clock.now() <= ends + timedelta(seconds=1):
        threading.Event().wait(0.2)
    assert remove(storage, "packs/1") == Removal()
    assert s3.versions(bucket) == []


def test_the_probe_says_what_a_bucket_is_set_to(s3: S3Server) -> None:
    plain, versioned, lockable = s3.make_bucket(), s3.make_bucket(versions=True), s3.make_bucket(object_lock=True)
    found = [s3_beneath(open_storage(s3.url(bucket))) for bucket in (plain, versioned, lockable)]
    assert [one and one.storage.features() for one in found] == [
        BucketFeatures(False, False), BucketFeatures(True, False), BucketFeatures(True, True),
    ]  # fmt: skip
    s3.deny(plain, "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration")
    assert found[0] is not None and found[0].storage.features() == BucketFeatures(None, None)


def test_a_bucket_in_which_put_if_absent_is_ignored_is_refused_with_the_reason(s3: S3Server) -> None:
    """Ceph 16 ignores it where versions are kept."""
    with pytest.raises(StorageError, match="put-if-absent") as caught:
        probe(open_storage(s3.url(s3.make_bucket(versions=True))))
    assert caught.value.code == "storage_unfit"
    assert "keep versions" in str(caught.value.hint)


def test_a_bucket_that_locks_keys_is_refused(s3: S3Server) -> None:
    bucket = s3.make_bucket(object_lock=True)
    client = s3.client()
    client.put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    client.close()
    with pytest.raises(StorageError, match=r"COMPLIANCE 1 days.*keys must never be locked"):
        probe(open_storage(s3.url(bucket)))
    with pytest.raises(StorageError, match="made without object lock"):
        probe(open_storage(s3.url(s3.make_bucket()) + "&lock_days=3"))
