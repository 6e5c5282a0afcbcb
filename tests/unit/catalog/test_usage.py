from datetime import date

from holdfast.catalog import customers, instances, usage
from holdfast.catalog.usage import Amounts, InstanceUsage
from tests.unit.catalog.world import World

FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (1, 2, 3))


def test_days_add_up_by_instance(world: World) -> None:
    second = customers.create(world.conn, world.vendor.id, "second", None)
    other = instances.create(world.conn, second.id, world.definition.id)
    usage.add(world.conn, world.instance.id, FIRST, Amounts(runs=1, requests=10))
    usage.add(world.conn, world.instance.id, FIRST, Amounts(runs=1, bytes_read=2**40))
    usage.add(world.conn, world.instance.id, SECOND, Amounts(runs=1))
    usage.add(world.conn, other.id, THIRD, Amounts(records_read=5, bytes_stored=7))
    mine = InstanceUsage(world.customer.id, world.instance.id, Amounts(runs=3, requests=10, bytes_read=2**40))
    theirs = InstanceUsage(second.id, other.id, Amounts(records_read=5, bytes_stored=7))
    assert usage.of_vendor(world.conn, world.vendor.id, FIRST, THIRD) == [mine, theirs]
    assert usage.of_vendor(world.conn, world.vendor.id, FIRST, SECOND) == [mine]
    assert usage.of_vendor(world.conn, world.vendor.id, FIRST, THIRD, customer_id=second.id) == [theirs]
    assert usage.of_vendor(world.conn, world.vendor.id, FIRST, THIRD, instance_id=other.id) == [theirs]
    assert usage.of_vendor(world.conn, world.vendor.id + 1, FIRST, THIRD) == []
