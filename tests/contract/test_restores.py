"""Restores by the API: the plan alone, the restore, its signed report, what is asked wrongly."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.vault import receipts
from tests.contract.client import Client
from tests.support.writable_source import DOCUMENT, WritableSource, writable


@pytest.fixture
def boards() -> Iterator[WritableSource]:
    with writable() as source:
        for number in range(3):
            source.put("one/people", name=f"person {number}", born="1990-01-01")
        yield source


def test_a_plan_a_restore_and_its_report(vendor: Client, other: Client, boards: WritableSource) -> None:
    instance = vendor.new_instance(vendor.new_definition(DOCUMENT.format(url=boards.url)), vendor.new_customer("Ann"))
    path = f"/v1/backup_instances/{instance}/restores"
    assert vendor.post(path, {"restore[dry_run]": "false"}).problem(400)[1] == "no_backup"
    backup = vendor.back_up(instance)
    gone = boards.all("one/people")[0]["id"]
    del boards.records["one/people"][gone]

    plan = vendor.restore(instance, {"restore[dry_run]": "true", "restore[endpoint]": "people"})
    assert (plan["status"], plan["dry_run"], plan["backup_id"]) == ("successful", True, backup["id"])
    assert (plan["plan"]["create"], plan["plan"]["leave"]) == (1, 2)
    assert vendor.get(f"{path}/{plan['id']}/report").status == 404
    assert boards.writes == []

    form = {"restore[endpoint]": "people", "restore[record_id]": gone, "restore[backup_id]": str(backup["id"])}
    made = vendor.restore(instance, form | {"restore[dry_run]": "false"})
    assert (made["status"], made["counters"]["created"], made["failures"]) == ("successful", 1, [])
    assert [one["name"] for one in boards.all("one/people")] == ["person 1", "person 2", "person 0"]
    assert vendor.get(path).body == [plan, made]
    answer = vendor.get(f"{path}/{made['id']}/report")
    key = vendor.get("/v1/receipt_key").body["public_key"]
    (record,) = receipts.verify(answer.content, key).receipt["records"]
    assert (record["id"], record["state"], record["target_id"]) == (gone, "verified", "4")
    assert vendor.post(f"{path}/{made['id']}/cancel").body == made
    assert other.get(f"{path}/{made['id']}").status == 404

    for wrong, field in (
        ({"restore[endpoint]": "nothing"}, "restore[endpoint]"),
        ({"restore[record_id]": "1"}, "restore[endpoint]"),
        ({"restore[on_conflict]": "guess"}, "restore[on_conflict]"),
        ({"restore[at]": "yesterday"}, "restore[at]"),
        ({"restore[to]": "1"}, "restore[to]"),
        ({"restore[where]": "name"}, "restore[where]"),
    ):
        assert vendor.post(path, {"restore[dry_run]": "true", **wrong}).problem(400)[0] == field


def test_an_empty_value_or_an_unknown_field_never_widens_a_restore(vendor: Client, boards: WritableSource) -> None:
    instance = vendor.new_instance(vendor.new_definition(DOCUMENT.format(url=boards.url)), vendor.new_customer("Ann"))
    path = f"/v1/backup_instances/{instance}/restores"
    vendor.back_up(instance)
    boards.wipe("one/people")
    boards.writes.clear()
    names = ("endpoint", "record_id", "where", "backup_id", "at", "to", "on_conflict", "dry_run")
    for empty in ("", " "):
        for name in names:
            field, code = vendor.post(path, {"restore[dry_run]": "true", f"restore[{name}]": empty}).problem(400)[:2]
            assert (field, code) == (f"restore[{name}]", "invalid")
            field, code = vendor.post(path, json={"restore": {"dry_run": True, name: empty}}).problem(400)[:2]
            assert (field, code) == (f"restore[{name}]", "invalid")
    for name in ("dryrun", "dry-run", "record", ""):
        form = {"restore[endpoint]": "people", "restore[dry_run]": "true", f"restore[{name}]": "true"}
        assert vendor.post(path, form).problem(400)[:2] == (f"restore[{name}]", "unknown")
        body = {"restore": {"endpoint": "people", "dry_run": True, name: True}}
        assert vendor.post(path, json=body).problem(400)[:2] == (f"restore[{name}]", "unknown")
    beside = {"restore": {"dry_run": True}, "dry_run": True}
    assert vendor.post(path, json=beside).problem(400)[:2] == ("dry_run", "unknown")
    assert vendor.post(path, {"restore": "x", "restore[dry_run]": "true"}).problem(400)[:2] == ("restore", "unknown")
    asked = vendor.post(f"{path}?restore[dry_run]=true", {"restore[dry_run]": "true"})
    assert asked.problem(400)[:2] == ("restore[dry_run]", "unknown")
    assert vendor.get(path).body == [] and boards.writes == []
    absent = {"restore": {"endpoint": "people", "dry_run": True, "to": None, "where": None}}
    assert vendor.post(path, json=absent).status == 200


def test_a_restore_says_whether_it_is_a_plan_and_no_body_restores_nothing(
    vendor: Client, boards: WritableSource
) -> None:
    instance = vendor.new_instance(vendor.new_definition(DOCUMENT.format(url=boards.url)), vendor.new_customer("Ann"))
    path = f"/v1/backup_instances/{instance}/restores"
    vendor.back_up(instance)
    boards.wipe("one/people")
    boards.writes.clear()
    bodies: list[dict[str, Any]] = [{}, {"restore": {}}, {"restore": {"endpoint": "people"}}]
    bodies.append({"restore": {"on_conflict": "overwrite", "dry_run": None}})
    for answer in (vendor.post(path), *(vendor.post(path, json=body) for body in bodies)):
        assert answer.problem(400) == ("restore[dry_run]", "missing")
        assert "`restore[dry_run]=true` makes the plan" in answer.json["errors"][0]["message"]
    assert vendor.get(path).body == [] and boards.writes == []
