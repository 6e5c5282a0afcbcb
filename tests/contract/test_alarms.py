"""Alarms, over the network."""

import pytest

from tests.contract.client import Client
from tests.support.hostile_source import HostileSource, make_record


@pytest.fixture
def alarmed(vendor: Client, source: HostileSource) -> int:
    """An instance whose second backup raised an alarm."""
    source.switches.page_size = 1_000
    for number in range(500):
        source.put("items", make_record(number))
    instance = vendor.instance_of(source, "    stable: true\n")
    vendor.back_up(instance)
    for number in range(200):
        source.remove("items", number)
    vendor.back_up(instance)
    return instance


def test_an_alarm_is_listed_until_it_is_acknowledged(vendor: Client, alarmed: int) -> None:
    path = f"/v1/backup_instances/{alarmed}/alarms"
    (alarm,) = vendor.get(path).body
    assert (alarm["kind"], alarm["endpoint"], alarm["acknowledged_at"]) == ("mass_deletion", "items", None)
    assert alarm["message"] == "200 of 500 records of items are gone at the source. 200 of them are held back"
    assert alarm["figures"]["value"] == 200
    assert vendor.get(f"{path}/{alarm['id']}").body == alarm
    assert vendor.get(path, query={"acknowledged": "false"}).body == [alarm]
    done = vendor.post(f"{path}/{alarm['id']}/acknowledge").body
    assert done["acknowledged_at"] is not None and done["acknowledged_by"].startswith("client ")
    assert vendor.post(f"{path}/{alarm['id']}/acknowledge").body == done
    assert vendor.get(path).body == [done]
    assert vendor.get(path, query={"acknowledged": "false"}).body == []
    assert vendor.get(path, query={"acknowledged": "true"}).body == [done]
    entries = vendor.get("/v1/audit_entries", query={"per_page": 100}).body
    assert "alarm.acknowledge" in [entry["action"] for entry in entries]


def test_only_ones_own(vendor: Client, other: Client, alarmed: int) -> None:
    path = f"/v1/backup_instances/{alarmed}/alarms"
    (alarm,) = vendor.get(path).body
    assert other.get(path).status == other.get(f"{path}/{alarm['id']}").status == 404
    assert other.post(f"{path}/{alarm['id']}/acknowledge").status == 404
    assert Client(vendor.url).get(path).status == 401
    assert vendor.get(f"{path}/1").problem(404) == ("alarm_id", "not_found")
    assert vendor.get(path, query={"acknowledged": "perhaps"}).problem() == ("acknowledged", "invalid")
