"""Exports: bytes as stored, tables that open in a spreadsheet, blobs under safe names, a manifest with proof."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import IO, Any

import pytest
import sqlalchemy as sa

from holdfast.catalog.instances import Instance
from holdfast.catalog.schema import current
from holdfast.errors import Damaged, InputError
from holdfast.operations.export import ExportReport, write_export
from holdfast.operations.export.folder import Folder
from holdfast.operations.export.paths import safe_name
from holdfast.operations.export.zipping import FastZip
from tests.support.documents import ITEMS, document
from tests.support.hostile_source import HostileSource, StoredBlob, make_record
from tests.support.installation import Installation

BLOB = 'blob: {url: "{{ record.file }}", version: [etag], name: name}\n'


def exported(installation: Installation, instance: Instance, **options: Any) -> tuple[zipfile.ZipFile, ExportReport]:
    target = io.BytesIO()
    report = write_export(installation.browser, installation.state(instance), target, **options)
    archive = zipfile.ZipFile(target)
    assert archive.testzip() is None
    return archive, report


def test_a_record_that_no_table_can_take_apart_stands_in_it_as_json(
    installation: Installation, source: HostileSource
) -> None:
    odd = {
        "deep": b'{"id": "deep", "n": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        "deeper": b'{"id": "deeper", "n": ' + b'{"a": ' * 400 + b"1" + b"}" * 400 + b"}",
        "digits": b'{"id": "digits", "n": ' + b"9" * 5_000 + b"}",
        "plain": b'{"id": "plain", "n": 1}',
    }
    source.collections["items"] = odd
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    archive, report = exported(installation, instance, formats=["csv"])
    assert not report.failures
    csv.field_size_limit(1_000_000)
    rows = csv.DictReader(io.StringIO(archive.read("csv/items.csv").decode("utf-8-sig"), newline=""))
    found = {row["record_id"]: row for row in rows}
    assert (found["plain"]["n"], found["digits"]["n"]) == ("1", "9" * 5_000)
    for name in ("deep", "deeper"):
        assert (found[name]["n"], found[name]["more_fields"]) == ("", odd[name].decode())


def test_json_lines_are_the_stored_bytes(installation: Installation, source: HostileSource) -> None:
    source.put("items", b'{"id": "a", "n": 1.00, "big": 123456789012345678901}')
    source.put("items", b'{"id": "b",\n "text": "line\\nbreak", "lone": "\\ud800"}')
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    archive, report = exported(installation, instance, formats=["json"])
    lines = archive.read("json/items.jsonl").splitlines()
    assert lines == [
        source.collections["items"]["a"],
        source.collections["items"]["b"].replace(b"\n", b" "),
    ]
    assert (report.records_processed, report.records_failed) == (2, 0)


def test_tables_follow_their_rules(installation: Installation, source: HostileSource) -> None:
    source.put("items", {"id": 1, "name": "=1+1", "deep": {"x": None, "y": [1, {"z": 2}]}, "ok": True, "n": -5})
    source.put("items", b'{"id": 2, "name": "K\xc3\xb6ln, \\"quoted\\"", "late": "@x", "price": 1.10}')
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    archive, _ = exported(installation, instance, formats=["csv"])
    data = archive.read("csv/items.csv")
    assert data.startswith(b"\xef\xbb\xbf")
    head, first, second = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert head == ["record_id", "id", "name", "deep.x", "deep.y", "ok", "n", "late", "price"]
    assert first == ["1", "1", "'=1+1", "", '[1, {"z": 2}]', "true", "-5", "", ""]
    assert second == ["2", "2", 'Köln, "quoted"', "", "", "", "", "'@x", "1.10"]


def test_blobs_lie_under_safe_names_and_can_be_chosen_by_type(
    installation: Installation, source: HostileSource
) -> None:
    names = {"1": "../../etc/passwd", "2": "report.pdf", "3": "CON"}
    for key, name in names.items():
        kind = "application/pdf" if key == "2" else "text/plain"
        source.blobs[f"b{key}"] = StoredBlob(f"blob {key}".encode(), kind, "1")
        source.put("items", {"id": key, "file": f"{source.url}/blob/b{key}", "etag": "1", "name": name})
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    installation.backup(instance)
    archive, report = exported(installation, instance, formats=["blobs"])
    found = [name for name in archive.namelist() if name.startswith("blobs/")]
    assert len(found) == report.blobs == 3
    assert all(len(Path(name).parts) == 4 and ".." not in Path(name).parts for name in found)
    assert archive.read("blobs/items/2/report.pdf") == b"blob 2"
    archive, report = exported(installation, instance, formats=["blobs"], content_types=["application/"])
    assert report.blobs == 1


def test_a_folder_has_what_a_zip_has(installation: Installation, source: HostileSource, tmp_path: Path) -> None:
    source.blobs["b"] = StoredBlob(b"picture", "image/png", "1")
    for key in ("a", "B", "\N{GRINNING FACE}" * 100):
        source.put("items", {"id": key, "file": f"{source.url}/blob/b", "etag": "1", "name": f"{key}.png"})
    source.put("items", {"id": "plain"})
    instance = installation.instance(document(source.url, ITEMS + BLOB))
    installation.backup(instance)
    archive, in_zip = exported(installation, instance)
    folder = tmp_path / "export"
    folder.mkdir()
    in_folder = write_export(installation.browser, installation.state(instance), folder)
    assert (in_folder.records_processed, in_folder.blobs) == (in_zip.records_processed, in_zip.blobs) == (4, 3)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files.keys() == set(archive.namelist())
    assert all(files[name] == archive.read(name) for name in files if name != "manifest.json")
    told = [json.loads(data)["files"] for data in (files["manifest.json"], archive.read("manifest.json"))]
    assert told[0] == told[1]


def test_a_folder_keeps_neither_half_a_file_nor_one_under_anothers_name(tmp_path: Path) -> None:
    """Names are the same, too, for a file system that does not tell upper from lower case."""
    with Folder(tmp_path) as folder:
        with folder.new_file("blobs/a") as file:
            file.write(b"first")
        with pytest.raises(InputError, match="name of another file"), folder.new_file("blobs/a") as file:
            file.write(b"second")
        with pytest.raises(Damaged), folder.new_file("blobs/b") as file:
            file.write(b"half of it")
            raise Damaged("the rest is damaged", object_name="pack")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "blobs").iterdir()] == [("a", b"first")]


def test_the_manifest_has_counts_and_digests(installation: Installation, source: HostileSource) -> None:
    for number in range(25):
        source.put("items", {"id": number})
    instance = installation.instance(document(source.url, ITEMS))
    run = installation.backup(instance)
    archive, _ = exported(installation, instance)
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["backup_id"], manifest["backup_number"], manifest["records"]) == (run.id, 1, 25)
    assert {file["name"]: file["records"] for file in manifest["files"]} == {
        "json/items.jsonl": 25,
        "csv/items.csv": 25,
    }
    for file in manifest["files"]:
        assert hashlib.sha256(archive.read(file["name"])).hexdigest() == file["sha256"]


def test_files_are_compressed_by_the_fast_compressor() -> None:
    with FastZip(io.BytesIO()) as archive, archive.new_file("x") as file:
        assert "isal" in type(file.compressor).__module__


def test_a_row_that_points_to_another_records_bytes_is_damage(
    installation: Installation, source: HostileSource
) -> None:
    for number in range(1, 6):
        source.put("items", make_record(number))
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    with installation.services.database.write() as connection:
        there = {row.record_key: row for row in connection.execute(sa.select(current))}
        for key, other in (("2", "3"), ("3", "2")):
            place = {name: getattr(there[other], name) for name in ("pack", "frame", "start", "length")}
            connection.execute(sa.update(current).where(current.c.record_key == key).values(**place))
    with pytest.raises(Damaged, match="other bytes for record 2"):
        installation.browser.record(installation.state(instance), "items", "2")
    _, report = exported(installation, instance, formats=["csv"])
    assert [one["record_id"] for one in report.failures] == ["2", "3"] and report.records_processed == 3


class Pipe(io.RawIOBase):
    """Takes bytes and knows no place."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._target.write(data)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("seekable", [True, False])
