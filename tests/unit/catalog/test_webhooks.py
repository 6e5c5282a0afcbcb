from datetime import timedelta

import pytest

from holdfast.catalog import webhooks
from holdfast.catalog.listing import PageRequest
from holdfast.clock import now
from holdfast.errors import NotFound
from tests.unit.catalog.world import World

PAGE = PageRequest()


def test_an_event_goes_to_each_webhook_that_wants_it(world: World) -> None:
    everything = webhooks.create(world.conn, world.vendor.id, "https://a.example", [], b"s")
    failures = webhooks.create(world.conn, world.vendor.id, "https://b.example", ["backup.failed"], b"s")
    disabled = webhooks.create(world.conn, world.vendor.id, "https://c.example", [], b"s")
    webhooks.change(world.conn, disabled.id, url=disabled.url, events=[], disabled_at=now())
    other = webhooks.create(world.conn, world.vendor.id, "https://d.example", [], b"s")
    webhooks.mark_deleted(world.conn, other.id)
    good = webhooks.publish(world.conn, world.vendor.id, "backup.successful", b"{}")
    bad = webhooks.publish(world.conn, world.vendor.id, "backup.failed", b"{}")

    def events(webhook_id: int) -> list[int]:
        return [delivery.event_id for delivery in webhooks.deliveries(world.conn, webhook_id, PAGE).items]

    assert [events(one.id) for one in (everything, failures, disabled, other)] == [[good, bad], [bad], [], []]


def test_a_claimed_delivery_comes_up_again_if_its_sender_dies(world: World) -> None:
    webhook = webhooks.create(world.conn, world.vendor.id, "https://a.example", [], b"s")
    webhooks.publish(world.conn, world.vendor.id, "x", b"payload")
    moment = now() + timedelta(seconds=1)
    until = moment + timedelta(minutes=1)
    (claimed,) = webhooks.claim(world.conn, moment, until)
    assert (claimed.payload, claimed.attempts) == (b"payload", 0)
    assert webhooks.claim(world.conn, moment, until) == []
    (again,) = webhooks.claim(world.conn, until, until + timedelta(minutes=1))
    assert (again.id, again.attempts) == (claimed.id, 1)
    webhooks.settle(world.conn, claimed.id, "pending", answer="500", next_attempt_at=until + timedelta(hours=1))
    webhooks.settle(world.conn, claimed.id, "delivered", answer="200")
    done = webhooks.delivery(world.conn, claimed.id, webhook_id=webhook.id)
    assert (done.status, done.last_answer, done.next_attempt_at, done.attempts) == ("delivered", "200", None, 2)
    assert done.ended_at is not None


def test_a_replay_is_due_at_once(world: World) -> None:
    webhook = webhooks.create(world.conn, world.vendor.id, "https://a.example", [], b"s")
    webhooks.publish(world.conn, world.vendor.id, "x", b"")
    later = now() + timedelta(seconds=1)
    (claimed,) = webhooks.claim(world.conn, later, later)
    webhooks.settle(world.conn, claimed.id, "given_up", answer="410")
    webhooks.replay(world.conn, claimed.id)
    assert [one.id for one in webhooks.claim(world.conn, later + timedelta(seconds=1), later)] == [claimed.id]
    with pytest.raises(NotFound):
        webhooks.delivery(world.conn, claimed.id, webhook_id=webhook.id + 1)


def test_a_deleted_webhooks_deliveries_are_given_up(world: World) -> None:
    webhook = webhooks.create(world.conn, world.vendor.id, "https://a.example", [], b"s")
    webhooks.publish(world.conn, world.vendor.id, "x", b"")
    webhooks.mark_deleted(world.conn, webhook.id)
    assert webhooks.claim(world.conn, now() + timedelta(days=1), now()) == []
    assert webhooks.forget(world.conn, now() + timedelta(days=1)) == 1
    assert webhooks.deliveries(world.conn, webhook.id, PAGE).total == 0


def test_another_vendors_webhook_is_not_found(world: World) -> None:
    webhook = webhooks.create(world.conn, world.vendor.id, "https://a.example", ["x"], b"\0s")
    assert webhooks.get(world.conn, webhook.id, vendor_id=world.vendor.id) == webhook
    assert webhooks.of_vendor(world.conn, world.vendor.id, PAGE).items == [webhook]
    with pytest.raises(NotFound):
        webhooks.get(world.conn, webhook.id, vendor_id=world.vendor.id + 1)
