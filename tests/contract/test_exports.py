"""Exports: what is asked for, what is in the archive, its address, the mail about it."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from holdfast.catalog import exports as catalog
from holdfast.clock import now, parse_time
from holdfast.operations import exports as operations
from holdfast.storage import open_storage
from tests.contract.client import Client, Service
from tests.support.hostile_source import HostileSource, StoredBlob, make_record
from tests.support.mailbox import Mailbox

_BLOB = """    blob: {url: "{{ record.file }}", version: file, name: title, content_type: type}
"""


@pytest.fixture
def instance(vendor: Client, source: HostileSource) -> int:
    """Two records, one backup; one record has a blob."""
    source.blobs["one"] = StoredBlob(b"picture", "image/png")
    source.put("items", make_record(1, file=f"{source.url}/blob/one", title="a.png", type="image/png"))
    source.put("items", make_record(2, title="none"))
    instance = vendor.instance_of(source, _BLOB)
    assert vendor.back_up(instance)["status"] == "successful"
    return instance


def _path(instance: int) -> str:
    return f"/v1/backup_instances/{instance}/exports"


def _archive(export: dict[str, Any]) -> zipfile.ZipFile:
    """Fetched as anybody would: without a token."""
    answer = Client("").get(export["exported_data_url"])
    assert answer.status == 200, answer.content
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def test_an_export_from_beginning_to_end(vendor: Client, instance: int) -> None:
    asked = vendor.post(_path(instance))
    assert asked.status == 200
    assert asked.body["status"] in ("queued", "in_progress")
    assert asked.body["export_formats"] == "blobs,csv,json"
    assert asked.body["exported_data_url"] is None
    assert asked.body["exported_data_url_expiration"] is None
    assert asked.body["ended_at"] is None
    assert asked.body["failures"] == []
    assert isinstance(asked.body["records_processed"], int)
    assert isinstance(asked.body["records_failed"], int)
    done = vendor.once_ended(f"{_path(instance)}/{asked.body['id']}")
    assert done["status"] == "successful"
    assert (done["records_processed"], done["records_failed"]) == (2, 0)
    assert done["exported_data_url"].startswith(vendor.url)
    assert parse_time(done["exported_data_url_expiration"]) > now()
    assert vendor.get(_path(instance)).body == [done]
    archive = _archive(done)
    assert {name.partition("/")[0] for name in archive.namelist()} == {"json", "csv", "blobs", "manifest.json"}
    lines = archive.read("json/items.jsonl").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    table = list(csv.DictReader(io.StringIO(archive.read("csv/items.csv").decode("utf-8-sig"))))
    assert [row["record_id"] for row in table] == ["1", "2"]
    [blob] = [name for name in archive.namelist() if name.startswith("blobs/")]
    assert archive.read(blob) == b"picture"
    assert json.loads(archive.read("manifest.json"))["export_id"] == done["id"]


@pytest.mark.parametrize(
    ("formats", "shown", "found"),
    [
        ("json", "json", {"json"}),
        ("csv, json", "csv,json", {"csv", "json"}),
        ("json,blobs", "blobs,json", {"json", "blobs"}),
        ("", "blobs,csv,json", {"blobs", "csv", "json"}),
    ],
)
def test_formats_are_a_choice(vendor: Client, instance: int, formats: str, shown: str, found: set[str]) -> None:
    export = vendor.export(instance, {"export_run[export_formats]": formats})
    assert export["export_formats"] == shown
    assert {name.partition("/")[0] for name in _archive(export).namelist()} == found | {"manifest.json"}


def test_content_types_filter_the_blobs(vendor: Client, instance: int) -> None:
    form = {"export_run[export_formats]": "blobs", "export_run[content_types]": "image/gif, Image/PNG"}
    export = vendor.export(instance, form)
    assert export["content_types"] == "image/gif,image/png"
    assert len(_archive(export).namelist()) == 2
    form["export_run[content_types]"] = "application/pdf"
    assert _archive(vendor.export(instance, form)).namelist() == ["manifest.json"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("export_formats", "xml"),
        ("export_formats", "json;csv"),
        ("export_datetime", "yesterday"),
        ("export_datetime", "2026-1-1"),
        ("export_datetime", "2026-02-30"),
        ("backup_run_id", "x"),
        ("force_full", "perhaps"),
        ("send_confirmation", "2"),
    ],
)
def test_bad_values_are_400(vendor: Client, instance: int, field: str, value: str) -> None:
    answer = vendor.post(_path(instance), {f"export_run[{field}]": value})
    assert answer.problem() == (f"export_run[{field}]", "invalid")


def test_backup_run_id_wins_over_export_datetime_and_neither_means_the_newest(
    vendor: Client, instance: int, source: HostileSource
) -> None:
    [first] = vendor.get(f"/v1/backup_instances/{instance}/backups").body
    source.put("items", make_record(3, title="none"))
    second = vendor.back_up(instance)
    today = second["ended_at"][:10]

    def exported(**fields: object) -> int:
        export = vendor.export(instance, {f"export_run[{name}]": value for name, value in fields.items()})
        number: int = export["backup_run_id"]
        return number

    assert exported() == second["id"]
    assert exported(export_datetime=today) == second["id"]
    assert exported(backup_run_id=first["id"]) == first["id"]
    assert exported(backup_run_id=first["id"], export_datetime=today) == first["id"]
    assert exported(backup_run_id=first["id"], export_datetime="2001-01-01") == first["id"]


def test_nothing_to_export_is_400(vendor: Client, instance: int) -> None:
    never = vendor.new_instance()
    assert vendor.post(_path(never)).problem()[1] == "no_backup"
    vendor.back_up(never)
    assert vendor.post(_path(never)).problem()[1] == "no_backup"
    answer = vendor.post(_path(instance), {"export_run[export_datetime]": "2001-01-01"})
    assert answer.problem() == ("export_run[export_datetime]", "no_backup")
    foreign = vendor.get(f"/v1/backup_instances/{never}/backups").body[0]["id"]
    for unknown in (1, foreign):
        answer = vendor.post(_path(instance), {"export_run[backup_run_id]": unknown})
        assert answer.problem() == ("export_run[backup_run_id]", "not_found")


def test_the_same_export_is_not_made_again_unless_forced(vendor: Client, instance: int) -> None:
    first = vendor.export(instance, {"export_run[export_formats]": "json"})
    again = vendor.post(_path(instance), {"export_run[export_formats]": "json"}).body
    assert again["id"] == first["id"]
    assert again["status"] == "successful"
    assert again["exported_data_url_expiration"] >= first["exported_data_url_expiration"]
    other = vendor.export(instance, {"export_run[export_formats]": "csv"})
    forced = vendor.export(instance, {"export_run[export_formats]": "json", "export_run[force_full]": "True"})
    assert len({first["id"], other["id"], forced["id"]}) == 3
    assert [one["id"] for one in vendor.get(_path(instance)).body] == [first["id"], other["id"], forced["id"]]


def test_reauth_gives_a_new_address_that_lives_longer(service: Service, vendor: Client, instance: int) -> None:
    export = vendor.export(instance)
    _expire(service, export["id"])
    path = f"{_path(instance)}/{export['id']}"
    old = vendor.get(path).body["exported_data_url"]
    refused = Client("").get(old)
    assert refused.problem(403) == (None, "address_expired")
    assert "reauth" in refused.json["errors"][0]["message"]
    fresh = vendor.post(path + "/reauth").body
    assert set(fresh) == {"exported_data_url", "exported_data_url_expiration"}
    assert parse_time(fresh["exported_data_url_expiration"]) > now()
    assert Client("").get(fresh["exported_data_url"]).status == 200
    assert Client("").get(old).status == 403


def _expire(service: Service, export_id: int, *, archive: bool = False) -> None:
    """Let the time of an address, or of the whole archive, be over."""
    with service.services.database.write() as connection:
        past = now() - timedelta(seconds=2)
        later = past if archive else now() + timedelta(days=1)
        catalog.set_expiry(connection, export_id, url_expires_at=past, archive_expires_at=later)


def test_an_export_that_has_no_data_cannot_be_reauthorised(service: Service, vendor: Client, instance: int) -> None:
    export = vendor.export(instance)
    path = f"{_path(instance)}/{export['id']}"
    _expire(service, export["id"], archive=True)
    assert operations.forget_expired(service.services) >= 1
    assert vendor.post(path + "/reauth").problem(404) == ("export_id", "not_found")
    shown = vendor.get(path).body
    assert shown["status"] == "successful"
    assert shown["exported_data_url"] is None
    assert Client("").get(export["exported_data_url"]).problem(404)
    again = vendor.export(instance)
    assert again["id"] != export["id"]
    assert vendor.post(f"{_path(instance)}/1/reauth").status == 404


def test_an_export_that_failed_has_no_data(service: Service, vendor: Client, instance: int) -> None:
    export = vendor.export(instance)
    with service.services.database.write() as connection:
        again = catalog.queue(
            connection, instance, export["backup_run_id"], formats=["csv"], content_types=None, fingerprint="none",
            send_confirmation=False,
        )  # fmt: skip
        failure = {"code": "damaged", "message": "gone", "endpoint": None, "page": None, "record_id": None}
        catalog.end(connection, again.id, "failed", failures=[failure])
    path = f"{_path(instance)}/{again.id}"
    shown = vendor.get(path).body
    assert (shown["status"], shown["exported_data_url"]) == ("failed", None)
    assert shown["failures"][0]["code"] == "damaged"
    assert vendor.post(path + "/reauth").problem(404) == ("export_id", "not_found")


def test_expired_archives_leave_the_storage(service: Service, vendor: Client, instance: int) -> None:
    customer = vendor.get(f"/v1/backup_instances/{instance}").body["customer_id"]
    export = vendor.export(instance)
    storage = open_storage(service.services.settings.effective_storage_url)
    prefix = f"exports/{customer}/{export['id']}/"
    assert list(storage.list(prefix))
    _expire(service, export["id"], archive=True)
    operations.forget_expired(service.services)
    assert not list(storage.list(prefix))


def test_archives_that_no_export_has_are_deleted(service: Service, vendor: Client, instance: int) -> None:
    customer = vendor.get(f"/v1/backup_instances/{instance}").body["customer_id"]
    export = vendor.export(instance)
    storage = service.services.storage
    storage.put(f"exports/{customer}/77/0123456789abcdef-000000", b"left behind")
    assert operations.delete_orphans(service.services) == 1
    assert not list(storage.list(f"exports/{customer}/77/"))
    assert Client("").get(export["exported_data_url"]).status == 200


def test_the_archive_is_encrypted_in_the_storage(service: Service, vendor: Client, instance: int) -> None:
    vendor.export(instance, {"export_run[export_formats]": "json"})
    for info in service.services.storage.list("exports/"):
        data = service.services.storage.get(info.name)
        assert b"items.jsonl" not in data
        assert data[:2] != b"PK"


def test_an_address_that_was_tampered_with_opens_nothing(vendor: Client, instance: int) -> None:
    one, two = vendor.export(instance), vendor.export(instance, {"export_run[force_full]": "1"})
    url = one["exported_data_url"]
    expires = re.search(r"expires=(\d+)", url)
    assert expires is not None
    for wrong in (
        url.replace(str(one["id"]), str(two["id"])),
        url.replace(expires[0], f"expires={int(expires[1]) + 1}"),
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url.partition("&")[0],
        url.partition("?")[0],
    ):
        assert Client("").get(wrong).problem(403) == (None, "signature_invalid")
    assert Client("").get(url.replace(expires[0], "expires=x")).status == 403


def test_ranges_of_an_archive(vendor: Client, instance: int) -> None:
    url = vendor.export(instance)["exported_data_url"]
    whole = Client("").get(url)
    part = Client("").get(url, headers={"Range": "bytes=10-19"})
    assert (part.status, part.content) == (206, whole.content[10:20])
    assert Client("").get(url, headers={"If-None-Match": whole.headers["ETag"]}).status == 304
    assert Client("").call("HEAD", url).headers["Content-Length"] == str(len(whole.content))


def test_a_customer_exports_its_own_instance(vendor: Client, instance: int) -> None:
    customer = vendor.customer_client(vendor.get(f"/v1/backup_instances/{instance}").body["customer_id"])
    export = customer.export(instance)
    assert export["status"] == "successful"
    assert customer.post(f"{_path(instance)}/{export['id']}/reauth").status == 200
    stranger = vendor.customer_client(vendor.new_customer())
    assert stranger.get(f"{_path(instance)}/{export['id']}").status == 404
    assert stranger.post(f"{_path(instance)}/{export['id']}/reauth").status == 404


# --- the mail


@pytest.fixture
def addressed(vendor: Client, source: HostileSource, request: pytest.FixtureRequest) -> tuple[int, str]:
    """An instance whose customer has an address of its own."""
    address = f"{re.sub(r'[^a-z]', '', request.node.name.lower())[:40]}@customer.example"
    source.put("items", make_record(1, title="t"))
    instance = vendor.instance_of(source, customer_id=vendor.new_customer(email=address))
    vendor.back_up(instance)
    return instance, address


def test_the_confirmation_arrives_and_its_link_downloads_the_archive(
    vendor: Client, mailbox: Mailbox, addressed: tuple[int, str], service: Service
) -> None:
    instance, address = addressed
    export = vendor.export(instance)
    [mail] = mailbox.wait_for(address)
    assert mail["From"] == "backup@acme.example"
    for part in ("plain", "html"):
        body = mail.get_body((part,))
        assert body is not None
        links = re.findall(r"https?://[^\s\"<]+", body.get_content())
        assert len(links) == 1
        # A mail is written without a request, so nobody knows which port this test's service took.
        parts = urlsplit(links[0].replace("&amp;", "&"))
        answer = Client(service.url).get(f"{parts.path}?{parts.query}")
        assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    assert "1 records" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    vendor.post(_path(instance))
    assert len(mailbox.wait_for(address, 2)) == 2
    logged = vendor.get(f"/v1/backup_instances/{instance}/logs").body["entries"]
    assert any("confirmation" in entry["message"] and entry["fields"]["export_id"] == export["id"] for entry in logged)


def test_no_confirmation_is_sent_where_none_is_wanted(
    vendor: Client, mailbox: Mailbox, addressed: tuple[int, str]
) -> None:
    instance, address = addressed
    vendor.export(instance, {"export_run[send_confirmation]": "False", "export_run[export_formats]": "csv"})
    vendor.export(instance, {"export_run[export_formats]": "json"})
    assert len(mailbox.wait_for(address)) == 1


def test_a_mail_that_is_refused_for_good_stands_in_the_log(
    vendor: Client, mailbox: Mailbox, addressed: tuple[int, str]
) -> None:
    instance, _ = addressed
    mailbox.refuse = "550 no such customer"
    try:
        vendor.export(instance)
        for _ in range(500):
            entries = vendor.get(f"/v1/backup_instances/{instance}/logs").body["entries"]
            if any("could not be sent" in entry["message"] for entry in entries):
                break
        else:
            raise AssertionError(entries)
    finally:
        mailbox.refuse = None


def test_addresses_begin_with_the_public_one(tmp_path: Path) -> None:
    with Service.started(tmp_path, works=False, public_url="https://backup.example/api/") as service:
        vendor = service.new_vendor()
        answer = vendor.get("/v1/customers?per_page=5")
        assert answer.links["first"].startswith("https://backup.example/api/v1/customers?")
