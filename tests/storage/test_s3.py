"""What only a real S3 server shows, beyond what every storage must do."""

import json
from datetime import timedelta

import pytest

from holdfast import clock
from holdfast.errors import ObjectMissing, StorageError
from holdfast.storage import Capabilities, open_storage, probe
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
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    client = s3.client()
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    client.close()
    storage = open_storage(s3.url(bucket))
    assert probe(storage) == Capabilities(deletes=False)
    storage.put("packs/1", b"x")
    with pytest.raises(StorageError) as caught:
        storage.delete("packs/1")
    assert caught.value.code == "storage_refused"
    assert storage.get("packs/1") == b"x"


def test_a_locked_bucket_takes_objects_and_keeps_their_versions(s3: S3Server) -> None:
    bucket = s3.make_bucket(object_lock=True)
    client = s3.client()
    client.put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    storage = open_storage(s3.url(bucket))
    storage.put("packs/1", b"x")
    storage.delete("packs/1")
    # The store has put a marker over it: gone for readers, there for whoever asks for the version.
    with pytest.raises(ObjectMissing):
        storage.get("packs/1")
    (version,) = client.list_object_versions(Bucket=bucket)["Versions"]
    retention = client.get_object_retention(Bucket=bucket, Key="packs/1", VersionId=version["VersionId"])
    assert retention["Retention"]["RetainUntilDate"] > clock.now() + timedelta(hours=23)
    client.close()
