"""Backups of an instance."""

import pytest

from holdfast.vault import receipts
from tests.contract.client import Client, Gate
from tests.support.hostile_source import HostileSource, make_record


def test_a_backup_is_queued_at_once_and_ends(vendor: Client, source: HostileSource) -> None:
    source.put("items", make_record(1))
    instance = vendor.instance_of(source)
    asked = vendor.post(f"/v1/backup_instances/{instance}/backups")
    assert asked.status == 200
    queued = asked.body
    assert queued["status"] == "queued"
    assert queued["backup_instance_id"] == instance
    assert queued["started_at"] is None
    assert queued["ended_at"] is None
    assert queued["failures"] == []
    ended = vendor.ended(instance, queued["id"])
    assert ended["status"] == "successful"
    assert ended["failures"] == []
    assert queued["queued_at"] <= ended["started_at"] <= ended["ended_at"]
    assert ended["ended_at"].endswith("Z")
    assert ended["counters"]["live"] == 1


def test_one_backup_is_active_at_a_time_and_asking_again_answers_it(vendor: Client, source: HostileSource) -> None:
    gate = Gate()
    source.switches.hook = gate
    instance = vendor.instance_of(source)
    path = f"/v1/backup_instances/{instance}/backups"
    try:
        first = vendor.post(path).body
        assert vendor.post(path).body["id"] == first["id"]
        gate.wait()
        again = vendor.post(path).body
        assert (again["id"], again["status"], again["ended_at"]) == (first["id"], "in_progress", None)
        active = vendor.get(path + "/active")
        assert active.status == 200
        assert active.body["id"] == first["id"]
        assert [one["id"] for one in vendor.get(path).body] == [first["id"]]
    finally:
        gate.open()
    vendor.ended(instance, first["id"])
    none = vendor.get(path + "/active")
    assert (none.status, none.content) == (204, b"")
    assert vendor.post(path).body["id"] > first["id"]


def test_backups_are_listed_oldest_first(vendor: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source)
    made = [vendor.back_up(instance) for _ in range(3)]
    assert vendor.get(f"/v1/backup_instances/{instance}/backups").body == made
    assert vendor.get(f"/v1/backup_instances/{instance}/backups/{made[1]['id']}").body == made[1]


def test_failures_say_what_went_wrong_and_where(vendor: Client, source: HostileSource) -> None:
    for number in range(3):
        source.put("items", make_record(number))
    source.switches.page_size = 1
    source.switches.fail_page = 2
    source.switches.fail_status = 404
    instance = vendor.instance_of(source)
    backup = vendor.back_up(instance)
    assert backup["status"] == "failed"
    failure = backup["failures"][0]
    assert {"endpoint", "page", "record_id", "code", "message"} <= set(failure)
    assert failure["endpoint"] == "items"
    assert failure["page"] == 2


@pytest.mark.parametrize("backup", ["0", "1", "x", "9" * 25])
def test_an_unknown_backup_is_404(vendor: Client, backup: str) -> None:
    assert vendor.get(f"/v1/backup_instances/{vendor.new_instance()}/backups/{backup}").problem(404)


def test_another_instances_backup_is_404(vendor: Client) -> None:
    one, two = vendor.new_instance(), vendor.new_instance()
    backup = vendor.back_up(one)["id"]
    assert vendor.get(f"/v1/backup_instances/{two}/backups/{backup}").problem(404) == ("backup_id", "not_found")


def test_a_receipt_is_signed_with_the_key_that_is_told(vendor: Client, source: HostileSource) -> None:
    source.put("items", make_record(1))
    instance = vendor.instance_of(source)
    backup = vendor.back_up(instance)
    answer = vendor.get(f"/v1/backup_instances/{instance}/backups/{backup['id']}/receipt")
    key = vendor.get("/v1/receipt_key").body["public_key"]
    receipt = receipts.verify(answer.content, key).receipt
    assert (receipt["backup_id"], receipt["status"]) == (backup["id"], "successful")
    assert receipts.contradictions(receipt) == []


def test_a_backup_under_way_has_no_receipt_yet(vendor: Client, source: HostileSource) -> None:
    gate = Gate()
    source.switches.hook = gate
    instance = vendor.instance_of(source)
    path = f"/v1/backup_instances/{instance}/backups"
    try:
        backup = vendor.post(path).body["id"]
        gate.wait()
        assert vendor.get(f"{path}/{backup}/receipt").status == 404
    finally:
        gate.open()
    vendor.ended(instance, backup)
