"""Blobs: fetched once, again only when their declared version changes, owed until they could be had."""

import hashlib
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from holdfast.catalog import schema
from holdfast.catalog.runs import Run
from holdfast.engine import Interrupted
from holdfast.errors import NotFound
from holdfast.operations import definitions
from holdfast.operations.backup.attaching import BlobCommitter
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.verify import verify
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
    assert f"[GET {source.url}/blob/b2]" in run.failures[0]["message"]
    assert "blob: {answers: [{status: 404, means: skip, because: ...}]}" in run.failures[0]["message"]
    with pytest.raises(NotFound, match=r"the blob of record 2 is not here: .* the source answered 404"):
        read(installation, instance, "2")
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


RECHECKED = """
blob: {url: "{{ record.file }}", recheck: 30d}
"""


def grow_old(installation: Installation, days: int) -> None:
    """Let every blob have been asked for so many days earlier."""
    with installation.services.database.write() as connection:
        for table, column in ((schema.blobs, "fetched_at"), (schema.streams, "oldest_blob_at")):
            for row in connection.execute(sa.select(table.c.id, table.c[column])).all():
                earlier = None if row[1] is None else row[1] - timedelta(days=days)
                connection.execute(sa.update(table).where(table.c.id == row[0]).values({column: earlier}))


def test_a_blob_is_asked_for_again_when_it_is_due_and_only_then(
    installation: Installation, source: HostileSource
) -> None:
    put(source, 1, b"one", etag='"1"')
    put(source, 2, b"two", etag='"2"')
    instance = installation.instance(document(source.url, ITEMS + RECHECKED))
    assert installation.backup(instance).counters["blobs"] == 2
    source.blobs["b2"] = StoredBlob(b"two, changed", etag='"3"')
    grow_old(installation, 29)
    run = installation.backup(instance)
    assert (run.counters["packs"], source.requests["/blob/b1"], source.requests["/blob/b2"]) == (0, 1, 1)
    grow_old(installation, 2)
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"], run.counters["unchanged"]) == ("successful", 1, 2), run.failures
    assert {headers.get("If-None-Match") for headers in source.seen_headers[-2:]} == {'"1"', '"2"'}
    assert [read(installation, instance, "2", number) for number in (1, 2, 3)] == [b"two", b"two", b"two, changed"]
    assert read(installation, instance, "1") == b"one"
    run = installation.backup(instance)
    assert (run.counters["packs"], source.requests["/blob/b1"], source.requests["/blob/b2"]) == (0, 2, 2)
    assert verify(installation.services).is_good


def test_equal_bytes_are_no_new_version_although_the_source_cannot_tell(
    installation: Installation, source: HostileSource
) -> None:
    put(source, 1, b"one")
    source.blobs["b1"].etag = None
    instance = installation.instance(document(source.url, ITEMS + RECHECKED))
    installation.backup(instance)
    grow_old(installation, 31)
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"], run.counters["packs"]) == ("successful", 0, 0), run.failures
    assert source.requests["/blob/b1"] == 2
    installation.backup(instance)
    assert source.requests["/blob/b1"] == 2


def test_a_blob_that_cannot_be_asked_for_again_fails_the_run_and_stays(
    installation: Installation, source: HostileSource
) -> None:
    put(source, 1, b"one", etag='"1"')
    instance = installation.instance(document(source.url, ITEMS + RECHECKED))
    installation.backup(instance)
    grow_old(installation, 31)
    kept = source.blobs.pop("b1")
    run = installation.backup(instance)
    assert (run.status, [one["record_id"] for one in run.failures]) == ("failed", ["1"])
    assert read(installation, instance, "1") == b"one"
    source.blobs["b1"] = kept
    assert installation.backup(instance).status == "successful"


def test_never_is_never(installation: Installation, source: HostileSource) -> None:
    put(source, 1, b"one", etag='"1"')
    instance = installation.instance(document(source.url, ITEMS + RECHECKED.replace("30d", "never")))
    installation.backup(instance)
    grow_old(installation, 5_000)
    installation.backup(instance)
    assert source.requests["/blob/b1"] == 1


