"""A real Kinto server, backed up with the built-in definition, record for record and file for file what Kinto says.

What Kinto says is read by an independent client; of each test the bucket is its own.
"""

import hashlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo import content
from demo.content import COLLECTIONS

from holdfast.catalog.instances import Instance
from holdfast.definitions import library
from holdfast.operations import instances
from holdfast.operations.compare import compare
from tests.support.installation import Installation, installed
from tests.support.kinto import Kinto
from tests.support.restoring import planned, restored

Records = dict[str, dict[str, Any]]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made


@pytest.fixture
def instance(installation: Installation, kinto: Kinto, kinto_bucket: str) -> Instance:
    """A bucket with 330 records, 9 of them with files, and an instance that backs it up."""
    content.fill(kinto.client, records=330, attachments=9, bucket=kinto_bucket)
    return installation.instance(
        library.read("kinto"),
        server=kinto.url, bucket=kinto_bucket, username=kinto.server.user, password=kinto.server.password,
    )  # fmt: skip


def _at_source(kinto: Kinto, bucket: str, collections: tuple[str, ...] = COLLECTIONS) -> Records:
    """Every record by the key that Holdfast gives it."""
    return {
        f"{collection}~{key}": record
        for collection in collections
        for key, record in kinto.client.records(bucket, collection).items()
    }


def _stored(installation: Installation, instance: Instance, sequence: int | None = None) -> Records:
    return {key: json.loads(raw) for key, raw in installation.records(instance, "records", sequence).items()}


def _blob(installation: Installation, instance: Instance, key: str, sequence: int | None = None) -> bytes:
    state = installation.state(instance, sequence)
    record = installation.browser.record(state, "records", key)
    return b"".join(installation.browser.blob(state, record).read())


def _assert_files_equal(installation: Installation, instance: Instance, records: Records) -> None:
    """Every file that the source still has is the one stored, byte for byte."""
    for key, record in records.items():
        if "attachment" in record:
            stored = _blob(installation, instance, key)
            assert hashlib.sha256(stored).hexdigest() == record["attachment"]["hash"], key
            with urllib.request.urlopen(record["attachment"]["location"]) as served:
                assert served.read() == stored


def test_the_first_backup_holds_every_record_and_file(
    installation: Installation, instance: Instance, kinto: Kinto, kinto_bucket: str
) -> None:
    run = installation.backup(instance)
    assert (run.status, run.failures) == ("successful", [])
    source = _at_source(kinto, kinto_bucket)
    assert _stored(installation, instance) == source
    assert len(source) == 330
    _assert_files_equal(installation, instance, source)
    assert set(installation.records(instance, "collections")) == set(COLLECTIONS)
    assert kinto.server.attachments.credentials_seen == []


def test_a_second_backup_takes_just_what_changed_and_keeps_what_was(
    installation: Installation, instance: Instance, kinto: Kinto, kinto_bucket: str
) -> None:
    before = _at_source(kinto, kinto_bucket)
    installation.backup(instance)
    replaced = f"{COLLECTIONS[0]}~r000000"
    old_file = _blob(installation, instance, replaced)

    changes = content.change(kinto.client, bucket=kinto_bucket)
    run = installation.backup(instance)
    after = _at_source(kinto, kinto_bucket)
    assert (run.status, run.failures) == ("successful", [])
    assert {name: run.counters[name] for name in ("new", "changed", "deleted")} == {
        "new": len(changes.added), "changed": len(changes.edited), "deleted": len(changes.deleted),
    }  # fmt: skip
    assert _stored(installation, instance) == after
    _assert_files_equal(installation, instance, after)
    found = list(compare(installation.services, installation.state(instance, 1), installation.state(instance, 2)))
    assert {(change.kind, change.key) for change in found} == {
        (kind, f"{changes.collection}~{key}")
        for kind, keys in (("added", changes.added), ("changed", changes.edited), ("deleted", changes.deleted))
        for key in keys
    }

    assert _stored(installation, instance, 1) == before
    assert _blob(installation, instance, replaced, 1) == old_file == content.attachment(0)
    assert _blob(installation, instance, replaced) == content.attachment(1_000_000)


