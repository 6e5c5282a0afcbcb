from datetime import timedelta

import pytest

from holdfast.catalog import tokens, vendors
from holdfast.clock import now
from holdfast.errors import NotFound
from tests.unit.catalog.world import World


def test_a_vendor_is_found_by_its_clients_id(world: World) -> None:
    assert vendors.find(world.conn, "client-acme") == world.vendor
    assert vendors.find(world.conn, "client-other") is None
    assert vendors.get(world.conn, world.vendor.id) == world.vendor
    assert vendors.all_vendors(world.conn) == [world.vendor]
    with pytest.raises(NotFound):
        vendors.get(world.conn, 1)


def test_several_secrets_stand_side_by_side(world: World) -> None:
    first = vendors.add_secret(world.conn, world.vendor.id, b"hash1", "hf_...1")
    second = vendors.add_secret(world.conn, world.vendor.id, b"hash2", "hf_...2")
    assert vendors.secrets(world.conn, world.vendor.id) == [first, second]
    vendors.revoke_secret(world.conn, world.vendor.id, first.id)
    assert vendors.secrets(world.conn, world.vendor.id) == [second]
    assert [secret.id for secret in vendors.secrets(world.conn, world.vendor.id, revoked=True)] == [first.id, second.id]


def test_a_secret_of_another_vendor_is_not_revoked(world: World) -> None:
    secret = vendors.add_secret(world.conn, world.vendor.id, b"hash", "hint")
    with pytest.raises(NotFound):
        vendors.revoke_secret(world.conn, world.vendor.id + 1, secret.id)
    assert vendors.secrets(world.conn, world.vendor.id) == [secret]


def test_a_revoked_secret_takes_its_tokens_along(world: World) -> None:
    old, new = (vendors.add_secret(world.conn, world.vendor.id, name, "") for name in (b"old", b"new"))
    expires_at = now() + timedelta(minutes=15)
    tokens.grant(world.conn, b"a", world.vendor.id, expires_at, secret_id=old.id)
    tokens.grant(world.conn, b"b", world.vendor.id, expires_at, secret_id=new.id)
    vendors.revoke_secret(world.conn, world.vendor.id, old.id)
    assert tokens.find(world.conn, b"a", now()) is None
    assert tokens.find(world.conn, b"b", now()) is not None
