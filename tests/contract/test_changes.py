"""The change feed, over the network."""

from typing import Any

import pytest

from holdfast.operations.feed.cursors import Cursor
from tests.contract.client import Client
from tests.support.hostile_source import HostileSource, StoredBlob, make_record


def _changes(client: Client, instance: int, **query: object) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/backup_instances/{instance}/changes", query=query).body
    return found


def test_an_account_can_be_followed(vendor: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source, '    stable: true\n    blob: {url: "{{ record.file }}", version: file}\n')
    empty = _changes(vendor, instance)
    assert (empty["changes"], empty["more"]) == ([], False)
    source.blobs["b"] = StoredBlob(b"content")
    raw = b'{"id": 1, "n": 1.00, "file": "%b/blob/b"}' % source.url.encode()
    source.put("items", raw)
    first = vendor.back_up(instance)
    answer = vendor.get(f"/v1/backup_instances/{instance}/changes", query={"after": empty["next"]})
    page = answer.body
    *fields, created = page["changes"]
    assert [(one["change"], one["field"], one["kind"]) for one in fields] == [
        ("field", "id", "number"), ("field", "n", "number"), ("field", "file", "text"),
    ]  # fmt: skip
    assert (created["change"], created["endpoint"], created["id"]) == ("created", "items", "1")
    assert created["backup_id"] == first["id"]
    assert raw in answer.content
    assert vendor.get(created["blob_url"]).content == b"content"

    source.put("items", b'{"id": 1, "n": 1.0, "title": "new"}')
    vendor.back_up(instance)
    page = _changes(vendor, instance, after=page["next"])
    assert [(one["change"], one.get("field"), one.get("changed_fields")) for one in page["changes"]] == [
        ("field", "title", None), ("changed", None, ["n", "title", "file"]),
    ]  # fmt: skip
    source.remove("items", 1)
    vendor.back_up(instance)
    page = _changes(vendor, instance, after=page["changes"][-1]["cursor"])
    assert [(one["change"], one["id"]) for one in page["changes"]] == [("deleted", "1")]
    assert _changes(vendor, instance, after=page["next"])["changes"] == []
    now = _changes(vendor, instance, after="now")
    assert (now["changes"], _changes(vendor, instance, after=now["next"])["changes"]) == ([], [])
    ahead = vendor.get(f"/v1/backup_instances/{instance}/changes", query={"after": Cursor(99).text()})
    assert ahead.problem() == ("after", "invalid")


def test_many_changes_come_in_pages(vendor: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source)
    for number in range(100, 150):
        source.put("items", make_record(number))
    vendor.back_up(instance)
    page = _changes(vendor, instance, per_page=20)
    found = page["changes"]
    while page["more"]:
        page = _changes(vendor, instance, per_page=20, after=page["next"])
        found += page["changes"]
    assert [one["id"] for one in found if one["change"] == "created"] == [str(number) for number in range(100, 150)]


@pytest.mark.parametrize("query", [{"after": "nonsense"}, {"after": "WzFd"}, {"per_page": 0}])
def test_what_is_no_cursor_is_refused(vendor: Client, source: HostileSource, query: dict[str, object]) -> None:
    instance = vendor.instance_of(source)
    assert vendor.get(f"/v1/backup_instances/{instance}/changes", query=query).problem()[1] == "invalid"


def test_only_ones_own(vendor: Client, other: Client, source: HostileSource) -> None:
    path = f"/v1/backup_instances/{vendor.instance_of(source)}/changes"
    assert other.get(path).status == 404
    assert Client(vendor.url).get(path).status == 401
