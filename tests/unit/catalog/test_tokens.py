from datetime import timedelta

from holdfast.catalog import customers, tokens, vendors
from holdfast.clock import now
from tests.unit.catalog.world import World


def test_a_token_is_good_until_it_expires(world: World) -> None:
    expires_at = now() + timedelta(minutes=15)
    tokens.grant(world.conn, b"hash", world.vendor.id, expires_at)
    found = tokens.find(world.conn, b"hash", expires_at - timedelta(microseconds=1))
    assert found is not None
    assert (found.vendor_id, found.customer_id, found.expires_at) == (world.vendor.id, None, expires_at)
    assert tokens.find(world.conn, b"hash", expires_at) is None
    assert tokens.find(world.conn, b"other", now()) is None


def test_a_revoked_token_is_good_no_more(world: World) -> None:
    tokens.grant(world.conn, b"hash", world.vendor.id, now() + timedelta(minutes=15))
    tokens.revoke(world.conn, b"hash", now())
    assert tokens.find(world.conn, b"hash", now()) is None


def test_a_disabled_vendors_tokens_are_good_for_nothing(world: World) -> None:
    tokens.grant(world.conn, b"hash", world.vendor.id, now() + timedelta(minutes=15))
    vendors.set_disabled(world.conn, world.vendor.id, now())
    assert tokens.find(world.conn, b"hash", now()) is None
    vendors.set_disabled(world.conn, world.vendor.id, None)
    assert tokens.find(world.conn, b"hash", now()) is not None


def test_a_deleted_customers_tokens_are_good_for_nothing(world: World) -> None:
    tokens.grant(
        world.conn, b"hash", world.vendor.id, now() + timedelta(minutes=15), customer_id=world.customer.id
    )  # fmt: skip
    found = tokens.find(world.conn, b"hash", now())
    assert found is not None and found.customer_id == world.customer.id
    customers.mark_deleted(world.conn, world.customer.id, now())
    assert tokens.find(world.conn, b"hash", now()) is None


def test_expired_tokens_are_forgotten(world: World) -> None:
    for name, minutes in ((b"old", -60), (b"older", -90), (b"new", 15)):
        tokens.grant(world.conn, name, world.vendor.id, now() + timedelta(minutes=minutes))
    assert tokens.forget_expired(world.conn, now()) == 2
    assert tokens.forget_expired(world.conn, now()) == 0
    assert tokens.find(world.conn, b"new", now()) is not None