def stopped_behind_a_commit(installation: Installation, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a backup whose worker stops as soon as a part of a blob is committed."""
    commit, stopping = BlobCommitter.commit_blobs, installation.services.engine.stopping

    def stop_behind(self: BlobCommitter, *given: Any) -> None:
        commit(self, *given)
        stopping.set()

    monkeypatch.setattr(BlobCommitter, "commit_blobs", stop_behind)
    with pytest.raises(Interrupted):
        run_backup(installation.services, run.id)
    monkeypatch.undo()
    stopping.clear()


@pytest.mark.parametrize("changes", [False, True])
def test_a_large_blob_goes_on_after_a_crash_where_it_was(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch, changes: bool
) -> None:
    data = content(1, 40_000_000)
    put(source, 1, data, etag='"1"')
    instance = installation.instance(document(source.url, ITEMS + BLOB.replace("etag", "updated_at")))
    run, _ = request_backup(installation.services, instance.id)
    stopped_behind_a_commit(installation, run, monkeypatch)
    if changes:
        data = content(2, 40_000_000)
        source.blobs["b1"] = StoredBlob(data, etag='"2"')
    run_backup(installation.services, run.id)
    assert installation.run(run.id).status == "successful", installation.run(run.id).failures
    assert read(installation, instance, "1") == data
    asked = [part for path, part in zip(source.log, source.ranges, strict=True) if path == "/blob/b1"]
    assert asked[0] == ""
    assert int(asked[1].removeprefix("bytes=").rstrip("-")) >= 8_000_000
    assert asked[2:] == ([""] if changes else [])
    assert verify(installation.services).is_good


CHECKED = 'blob: {url: "{{ record.file }}", version: [etag], checksum: sha256}\n'


def test_other_bytes_than_the_record_announces_are_no_blob(installation: Installation, source: HostileSource) -> None:
    put(source, 1, b"the file", sha256=f"sha256:{hashlib.sha256(b'the file').hexdigest()}")
    put(source, 2, b"unchecked", sha256=None)
    source.blobs["b1"] = StoredBlob(b'{"name": "the file"}', "application/json", "1")
    instance = installation.instance(document(source.url, ITEMS + CHECKED))
    run = installation.backup(instance)
    assert (run.status, [one["code"] for one in run.failures]) == ("failed", ["checksum_differs"])
    assert not installation.browser.record(installation.state(instance), "items", "1").has_blob
    assert read(installation, instance, "2") == b"unchecked"
    source.blobs["b1"] = StoredBlob(b"the file", "text/x-test", "1")
    assert installation.backup(instance).status == "successful"
    assert read(installation, instance, "1") == b"the file"


@pytest.mark.parametrize("lies", [False, True], ids=["the same", "other bytes under the same etag"])
def test_what_a_crash_left_of_a_blob_counts_in_its_checksum(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch, lies: bool
) -> None:
    data = content(1, 40_000_000)
    put(source, 1, content(2, 40_000_000) if lies else data, etag='"1"', sha256=hashlib.sha256(data).hexdigest())
    instance = installation.instance(document(source.url, ITEMS + CHECKED))
    run, _ = request_backup(installation.services, instance.id)
    stopped_behind_a_commit(installation, run, monkeypatch)
    source.blobs["b1"] = StoredBlob(data, "text/x-test", '"1"')
    run_backup(installation.services, run.id)
    assert installation.run(run.id).status == "successful", installation.run(run.id).failures
    assert read(installation, instance, "1") == data
    assert [part == "" for part in source.ranges if part is not None][-1] is lies


def test_a_definition_that_gains_or_mends_a_blob_fetches_those_of_unchanged_records(
    installation: Installation, source: HostileSource
) -> None:
    put(source, 1, b"one")
    put(source, 2, b"two")
    source.put("items", make_record(9))
    instance = installation.instance(document(source.url, ITEMS))

    def revised(blob: str) -> tuple[str, int, int, int]:
        definitions.set_document(installation.services, instance.definition_id, document(source.url, ITEMS + blob))
        before = sum(source.requests.values())
        run = installation.backup(instance)
        return run.status, run.counters["unchanged"], run.counters["blobs"], sum(source.requests.values()) - before

    installation.backup(instance)
    assert revised(BLOB) == ("successful", 3, 2, 3)
    assert (read(installation, instance, "1"), read(installation, instance, "2")) == (b"one", b"two")
    assert revised(BLOB) == ("successful", 3, 0, 1)
    # What decides which bytes come is another: everything is fetched anew, and what is the same makes no version.
    source.blobs["b1"] = StoredBlob(b"mended", "text/x-test", "1")
    assert revised(BLOB.replace("name: name", "headers: {Accept: text/x-test}"))[:3] == ("successful", 3, 1)
    assert read(installation, instance, "1") == b"mended"
    # What only describes them is not.
    described = BLOB.replace("name: name", "headers: {Accept: text/x-test}, name: name, size: size")
    assert revised(described) == ("successful", 3, 0, 1)
    # Taken out and put in again: what came meanwhile is fetched, and the others are asked for too.
    assert revised("")[:3] == ("successful", 3, 0)
    put(source, 3, b"three")
    assert revised("")[:3] == ("successful", 3, 0)
    assert revised(BLOB)[:3] == ("successful", 4, 1)
    assert read(installation, instance, "3") == b"three"
    assert verify(installation.services).is_good


def test_what_a_mended_blob_asks_for_is_owed_where_it_cannot_be_had(
    installation: Installation, source: HostileSource
) -> None:
    for number in range(1, 4):
        put(source, number, b"some")
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    definitions.set_document(installation.services, instance.definition_id, document(source.url, ITEMS + BLOB))
    kept = source.blobs.pop("b2")
    run = installation.backup(instance)
    assert (run.status, [one["record_id"] for one in run.failures]) == ("failed", ["2"])
    source.blobs["b2"] = kept
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"]) == ("successful", 1)


def test_a_large_blob_takes_memory_for_a_part_of_it(installation: Installation, source: HostileSource) -> None:
    data = content(1, 150_000_000)
    put(source, 1, data, etag='"1"')
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    tracemalloc.start()
    try:
        run = installation.backup(instance)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (run.status, run.counters["blobs"]) == ("successful", 1), run.failures
    assert peak < 80_000_000
