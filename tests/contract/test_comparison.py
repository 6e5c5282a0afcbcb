"""Comparing backups, over the network."""

import json
from typing import Any

import pytest

from holdfast.api import cursors
from holdfast.api.routes import comparison
from tests.contract.client import Client
from tests.support.hostile_source import HostileSource, make_record


def _compare(client: Client, instance: int, **query: object) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/backup_instances/{instance}/compare", query=query).body
    return found


def _kinds(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["change"], change["id"]) for change in page["changes"]]


def test_what_was_added_changed_and_deleted(vendor: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source, "    stable: true\n")
    path = f"/v1/backup_instances/{instance}/compare"
    assert vendor.get(path).body == {"from_backup_id": None, "to_backup_id": None, "changes": [], "next": None}
    source.put("items", b'{"id": "1", "n": 1.0, "list": [{"a": 1}, 2], "gone": null}')
    source.put("items", {"id": "2"})
    first = vendor.back_up(instance)
    source.put("items", b'{"id": "1", "n": 1.00, "list": [{"a": 1e400}, 2], "new": true}')
    source.remove("items", "2")
    source.put("items", {"id": "3"})
    second = vendor.back_up(instance)
    answer = vendor.get(path)
    assert answer.body["from_backup_id"] == first["id"] and answer.body["to_backup_id"] == second["id"]
    changed, deleted, added = answer.body["changes"]
    assert changed["fields"][1:] == [
        {"field": "list.0.a", "before": 1, "after": float("inf")},
        {"field": "new", "after": True},
        {"field": "gone", "before": None},
    ]
    assert b'{"field":"n","before":1.0,"after":1.00}' in answer.content
    assert (deleted["change"], deleted["id"], deleted["field_data"]) == ("deleted", "2", {"id": "2"})
    assert (added["change"], added["id"], added["field_data"]) == ("added", "3", {"id": "3"})
    explicit = _compare(vendor, instance, **{"from": first["id"], "to": second["id"]})
    assert explicit == answer.body
    everything = _compare(vendor, instance, to=first["id"])
    assert (everything["from_backup_id"], _kinds(everything)) == (None, [("added", "1"), ("added", "2")])


def test_the_live_source_is_read_and_nothing_of_it_stored(vendor: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source, "    stable: true\n")
    path = f"/v1/backup_instances/{instance}/compare/live"
    source.put("items", {"id": "1", "n": 1})
    source.put("items", {"id": "2"})
    head, *changes = _lines(vendor, path)
    assert head == {"from_backup_id": None, "complete": True, "failures": []}
    assert [(one["change"], one["id"]) for one in changes] == [("added", "1"), ("added", "2")]
    backup = vendor.back_up(instance)
    source.put("items", {"id": "1", "n": 2, "text": "one\nline"})
    source.remove("items", "2")
    head, *changes = _lines(vendor, path)
    assert (head["from_backup_id"], head["complete"]) == (backup["id"], True)
    assert [(one["change"], one["id"]) for one in changes] == [("changed", "1"), ("deleted", "2")]
    assert changes[0]["fields"] == [{"field": "n", "before": 1, "after": 2}, {"field": "text", "after": "one\nline"}]
    assert _lines(vendor, f"{path}?endpoint=items")[1:] == changes
    assert vendor.post(f"{path}?endpoint=nothing").status == 400
    assert len(vendor.get(f"/v1/backup_instances/{instance}/backups").body) == 1
    source.switches.fail_page = 1
    head, *changes = _lines(vendor, path)
    assert (head["complete"], len(head["failures"]), changes) == (False, 1, [])