def test_what_is_written_is_a_plain_zip(compressed: bool, seekable: bool, tmp_path: Path) -> None:
    pieces = [b"some bytes " * 10_000, b"", b"others" * 10_000]
    target = tmp_path / "x.zip"
    with target.open("wb") as file, FastZip(file if seekable else Pipe(file), compressed=compressed) as archive:
        for name in ("a.txt", "b.txt"):
            with archive.new_file(name) as new:
                for piece in pieces:
                    new.write(piece)
        archive.writestr("manifest.json", "{}")
    with zipfile.ZipFile(target) as read:
        assert read.testzip() is None
        assert read.read("a.txt") == read.read("b.txt") == b"".join(pieces)
        sizes = [read.getinfo("a.txt").compress_size, read.getinfo("a.txt").file_size]
        assert sizes[1] == len(b"".join(pieces)) and (sizes[0] < 2_000 if compressed else sizes[0] == sizes[1])


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "a\\b", ".hidden", "con", "x" * 500, "a:b", "\ud800", "a ", "\U0001f600" * 90]
)
def test_a_safe_name_is_one_segment_and_unlike_any_other(text: str) -> None:
    name = safe_name(text)
    assert name
    assert name == Path(name).name
    assert not name.startswith(".")
    assert len(name) <= 120 and len(name.encode()) <= 255
    assert name != safe_name(text + "_")
    name.encode()