def test_unchanged_data_writes_nothing_and_a_full_listing_agrees_with_the_deltas(
    installation: Installation, instance: Instance, kinto: Kinto, kinto_bucket: str
) -> None:
    installation.backup(instance)
    content.change(kinto.client, bucket=kinto_bucket)
    installation.backup(instance)
    from_deltas = _stored(installation, instance)
    requested = len(kinto.server.attachments.requested)
    for full in (False, True):
        run = installation.backup(instance, full=full)
        assert run.status == "successful"
        assert {run.counters[name] for name in ("new", "changed", "deleted", "blobs", "packs")} == {0}
        assert _stored(installation, instance) == from_deltas
    assert len(kinto.server.attachments.requested) == requested
    assert from_deltas == _at_source(kinto, kinto_bucket)


def test_a_collection_that_comes_later_brings_its_old_records_and_one_that_goes_takes_them(
    installation: Installation, instance: Instance, kinto: Kinto, kinto_bucket: str
) -> None:
    installation.backup(instance)
    kinto.client.make_collections(kinto_bucket, ["archive"])
    kinto.client.add(kinto_bucket, "archive", {f"a{i}": content.record("archive", i) for i in range(120)})
    kinto.client.delete_collection(kinto_bucket, COLLECTIONS[1])
    run = installation.backup(instance)
    assert (run.status, run.failures) == ("successful", [])
    remaining = ("archive", COLLECTIONS[0], COLLECTIONS[2])
    assert _stored(installation, instance) == _at_source(kinto, kinto_bucket, remaining)
    assert len(_stored(installation, instance, 1)) == 330


def test_a_refused_credential_fails_and_loses_nothing(
    installation: Installation, instance: Instance, kinto: Kinto, kinto_bucket: str
) -> None:
    installation.backup(instance)
    before = _stored(installation, instance)
    instances.set_variables(installation.services, instance, {"password": "wrong"})
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [failure["code"] for failure in run.failures] == ["credential_refused"]
    assert _stored(installation, instance) == before
    instances.set_variables(installation.services, instance, {"password": kinto.server.password})
    assert installation.backup(instance).status == "successful"


def _served(record: dict[str, Any]) -> bytes:
    with urllib.request.urlopen(record["attachment"]["location"]) as answer:
        content: bytes = answer.read()
        return content


def _forget_the_new_file(record: dict[str, Any], before: dict[str, Any], content: bytes) -> None:
    """The file is the same; its address, and the timestamp that Kinto gives with it, are new."""
    assert _served(record) == content
    record["attachment"]["location"] = before["attachment"]["location"]
    record["last_modified"] = before["last_modified"]


def test_what_was_wiped_is_restored_with_its_ids_timestamps_and_files(
    installation: Installation, instance: Instance, kinto: Kinto, kinto_bucket: str
) -> None:
    assert installation.backup(instance).status == "successful"
    before = _at_source(kinto, kinto_bucket)
    files = {key: _served(record) for key, record in before.items() if "attachment" in record}
    first, *others = COLLECTIONS
    kinto.client.delete_collection(kinto_bucket, first)
    gone = [key for key in before if key.split("~")[0] == others[0]][:20]
    for key in gone:
        kinto.client.delete(kinto_bucket, others[0], before[key]["id"])
    wiped = {key for key in before if key.split("~")[0] == first} | set(gone)
    plan = planned(installation, instance)
    assert (plan.total("create"), plan.total("leave")) == (len(wiped) + 1, len(before) - len(wiped) + len(others))
    made = restored(installation, instance)
    assert [one["message"] for one in made.failures] == []
    assert made.status == "successful"
    assert made.counters["created"] == len(wiped) + 1
    now = _at_source(kinto, kinto_bucket)
    for key, record in now.items():
        if "attachment" in record:
            _forget_the_new_file(record, before[key], files[key])
    assert now == before

    empty = f"{kinto_bucket}-again"
    kinto.client.make_collections(empty, [])
    other = instances.create(
        installation.services, installation.customer.id, instance.definition_id, label="other",
        given={"server": kinto.url, "bucket": empty, "username": kinto.server.user, "password": kinto.server.password},
    )  # fmt: skip
    made = restored(installation, instance, to=other)
    assert (made.status, made.counters["created"]) == ("successful", len(before) + len(COLLECTIONS))
    again = _at_source(kinto, empty)
    for key, record in again.items():
        if "attachment" in record:
            _forget_the_new_file(record, before[key], files[key])
    assert again == before