def test_the_live_source_is_read_once_for_all_pages(vendor: Client, other: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source, "    stable: true\n")
    path = f"/v1/backup_instances/{instance}/compare/live"
    for number in range(100, 110):
        source.put("items", make_record(number))
    backup = vendor.back_up(instance)
    for number in range(105, 125):
        source.put("items", make_record(number, title="new"))
    page = vendor.post(f"{path}?per_page=7").body
    assert (page["from_backup_id"], page["complete"], page["failures"]) == (backup["id"], True, [])
    first, found, asked = page["next"], _kinds(page), len(source.log)
    for number in range(105, 125):
        source.remove("items", str(number))
    while page["next"] is not None:
        page = vendor.post(f"{path}?per_page=7&after={page['next']}").body
        assert len(page["changes"]) <= 7
        found += _kinds(page)
    assert found == [("changed" if number < 110 else "added", str(number)) for number in range(105, 125)]
    assert len(source.log) == asked
    mine = vendor.instance_of(source, "    stable: true\n")
    elsewhere = vendor.post(f"/v1/backup_instances/{mine}/compare/live?after={first}")
    assert elsewhere.problem() == ("after", "not_found")
    assert other.post(f"{path}?after={first}").status == 404
    for wrong in ("nonsense", cursors.encode("../" * 5, "items", "1"), cursors.encode("0" * 32, "items", "1")):
        assert vendor.post(f"{path}?after={wrong}").status == 400
    assert vendor.post(f"{path}?per_page=0").problem() == ("per_page", "invalid")


def _lines(client: Client, path: str) -> list[Any]:
    answer = client.post(path)
    assert answer.status == 200, answer.content
    return [json.loads(line) for line in answer.content.splitlines()]


def test_pages_go_on_between_the_same_backups(vendor: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source, "    stable: true\n")
    for number in range(100, 150):
        source.put("items", make_record(number))
    vendor.back_up(instance)
    for number in range(120, 170):
        source.put("items", make_record(number, title="new"))
    vendor.back_up(instance)
    page = _compare(vendor, instance, per_page=7)
    source.remove("items", 100)
    vendor.back_up(instance)
    found = _kinds(page)
    while page["next"] is not None:
        page = _compare(vendor, instance, per_page=7, after=page["next"])
        assert len(page["changes"]) <= 7
        found += _kinds(page)
    assert found == [("changed" if number < 150 else "added", str(number)) for number in range(120, 170)]
    assert _kinds(_compare(vendor, instance)) == [("deleted", "100")]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"from": 1}, ("from", "not_found")),
        ({"to": 1}, ("to", "not_found")),
        ({"to": "x"}, ("to", "invalid")),
        ({"endpoint": "nothing"}, ("endpoint", "not_found")),
        ({"after": "nonsense"}, ("after", "invalid")),
    ],
)
def test_what_cannot_be_compared_is_refused(
    vendor: Client, source: HostileSource, query: dict[str, object], problem: tuple[str, str]
) -> None:
    instance = vendor.instance_of(source)
    vendor.back_up(instance)
    assert vendor.get(f"/v1/backup_instances/{instance}/compare", query=query).problem() == problem


def test_the_earlier_backup_comes_first_and_only_ones_own(vendor: Client, other: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source)
    first, second = vendor.back_up(instance), vendor.back_up(instance)
    path = f"/v1/backup_instances/{instance}/compare"
    wrong = {"from": second["id"], "to": first["id"]}
    assert vendor.get(path, query=wrong).problem() == ("from", "invalid")
    assert other.get(path).status == 404
    assert Client(vendor.url).get(path).status == 401


def test_a_vendor_whose_sources_take_for_ever_keeps_no_other_from_comparing(
    vendor: Client, other: Client, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.put("items", make_record(1))
    mine, theirs = vendor.instance_of(source), other.instance_of(source)
    monkeypatch.setattr(comparison, "_live", [vendor.vendor_id] * 2)
    refused = vendor.post(f"/v1/backup_instances/{mine}/compare/live")
    assert (refused.status, refused.problem()) == (400, (None, "busy"))
    assert other.post(f"/v1/backup_instances/{theirs}/compare/live").status == 200
    assert comparison._live == [vendor.vendor_id] * 2
