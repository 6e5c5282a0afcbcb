from collections.abc import Iterator

import pytest

from holdfast.errors import ObjectExists, ObjectMissing, StorageError, StorageUnavailable
from holdfast.storage import open_storage, probe
from holdfast.storage.object_store import ObjectStorage
from holdfast.storage.providers import open_bucket
from holdfast.storage.retrying import RetryingStorage
from tests.support.s3_lookalike import S3Lookalike, s3_lookalike


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Lookalike]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key")
    with s3_lookalike() as server:
        yield server


@pytest.fixture
def storage(s3: S3Lookalike) -> ObjectStorage:
    return open_bucket(s3.url())


def test_an_object_costs_one_request_to_put_and_one_to_read(s3: S3Lookalike, storage: ObjectStorage) -> None:
    storage.put("packs/1", b"0123456789")
    assert storage.get("packs/1") == b"0123456789"
    assert storage.get("packs/1", 2, 3) == b"234"
    assert storage.get("packs/1", 8, 5) == b"89"
    assert s3.requests == ["PUT /bucket/packs/1"] + ["GET /bucket/packs/1"] * 3


def test_a_put_whose_answer_was_lost_succeeds_the_second_time(s3: S3Lookalike, storage: ObjectStorage) -> None:
    lost = iter([True, False])
    s3.loses_answer = lambda method: method == "PUT" and next(lost)
    RetryingStorage(storage, sleep=lambda pause: None).put("packs/1", b"mine")
    assert s3.objects == {"packs/1": b"mine"}
    assert [request.partition(" ")[0] for request in s3.requests] == ["PUT", "PUT", "HEAD", "GET"]


def test_other_bytes_are_found_out_by_their_size_alone(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.objects["packs/1"] = b"theirs"
    with pytest.raises(ObjectExists):
        storage.put("packs/1", b"mine")
    assert [request.partition(" ")[0] for request in s3.requests] == ["PUT", "HEAD"]


def test_a_conflict_over_an_object_that_is_not_there_yet_passes(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.answer = lambda method: (409, b"<Error><Code>Conflict</Code></Error>") if method == "PUT" else None
    with pytest.raises(StorageUnavailable, match="written or deleted by others"):
        storage.put("packs/1", b"mine")


def test_a_body_that_ends_early_is_no_object(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.objects["packs/1"] = b"0123456789"
    s3.cuts_bodies = True
    with pytest.raises(StorageUnavailable):
        storage.get("packs/1")
    with pytest.raises(StorageUnavailable):
        storage.get("packs/1", 1, 5)


def test_a_server_that_ignores_ranges_is_not_asked_again(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.objects["packs/1"] = b"0123456789"
    s3.ignores_ranges = True
    with pytest.raises(StorageError, match="non-partial") as caught:
        storage.get("packs/1", 1, 5)
    assert not caught.value.retryable


def test_a_listing_out_of_order_is_no_listing(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.objects.update({"a/b": b"", "a-b": b"", "a.b": b""})
    s3.order = lambda name: name.replace("/", " ")
    with pytest.raises(StorageError, match="behind") as caught:
        list(storage.list(""))
    assert caught.value.code == "storage_unfit"


def test_a_folder_that_no_object_can_have_is_not_asked_for(s3: S3Lookalike, storage: ObjectStorage) -> None:
    assert list(storage.list("a//b")) == []
    assert s3.requests == []


def test_an_empty_range_still_finds_out_whether_the_object_is_there(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.objects["packs/1"] = b"x"
    assert storage.get("packs/1", 0, 0) == b""
    with pytest.raises(ObjectMissing):
        storage.get("packs/2", 0, 0)


def test_a_server_that_knows_no_put_is_not_taken_for_a_missing_object(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.answer = lambda _: (404, b"nginx")
    with pytest.raises(StorageError, match="takes no objects") as caught:
        storage.put("packs/1", b"x")
    assert not isinstance(caught.value, ObjectMissing)


def test_objects_of_others_are_not_listed(s3: S3Lookalike, storage: ObjectStorage) -> None:
    s3.objects.update({"packs/1": b"x", "Packs/2": b"x", "packs/A": b"x", "packs/x y": b"x"})
    assert [info.name for info in storage.list("")] == ["packs/1"]


def test_a_missing_bucket_is_not_a_missing_object(s3: S3Lookalike, storage: ObjectStorage) -> None:
    # As a server does it: no body in the answer to HEAD.
    s3.answer = lambda _: (404, b"<Error><Code>NoSuchBucket</Code></Error>")
    for call in (
        lambda: storage.get("packs/1"),
        lambda: storage.size("packs/1"),
        lambda: storage.put("packs/1", b"x"),
        lambda: storage.delete("packs/1"),
        lambda: list(storage.list("")),
    ):
        with pytest.raises(StorageError, match="no such bucket") as caught:
            call()
        assert not isinstance(caught.value, ObjectMissing)
        assert caught.value.code == "storage_no_bucket"


def test_a_refused_delete_is_told(s3: S3Lookalike, storage: ObjectStorage) -> None:
    storage.put("packs/1", b"x")
    s3.answer = lambda _: (403, b"<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(StorageError) as caught:
        storage.delete("packs/1")
    assert caught.value.code == "storage_refused"


def test_no_answer_is_worth_another_try_and_the_message_tells_no_secret(s3: S3Lookalike) -> None:
    storage = open_bucket("s3://bucket?endpoint=http://127.0.0.1:1&region=us-east-1")
    with pytest.raises(StorageUnavailable) as caught:
        list(storage.list(""))
    assert "a-secret-key" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_probe_refuses_a_server_that_ignores_conditions(s3: S3Lookalike) -> None:
    s3.overwrites = True
    with pytest.raises(StorageError, match="put-if-absent") as caught:
        probe(open_storage(s3.url()))
    assert caught.value.code == "storage_unfit"
    assert s3.objects == {}


def test_the_probe_takes_a_server_that_keeps_its_promises(s3: S3Lookalike) -> None:
    assert probe(open_storage(s3.url())).deletes
