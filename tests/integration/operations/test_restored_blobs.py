"""Blobs that are put back: sent piece by piece, read back, and found out where the source has other bytes."""

import hashlib
import random
from collections.abc import Iterator

import pytest

from holdfast import app
from holdfast.catalog.instances import Instance
from holdfast.errors import Damaged, ObjectMissing
from holdfast.vault import names
from tests.support.installation import Installation
from tests.support.restoring import journal, planned, report, restored
from tests.support.writable_source import DOCUMENT, WritableSource, writable

FILES = """
  - name: files
    path: /{{ account }}/files
    records: items
    id: id
    stable: true
    paging: {type: page, query: page}
    record: {path: "/{{ account }}/files/{{ record.id }}"}
    blob: {url: "{{ record.file }}", version: id, content_type: kind, name: name}
    restore:
      create: {path: "/{{ account }}/files", fields: [name, kind]}
      blob: {path: "/{{ account }}/files/{{ record.id }}/file", method: PUT, changes: {file: it has a new one}}
      find: name
      ignored: {made_by: the author is whoever restores}
"""
SIZES = {"small": 11, "large": 9_000_000, "empty": 0}
"""In bytes; the large one is several chunks, and more than a server would take by itself."""


@pytest.fixture
def boards() -> Iterator[WritableSource]:
    with writable() as source:
        for number, (name, size) in enumerate(SIZES.items(), start=801):
            source.put("one/files", id=number, name=name, kind="x/y", file=f"{source.url}/one/files/{number}/file")
            source.files[f"one/files/{number}/file"] = random.Random(number).randbytes(size)
        yield source


@pytest.fixture
def instance(installation: Installation, boards: WritableSource) -> Instance:
    made = installation.instance(DOCUMENT.format(url=boards.url) + FILES)
    assert installation.backup(made).status == "successful"
    return made


def files(source: WritableSource) -> dict[str, bytes]:
    """By name, as whoever follows the address in the record gets them."""
    found = {one["name"]: one["file"].removeprefix(f"{source.url}/") for one in source.all("one/files")}
    return {name: source.files[place] for name, place in found.items()}


def wiped(boards: WritableSource) -> dict[str, bytes]:
    before = files(boards)
    boards.wipe("one/files")
    boards.files.clear()
    boards.log.clear()
    return before


