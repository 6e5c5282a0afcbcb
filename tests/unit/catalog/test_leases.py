from datetime import timedelta

import pytest
import sqlalchemy as sa

from holdfast.catalog import leases
from holdfast.catalog.columns import database_now
from holdfast.catalog.schema import leases as table
from holdfast.errors import LeaseLost
from tests.unit.catalog.world import World

TTL = timedelta(seconds=30)


def _expire(world: World) -> None:
    past = sa.type_coerce(database_now() - 1, table.c.expires_at.type)
    world.conn.execute(sa.update(table).values(expires_at=past))


def test_only_one_holder_at_a_time(world: World) -> None:
    token = leases.acquire(world.conn, world.instance.id, "one", TTL)
    assert token == 1
    assert leases.acquire(world.conn, world.instance.id, "two", TTL) is None
    assert leases.acquire(world.conn, world.instance.id, "one", TTL) is None
    assert leases.holder(world.conn, world.instance.id) == "one"


def test_an_expired_lease_is_taken_over_with_a_greater_token(world: World) -> None:
    old = leases.acquire(world.conn, world.instance.id, "one", TTL)
    _expire(world)
    assert leases.holder(world.conn, world.instance.id) is None
    new = leases.acquire(world.conn, world.instance.id, "two", TTL)
    assert old is not None and new is not None and new > old
    leases.fence(world.conn, world.instance.id, new)
    with pytest.raises(LeaseLost):
        leases.fence(world.conn, world.instance.id, old)


def test_an_expired_lease_commits_nothing_even_if_nobody_took_it(world: World) -> None:
    token = leases.acquire(world.conn, world.instance.id, "one", TTL)
    assert token is not None
    _expire(world)
    with pytest.raises(LeaseLost):
        leases.fence(world.conn, world.instance.id, token)


def test_the_fence_holds_the_lease_for_its_time_from_now(world: World) -> None:
    token = leases.acquire(world.conn, world.instance.id, "one", TTL)
    assert token is not None
    soon = sa.type_coerce(database_now() + 1_000_000, table.c.expires_at.type)
    world.conn.execute(sa.update(table).values(expires_at=soon))
    leases.fence(world.conn, world.instance.id, token)
    left_us = sa.type_coerce(table.c.expires_at, sa.BigInteger) - database_now()
    assert 25_000_000 < world.conn.execute(sa.select(left_us)).scalar_one() <= 30_000_000


def test_a_released_lease_is_free_at_once(world: World) -> None:
    token = leases.acquire(world.conn, world.instance.id, "one", TTL)
    assert token is not None
    leases.release(world.conn, world.instance.id, token)
    assert leases.acquire(world.conn, world.instance.id, "two", TTL) == token + 1
    leases.release(world.conn, world.instance.id, token)
    assert leases.holder(world.conn, world.instance.id) == "two"


def test_who_knows_that_all_others_are_dead_ends_their_lease(world: World) -> None:
    token = leases.acquire(world.conn, world.instance.id, "one", TTL)
    assert token is not None
    leases.break_others(world.conn, world.instance.id, "one")
    leases.fence(world.conn, world.instance.id, token)
    leases.break_others(world.conn, world.instance.id, "two")
    with pytest.raises(LeaseLost):
        leases.fence(world.conn, world.instance.id, token)
