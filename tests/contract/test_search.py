"""Search, over the network."""

import json

import pytest

from tests.contract.client import Client
from tests.support.hostile_source import HostileSource, StoredBlob, make_record

_BLOB = '    blob: {url: "{{ record.file }}", version: file}\n'


def _search(client: Client, instance: int, **query: object) -> dict[str, object]:
    found: dict[str, object] = client.get(f"/v1/backup_instances/{instance}/search", query=query).body
    return found


def test_records_are_found_with_the_place_of_the_text(vendor: Client, source: HostileSource) -> None:
    source.blobs["b"] = StoredBlob(b"content")
    raw = b'{ "id": "a/1", "labels": [{"name": "It RAINS in"}], "n": 1.00, "file": "%b/blob/b" }' % source.url.encode()
    source.put("items", raw)
    source.put("items", make_record(2))
    instance = vendor.instance_of(source, _BLOB)
    backup = vendor.back_up(instance)
    answer = vendor.get(f"/v1/backup_instances/{instance}/search", query={"text": "rains", "where": "n=1"})
    (found,) = answer.body["records"]
    assert raw in answer.content
    assert (found["endpoint"], found["id"]) == ("items", "a/1")
    assert found["matches"] == [{"field": "labels.0.name", "text": "It RAINS in"}]
    assert vendor.get(found["blob_url"]).content == b"content"
    assert (answer.body["backup_id"], answer.body["next"]) == (backup["id"], None)


def test_pages_go_on_in_the_backup_they_began_in(vendor: Client, source: HostileSource) -> None:
    for number in range(1, 51):
        source.put("items", make_record(number))
    instance = vendor.instance_of(source)
    first = vendor.back_up(instance)
    page = _search(vendor, instance, text="record", per_page=20)
    source.put("items", make_record(1, title="another"))
    source.remove("items", 50)
    vendor.back_up(instance)
    found = [record["id"] for record in page["records"]]  # type: ignore[attr-defined]
    while page["next"] is not None:
        page = _search(vendor, instance, text="record", per_page=20, after=page["next"])
        assert page["backup_id"] == first["id"]
        found += [record["id"] for record in page["records"]]  # type: ignore[attr-defined]
    assert sorted(found) == sorted(str(number) for number in range(1, 51))
    assert len(_search(vendor, instance, text="record", per_page=100)["records"]) == 48  # type: ignore[arg-type]
    old = _search(vendor, instance, text="record", per_page=100, backup_id=first["id"])
    assert len(old["records"]) == 50  # type: ignore[arg-type]


def test_everything_as_lines(vendor: Client, source: HostileSource) -> None:
    for number in range(1, 31):
        source.put("items", json.dumps(make_record(number), indent=2).encode())
    instance = vendor.instance_of(source)
    path = f"/v1/backup_instances/{instance}/search"
    headers = {"Accept": "application/x-ndjson"}
    assert vendor.get(path, query={"text": "record"}, headers=headers).content == b""
    vendor.back_up(instance)
    answer = vendor.get(path, query={"text": "record"}, headers=headers)
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.content.splitlines()]
    assert sorted(int(line["id"]) for line in lines) == list(range(1, 31))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({}, ("text", "invalid")),
        ({"where": "title"}, ("where", "invalid")),
        ({"text": "x", "endpoint": "nothing"}, ("endpoint", "not_found")),
        ({"text": "x", "after": "nonsense"}, ("after", "invalid")),
        ({"text": "x", "after": "WzFd"}, ("after", "invalid")),
        ({"text": "x", "after": "WzEsMSwxLDFd"}, ("after", "not_found")),
        ({"text": "x", "backup_id": 1}, ("backup_id", "not_found")),
        ({"text": "x", "per_page": 101}, ("per_page", "invalid")),
    ],
)
def test_what_cannot_be_searched_is_refused(
    vendor: Client, source: HostileSource, query: dict[str, object], problem: tuple[str, str]
) -> None:
    instance = vendor.instance_of(source)
    assert vendor.get(f"/v1/backup_instances/{instance}/search", query=query).problem() == problem


def test_only_ones_own(vendor: Client, other: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source)
    path = f"/v1/backup_instances/{instance}/search?text=x"
    assert other.get(path).status == 404
    assert Client(vendor.url).get(path).status == 401
    assert vendor.get(path).body == {"backup_id": None, "records": [], "next": None}
