import pytest

from holdfast.catalog import customers, definitions, instances, vendors
from holdfast.catalog.listing import PageRequest
from holdfast.clock import now
from holdfast.errors import Conflict, NotFound
from tests.unit.catalog.world import World


def test_a_label_is_taken_once_per_customer(world: World) -> None:
    with pytest.raises(Conflict) as caught:
        instances.create(world.conn, world.customer.id, world.definition.id, label="notes")
    assert caught.value.field == "label"
    for _ in range(2):
        instances.create(world.conn, world.customer.id, world.definition.id)
    assert instances.find(world.conn, world.customer.id, "notes") == world.instance
    assert len(instances.all_of_customer(world.conn, world.customer.id)) == 3


def test_a_deleted_instance_is_gone_and_its_label_free(world: World) -> None:
    instances.mark_deleted(world.conn, world.instance.id, now())
    with pytest.raises(NotFound):
        instances.get(world.conn, world.instance.id)
    assert instances.get(world.conn, world.instance.id, deleted=True).next_due_at is None
    again = instances.create(world.conn, world.customer.id, world.definition.id, label="notes")
    assert instances.all_of_customer(world.conn, world.customer.id) == [again]


def test_what_belongs_to_others_is_not_found(world: World) -> None:
    vendor_id, customer_id = world.vendor.id, world.customer.id
    found = instances.get(world.conn, world.instance.id, vendor_id=vendor_id, customer_id=customer_id)
    assert found == world.instance
    with pytest.raises(NotFound):
        instances.get(world.conn, world.instance.id, vendor_id=vendor_id + 1)
    with pytest.raises(NotFound):
        instances.get(world.conn, world.instance.id, customer_id=customer_id + 1)


def test_a_deleted_customers_instances_are_not_found_by_its_vendor(world: World) -> None:
    customers.mark_deleted(world.conn, world.customer.id, now())
    with pytest.raises(NotFound):
        instances.get(world.conn, world.instance.id, vendor_id=world.vendor.id)


def test_lists_by_customer_and_by_definition(world: World) -> None:
    other = vendors.create(world.conn, "other", None, "client-other")
    theirs = instances.create(
        world.conn, customers.create(world.conn, other.id, "theirs", None).id, world.definition.id
    )  # fmt: skip
    second = customers.create(world.conn, world.vendor.id, "second", None)
    seconds = instances.create(world.conn, second.id, world.definition.id)
    page = PageRequest()
    assert instances.of_customer(world.conn, world.customer.id, page).items == [world.instance]
    under = instances.of_definition(world.conn, world.definition.id, page, vendor_id=world.vendor.id)
    assert under.items == [world.instance, seconds]
    one = instances.of_definition(
        world.conn, world.definition.id, page, vendor_id=world.vendor.id, customer_id=second.id
    )  # fmt: skip
    assert one.items == [seconds]
    assert instances.of_definition(world.conn, world.definition.id, page, vendor_id=other.id).items == [theirs]
    unused = definitions.create(world.conn, world.vendor.id, "unused", "", False)
    assert instances.of_definition(world.conn, unused.id, page, vendor_id=world.vendor.id).total == 0


def test_variables_are_set_kept_and_removed(world: World) -> None:
    instances.set_variables(world.conn, world.instance.id, {"token": b"\0sealed", "base_url": b"1"})
    instances.set_variables(world.conn, world.instance.id, {"base_url": b"2"})
    instances.set_variables(world.conn, world.instance.id, {})
    assert instances.variables(world.conn, world.instance.id) == {"base_url": b"2", "token": b"\0sealed"}
    assert instances.remove_variable(world.conn, world.instance.id, "token")
    assert not instances.remove_variable(world.conn, world.instance.id, "token")
    assert instances.variables(world.conn, world.instance.id) == {"base_url": b"2"}