def test_they_come_back_whole_and_are_read_back(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    before = wiped(boards)
    plan = planned(installation, instance, endpoint="files")
    boards.log.clear()
    made = restored(installation, instance, endpoint="files")
    assert (made.status, list(made.failures), made.complete) == ("successful", [], True)
    assert (files(boards) == before, made.counters["without_blob"]) == (True, 0)
    assert made.counters["requests"] == plan.requests == len(boards.log)
    assert sum(one.startswith("GET") and one.endswith("/file") for one in boards.log) == len(SIZES)


def test_other_bytes_than_were_sent_are_found(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    wiped(boards)
    boards.switches.halve_files = True
    made = restored(installation, instance, endpoint="files")
    assert (made.status, made.complete) == ("failed", False)
    assert (made.counters["created"], made.counters["differ"], made.counters["without_blob"]) == (3, 2, 2)
    assert {one["message"] for one in made.failures} == {"read back, it differs in (blob)"}
    told = [one for row in journal(installation, made, "files") for one in row.differences or () if "found" in one]
    assert sorted((one["stored"], one["found"]) for one in told) == [
        ("11 bytes", "5 bytes"), ("9,000,000 bytes", "4,500,000 bytes"),
    ]  # fmt: skip
    assert report(installation, made)["counters"]["without_blob"] == 2


def test_those_that_are_damaged_in_the_vault_fail_and_the_rest_goes_on(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    state = installation.state(instance)
    blobs = [
        installation.browser.blob(state, installation.browser.record(state, "files", key)) for key in ("801", "802")
    ]
    assert len(blobs[1]._places) > 2
    before = wiped(boards)
    for pack in {place.pack for blob in blobs for place in blob._places}:
        installation.services.storage.delete(names.pack(installation.customer.id, pack))
    made = restored(installation, instance, endpoint="files")
    assert (made.status, made.counters["failed"], made.counters["created"]) == ("failed", 2, 1)
    assert [one["record_id"] for one in made.failures] == ["801", "802"]
    assert all("its blob cannot be read" in one["message"] for one in made.failures)
    assert boards.files == {
        one["file"].removeprefix(f"{boards.url}/"): before["empty"]
        for one in boards.all("one/files")
        if one["name"] == "empty"
    }


def test_a_record_that_is_set_back_keeps_a_blob_that_is_as_it_was(
    installation: Installation, boards: WritableSource
) -> None:
    ways = FILES.replace(
        "      blob: {path", '      update: {path: "/{{ account }}/files/{{ record.id }}", fields: [kind]}\n#'
    )
    instance = installation.instance(DOCUMENT.format(url=boards.url) + ways)
    assert installation.backup(instance).status == "successful"
    for key in ("801", "803"):
        boards.records["one/files"][key]["kind"] = "other"
    plan = planned(installation, instance, endpoint="files", on_conflict="overwrite")
    boards.log.clear()
    made = restored(installation, instance, endpoint="files", on_conflict="overwrite")
    assert (made.status, made.complete, made.counters["updated"]) == ("successful", True, 2)
    assert made.counters["requests"] == plan.requests == len(boards.log)
    boards.records["one/files"]["801"]["kind"] = "other"
    boards.files["one/files/801/file"] = b"other bytes"
    made = restored(installation, instance, endpoint="files", on_conflict="overwrite")
    assert (made.status, made.complete, made.counters["without_blob"]) == ("successful", False, 1)


def named_uploads(boards: WritableSource, name: str) -> str:
    """Files of which `meta` tells name and address, as the source makes it; the upload has to tell the name."""
    for record in boards.records["one/files"].values():
        record["meta"] = {"name": record["name"], "url": record["file"]}
    ways = FILES.replace('/file", method: PUT', f'/file", method: PUT, query: {{name: "{name}"}}')
    ways = ways.replace("changes: {", "changes: {meta: set by the upload, ")
    return ways.replace("ignored: {made_by", "ignored: {meta.url: it has a new one, made_by")


def test_an_upload_has_the_whole_record_also_what_is_not_compared(
    installation: Installation, boards: WritableSource
) -> None:
    made = installation.instance(DOCUMENT.format(url=boards.url) + named_uploads(boards, "{{ record.meta.name }}"))
    assert installation.backup(made).status == "successful"
    wiped(boards)
    ended = restored(installation, made, endpoint="files")
    assert (ended.status, list(ended.failures)) == ("successful", [])
    assert sorted(one["name"] for one in boards.queries if one) == sorted(SIZES)


def test_an_upload_of_which_something_is_missing_is_found_before_its_record_is_made(
    installation: Installation, boards: WritableSource
) -> None:
    made = installation.instance(DOCUMENT.format(url=boards.url) + named_uploads(boards, "{{ record.meta.label }}"))
    assert installation.backup(made).status == "successful"
    wiped(boards)
    plan = planned(installation, made, endpoint="files")
    ended = restored(installation, made, endpoint="files")
    assert (plan.total("impossible"), ended.counters["impossible"], boards.writes) == (len(SIZES), len(SIZES), [])
    assert "there is no field `label`" in next(iter(plan.endpoints[0].reasons))
    assert ended.complete is False


def test_a_record_that_is_damaged_in_the_vault_ends_the_plan_before_anything_is_written(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    state = installation.state(instance)
    (place,) = installation.browser.places(state, "files", after=None, limit=1)
    wiped(boards)
    pack = installation.browser.pack_name(place[1])
    installation.services.storage.delete(names.pack(installation.customer.id, pack))
    with app.opened(installation.services.settings) as services:  # which has read nothing of it yet
        again = Installation(services)
        with pytest.raises((Damaged, ObjectMissing), match="packs/"):
            planned(again, instance, endpoint="files")
        made = restored(again, instance, endpoint="files")
    assert (made.status, boards.writes) == ("failed", [])
    assert "packs/" in made.failures[0]["message"]


def test_the_blob_of_a_record_that_is_left_alone_is_compared_by_what_the_record_tells(
    installation: Installation, boards: WritableSource
) -> None:
    """Checksum and size are ignored as fields, since the source counts them."""

    def count() -> None:
        for record in boards.records["one/files"].values():
            content = boards.files[f"one/files/{record['id']}/file"]
            record |= {"sum": f"md5:{hashlib.md5(content).hexdigest()}", "size": len(content)}

    count()
    boards.switches.after_write = count
    ways = FILES.replace("version: id", "version: edited, checksum: sum, size: size")
    ways = ways.replace("{made_by: the", "{sum: it is counted, size: it is counted, made_by: the")
    ways += '      update: {path: "/{{ account }}/files/{{ record.id }}", fields: [name]}\n'
    instance = installation.instance(DOCUMENT.format(url=boards.url) + ways)
    assert installation.backup(instance).status == "successful"
    changed, shortened, untold = (boards.records["one/files"][key] for key in ("801", "802", "803"))
    boards.files["one/files/801/file"] = b"x" * 11
    changed["sum"] = f"md5:{hashlib.md5(b'x' * 11).hexdigest()}"
    del shortened["sum"], untold["sum"]
    shortened["size"] = 1
    options = {"endpoint": "files"}
    plan = planned(installation, instance, **options)
    assert (plan.total("leave"), plan.total("leave_differing"), plan.total("blobs_not_compared")) == (3, 2, 1)
    made = restored(installation, instance, **options)
    numbers = made.counters
    assert (made.complete, numbers["left_differing"], numbers["blobs_not_compared"]) == (False, 2, 1)
    assert any("whether its blob is" in one["why"] for one in report(installation, made)["left_alone"])
    made = restored(installation, instance, on_conflict="overwrite", **options)
    assert (made.status, made.counters["updated"], boards.files["one/files/801/file"] == b"x" * 11) == (
        "successful", 2, False,
    )  # fmt: skip
