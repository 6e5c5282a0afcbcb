"""Webhooks: what is told to whom, signed how, tried how often."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook as Verifier

from holdfast.catalog import schema, webhooks
from holdfast.catalog.listing import PageRequest
from holdfast.catalog.schema import webhook_deliveries
from holdfast.clock import now, parse_time
from holdfast.operations import webhooks as operations
from tests.contract.client import Client, Service
from tests.support.hostile_source import HostileSource, make_record
from tests.support.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def _create(client: Client, receiver: Receiver, **fields: str) -> dict[str, Any]:
    form = {"webhook[url]": receiver.url} | {f"webhook[{name}]": value for name, value in fields.items()}
    made: dict[str, Any] = client.post("/v1/webhooks", form).body
    return made


def _deliveries(client: Client, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = client.get(f"/v1/webhooks/{webhook['id']}/deliveries").body
    return listed


def _make_due(service: Service) -> None:
    """Let every pause be over."""
    with service.services.database.write() as connection:
        pending = webhook_deliveries.c.status == "pending"
        connection.execute(sa.update(webhook_deliveries).where(pending).values(next_attempt_at=now()))


def test_a_webhook_is_made_changed_and_deleted(vendor: Client, receiver: Receiver) -> None:
    made = _create(vendor, receiver, events="backup.failed, export.successful")
    assert made.pop("secret").startswith("whsec_")
    path = f"/v1/webhooks/{made['id']}"
    assert made["events"] == ["backup.failed", "export.successful"]
    assert vendor.get("/v1/webhooks").body == [made]
    assert vendor.get(path).body == made
    changed = vendor.put(path, {"webhook[enabled]": "False"}).body
    assert changed == {**made, "enabled": False}
    changed = vendor.put(path, {"webhook[enabled]": "1", "webhook[events]": "backup.canceled"}).body
    assert changed == {**made, "events": ["backup.canceled"]}
    assert vendor.call("DELETE", path).status == 204
    assert vendor.get(path).status == 404
    assert vendor.get("/v1/webhooks").body == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "acme.example"),
        ("url", "ftp://acme.example/"),
        ("url", "https://"),
        ("url", "https://a b/"),
        ("url", "https://[::1"),
        ("events", "backup.started,something.else"),
    ],
)
def test_bad_values_are_400(vendor: Client, field: str, value: str) -> None:
    form = {"webhook[url]": "https://acme.example/", f"webhook[{field}]": value}
    assert vendor.post("/v1/webhooks", form).problem() == (f"webhook[{field}]", "invalid")


def test_events_arrive_signed_and_once(
    service: Service, vendor: Client, source: HostileSource, receiver: Receiver
) -> None:
    webhook = _create(vendor, receiver)
    source.put("items", make_record(1))
    instance = vendor.instance_of(source)
    backup = vendor.back_up(instance)
    vendor.export(instance, {"export_run[send_confirmation]": "0"})
    operations.deliver_due(service.services)
    operations.deliver_due(service.services)
    # What is due at once is sent side by side.
    bodies = {json.loads(one.body)["type"]: json.loads(one.body) for one in receiver.received}
    assert sorted(bodies) == ["backup.started", "backup.successful", "changes.available", "export.successful"]
    assert len(receiver.received) == len(bodies)
    for one in receiver.received:
        Verifier(webhook["secret"]).verify(one.body, {name.lower(): text for name, text in one.headers.items()})
    told = bodies["backup.successful"]
    assert told["data"]["id"] == backup["id"]
    assert told["data"]["backup_instance_id"] == instance
    assert told["data"]["customer_name"].startswith("customer ")
    parse_time(told["timestamp"])
    news = bodies["changes.available"]["data"]
    assert (news["new"], news["changed"], news["deleted"]) == (1, 0, 0)
    changes = vendor.get(f"/v1/backup_instances/{instance}/changes", query={"after": news["after"]}).body
    assert [one["id"] for one in changes["changes"] if one["change"] == "created"] == ["1"]
    assert {one["status"] for one in _deliveries(vendor, webhook)} == {"delivered"}


def test_only_the_events_that_are_wanted_and_only_ones_own(
    service: Service, vendor: Client, other: Client, receiver: Receiver
) -> None:
    _create(vendor, receiver, events="backup.failed")
    vendor.back_up(vendor.new_instance())
    other.back_up(other.new_instance())
    operations.deliver_due(service.services)
    assert [json.loads(one.body)["type"] for one in receiver.received] == ["backup.failed"]


def test_a_failed_delivery_is_tried_again_with_growing_pauses_and_given_up_in_the_end(
    service: Service, vendor: Client, receiver: Receiver
) -> None:
    webhook = _create(vendor, receiver, events="backup.failed")
    vendor.back_up(vendor.new_instance())
    receiver.status = 500
    pauses = []
    for attempt in range(len(operations.PAUSES)):
        operations.deliver_due(service.services)
        [delivery] = _deliveries(vendor, webhook)
        assert (delivery["status"], delivery["attempts"]) == ("pending", attempt + 1)
        assert delivery["last_answer"] == "500"
        pauses.append(parse_time(delivery["next_attempt_at"]) - now())
        _make_due(service)
    assert pauses == sorted(pauses)
    assert pauses[-1] > timedelta(hours=13)
    operations.deliver_due(service.services)
    [delivery] = _deliveries(vendor, webhook)
    assert (delivery["status"], delivery["next_attempt_at"]) == ("given_up", None)
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1


def test_a_webhook_removed_while_something_is_on_its_way_stops_nobody_else(
    service: Service, vendor: Client, other: Client, receiver: Receiver
) -> None:
    removed = _create(vendor, receiver, events="backup.failed")
    vendor.back_up(vendor.new_instance())
    with service.services.database.write() as connection:
        webhooks.claim(connection, now(), now())  # another sender has it in its hands, and settles it afterwards
    assert vendor.call("DELETE", f"/v1/webhooks/{removed['id']}").status == 204
    with service.services.database.write() as connection:
        [delivery] = webhooks.deliveries(connection, removed["id"], PageRequest(1, 20)).items
        webhooks.settle(connection, delivery.id, "pending", answer="500", next_attempt_at=now())
    _create(other, receiver, events="backup.failed")
    other.back_up(other.new_instance())
    operations.deliver_due(service.services)
    assert len(receiver.received) == 1
    with service.services.database.read() as connection:
        assert webhooks.delivery(connection, delivery.id, webhook_id=removed["id"]).status == "given_up"


@pytest.mark.parametrize("status", [204, 410, 500])
def test_a_webhook_removed_while_its_receiver_answers_is_told_nothing_more(
    service: Service, vendor: Client, receiver: Receiver, status: int
) -> None:
    removed = _create(vendor, receiver, events="backup.failed")
    vendor.back_up(vendor.new_instance())
    receiver.status = status
    receiver.meanwhile = lambda: vendor.call("DELETE", f"/v1/webhooks/{removed['id']}")
    operations.deliver_due(service.services)
    _make_due(service)
    operations.deliver_due(service.services)
    assert len(receiver.received) == 1


def test_a_receiver_whose_secret_does_not_open_stops_nobody_else(
    service: Service, vendor: Client, receiver: Receiver
) -> None:
    damaged, good = (_create(vendor, receiver, events="backup.failed") for _ in range(2))
    with service.services.database.write() as connection:
        of_damaged = sa.update(schema.webhooks).where(schema.webhooks.c.id == damaged["id"])
        connection.execute(of_damaged.values(sealed_secret=b"nonsense"))
    vendor.back_up(vendor.new_instance())
    operations.deliver_due(service.services)
    assert [one["status"] for one in _deliveries(vendor, good)] == ["delivered"]
    [delivery] = _deliveries(vendor, damaged)
    assert (delivery["status"], delivery["last_answer"]) == ("pending", "Damaged: it could not be sent")


def test_a_vendor_has_a_hundred_webhooks_at_most(vendor: Client, service: Service, receiver: Receiver) -> None:
    with service.services.database.write() as connection:
        for _ in range(100):
            webhooks.create(connection, vendor.vendor_id, receiver.url, ["none"], b"")
    refused = vendor.post("/v1/webhooks", {"webhook[url]": receiver.url})
    assert (refused.status, refused.problem()) == (400, ("webhook[url]", "too_many"))


def test_a_delivery_is_replayed(service: Service, vendor: Client, receiver: Receiver) -> None:
    webhook = _create(vendor, receiver, events="backup.failed")
    vendor.back_up(vendor.new_instance())
    operations.deliver_due(service.services)
    [delivery] = _deliveries(vendor, webhook)
    again = vendor.post(f"/v1/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay").body
    assert again["status"] == "pending"
    operations.deliver_due(service.services)
    assert len(receiver.received) == 2
    assert receiver.received[0].headers["webhook-id"] == receiver.received[1].headers["webhook-id"]
    assert vendor.post(f"/v1/webhooks/{webhook['id']}/deliveries/1/replay").status == 404


def test_a_receiver_that_is_gone_is_not_asked_again(service: Service, vendor: Client, receiver: Receiver) -> None:
    webhook = _create(vendor, receiver, events="backup.failed")
    instance = vendor.new_instance()
    vendor.back_up(instance)
    receiver.status = 410
    operations.deliver_due(service.services)
    assert vendor.get(f"/v1/webhooks/{webhook['id']}").body["enabled"] is False
    vendor.back_up(instance)
    operations.deliver_due(service.services)
    assert len(receiver.received) == 1


def test_redirects_are_not_followed(service: Service, vendor: Client, receiver: Receiver) -> None:
    webhook = _create(vendor, receiver, events="backup.failed")
    vendor.back_up(vendor.new_instance())
    receiver.status = 307
    operations.deliver_due(service.services)
    assert [one.path for one in receiver.received] == ["/hook"]
    assert _deliveries(vendor, webhook)[0]["status"] == "pending"


def test_nothing_is_sent_to_private_addresses_unless_the_operator_allows_it(tmp_path: Path, receiver: Receiver) -> None:
    with Service.started(tmp_path, works=False, allow_private_network=False) as service:
        vendor = service.new_vendor()
        assert vendor.post("/v1/webhooks", {"webhook[url]": receiver.url}).problem() == ("webhook[url]", "invalid")
        url = receiver.url.replace("http:", "https:")
        made = vendor.post("/v1/webhooks", {"webhook[url]": url}).body
        with service.services.database.write() as connection:
            webhooks.publish(connection, vendor.vendor_id, "backup.failed", b"{}")
        operations.deliver_due(service.services)
        [delivery] = _deliveries(vendor, made)
        assert "not public" in delivery["last_answer"]
        assert receiver.received == []


def test_a_list_in_json_is_told_to_be_a_text(vendor: Client) -> None:
    body = {"webhook": {"url": "https://acme.example/", "events": ["backup.failed"]}}
    answer = vendor.call("POST", "/v1/webhooks", json=body)
    assert answer.problem() == ("webhook[events]", "invalid")
    assert "separated by commas" in answer.json["errors"][0]["message"]
