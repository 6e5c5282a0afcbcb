"""Blobs: fetched once, again only when their declared version changes, owed until they could be had."""

import hashlib

from tests.support.documents import ITEMS, document
from tests.support.hostile_source import HostileSource, StoredBlob, make_record
from tests.support.installation import Installation

BLOB = """
blob: {url: "{{ record.file }}", version: [etag], name: name}
"""


def content(seed: int, size: int) -> bytes:
    return hashlib.shake_128(str(seed).encode()).digest(size)


def put(source: HostileSource, number: int, data: bytes, etag: str = "1", **more: object) -> None:
    source.blobs[f"b{number}"] = StoredBlob(data, "text/x-test", etag)
    record = make_record(number, file=f"{source.url}/blob/b{number}", etag=etag, name=f"file{number}.txt", **more)
    source.put("items", record)


def read(installation: Installation, instance: object, key: str, sequence: int | None = None) -> bytes:
    state = installation.state(instance, sequence)  # type: ignore[arg-type]
    record = installation.browser.record(state, "items", key)
    return b"".join(installation.browser.blob(state, record).read())


def test_blobs_are_stored_with_name_and_type(installation: Installation, source: HostileSource) -> None:
    for number, size in enumerate((0, 1, 70_000, 6_000_000), start=1):
        put(source, number, content(number, size))
    source.put("items", make_record(9))
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"]) == ("successful", 4), run.failures
    state = installation.state(instance)
    for number in (1, 2, 3, 4):
        record = installation.browser.record(state, "items", str(number))
        blob = installation.browser.blob(state, record)
        assert b"".join(blob.read()) == source.blobs[f"b{number}"].data
        assert (blob.descriptor.name, blob.descriptor.content_type) == (f"file{number}.txt", "text/x-test")
    assert (
        b"".join(installation.browser.blob(state, record).read(1_000_000, 5)) == content(4, 6_000_000)[1_000_000:][:5]
    )
    assert not installation.browser.record(state, "items", "9").has_blob


def test_a_blob_is_fetched_again_only_when_its_version_changes(
    installation: Installation, source: HostileSource
) -> None:
    put(source, 1, b"one")
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    installation.backup(instance)
    put(source, 1, b"one", title="edited")
    assert installation.backup(instance).counters["changed"] == 1
    assert source.requests["/blob/b1"] == 1
    assert read(installation, instance, "1", 2) == b"one"
    put(source, 1, b"two", etag="2")
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"], source.requests["/blob/b1"]) == ("successful", 1, 2)
    assert (read(installation, instance, "1", 2), read(installation, instance, "1", 3)) == (b"one", b"two")


def test_equal_content_is_stored_once(installation: Installation, source: HostileSource) -> None:
    data = content(1, 3_000_000)
    for number in range(1, 6):
        put(source, number, data)
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    installation.backup(instance)
    stored = sum(info.size_bytes for info in installation.services.storage.list("packs/"))
    assert stored < 1.2 * len(data)


def test_a_blob_that_fails_is_owed_and_paid_by_the_next_run(installation: Installation, source: HostileSource) -> None:
    put(source, 1, b"one")
    put(source, 2, b"two")
    kept = source.blobs.pop("b2")
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [(one["endpoint"], one["record_id"]) for one in run.failures] == [("items", "2")]
    assert read(installation, instance, "1") == b"one"
    source.blobs["b2"] = kept
    run = installation.backup(instance)
    assert (run.status, run.counters["unchanged"], run.counters["blobs"]) == ("successful", 2, 1)
    assert read(installation, instance, "2") == b"two"


def test_the_debt_goes_with_the_record(installation: Installation, source: HostileSource) -> None:
    put(source, 1, b"one")
    put(source, 2, b"two")
    source.blobs.pop("b2")
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    assert installation.backup(instance).status == "failed"
    source.remove("items", 2)
    assert installation.backup(instance).status == "successful"
