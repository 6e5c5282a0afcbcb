import pytest

from holdfast.catalog import customers, vendors
from holdfast.catalog.listing import PageRequest
from holdfast.clock import now
from holdfast.errors import Conflict, NotFound
from tests.unit.catalog.world import World


def test_a_name_is_taken_once_per_vendor(world: World) -> None:
    with pytest.raises(Conflict) as caught:
        customers.create(world.conn, world.vendor.id, "first", None)
    assert caught.value.field == "name"
    other = vendors.create(world.conn, "other", None, "client-other")
    assert customers.create(world.conn, other.id, "first", None).name == "first"


def test_a_deleted_customers_name_is_free_again(world: World) -> None:
    customers.mark_deleted(world.conn, world.customer.id, now())
    again = customers.create(world.conn, world.vendor.id, "first", None)
    assert customers.find(world.conn, world.vendor.id, "first") == again
    with pytest.raises(NotFound):
        customers.get(world.conn, world.customer.id)
    assert customers.get(world.conn, world.customer.id, deleted=True).deleted_at is not None


def test_another_vendors_customer_is_not_found(world: World) -> None:
    assert customers.get(world.conn, world.customer.id, vendor_id=world.vendor.id) == world.customer
    with pytest.raises(NotFound):
        customers.get(world.conn, world.customer.id, vendor_id=world.vendor.id + 1)
    with pytest.raises(NotFound):
        customers.get(world.conn, 2**62)


def test_a_change_keeps_the_id(world: World) -> None:
    customers.change(world.conn, world.customer.id, name="renamed", email=None)
    customers.change(world.conn, world.customer.id, name="renamed", email="new@example.org")
    changed = customers.get(world.conn, world.customer.id)
    assert (changed.name, changed.email) == ("renamed", "new@example.org")
    other = customers.create(world.conn, world.vendor.id, "other", None)
    with pytest.raises(Conflict):
        customers.change(world.conn, other.id, name="renamed", email=None)


def test_the_list_leaves_out_others_and_deleted_ones(world: World) -> None:
    gone = customers.create(world.conn, world.vendor.id, "gone", None)
    customers.mark_deleted(world.conn, gone.id, now())
    other = vendors.create(world.conn, "other", None, "client-other")
    customers.create(world.conn, other.id, "theirs", None)
    listing = customers.of_vendor(world.conn, world.vendor.id, PageRequest())
    assert (listing.items, listing.total) == ([world.customer], 1)


def test_a_rebuild_gives_the_old_id(world: World) -> None:
    made = customers.create(world.conn, world.vendor.id, "old", None, customer_id=77, deleted_at=now())
    assert customers.get(world.conn, 77, deleted=True) == made
