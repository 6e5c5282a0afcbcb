import pytest

from holdfast.catalog import alarms
from holdfast.catalog.alarms import Alarm
from holdfast.catalog.listing import PageRequest
from holdfast.errors import NotFound
from tests.unit.catalog.world import World


def _raise(world: World, sequence: int, kind: alarms.Kind = "mass_deletion", endpoint: str = "items") -> Alarm | None:
    return alarms.add(
        world.conn, world.instance.id, run_id=1_000 + sequence, sequence=sequence, kind=kind, endpoint=endpoint,
        message="many", figures={"value": 10 * sequence},
    )  # fmt: skip


def test_an_alarm_stands_until_it_is_acknowledged(world: World) -> None:
    first, second = _raise(world, 3), _raise(world, 5)
    assert first is not None and second is not None
    assert alarms.get(world.conn, first.id, instance_id=world.instance.id) == first
    assert alarms.unacknowledged(world.conn, world.instance.id) == [first, second]
    assert alarms.acknowledge(world.conn, first.id, "somebody")
    assert not alarms.acknowledge(world.conn, first.id, "somebody else")
    assert alarms.get(world.conn, first.id).acknowledged_by == "somebody"
    assert alarms.unacknowledged(world.conn, world.instance.id) == [second]
    page = PageRequest()
    assert [one.id for one in alarms.of_instance(world.conn, world.instance.id, page).items] == [first.id, second.id]
    assert [one.id for one in alarms.of_instance(world.conn, world.instance.id, page, acknowledged=False).items] == [
        second.id
    ]


def test_a_run_raises_the_same_alarm_once(world: World) -> None:
    assert _raise(world, 3) is not None
    assert _raise(world, 3) is None
    assert _raise(world, 3, "mass_change") is not None
    assert _raise(world, 3, endpoint="others") is not None
    assert [one.sequence for one in alarms.of_kind(world.conn, world.instance.id, "items", "mass_deletion")] == [3]
    assert {
        sequence: len(found) for sequence, found in alarms.of_runs(world.conn, world.instance.id, 1, 9).items()
    } == {3: 3}


def test_another_instances_alarm_is_none(world: World) -> None:
    made = _raise(world, 1)
    assert made is not None
    with pytest.raises(NotFound):
        alarms.get(world.conn, made.id, instance_id=1)
    with pytest.raises(NotFound):
        alarms.get(world.conn, 1)


def test_an_alarm_is_restored_as_it_was(world: World) -> None:
    made = _raise(world, 1)
    assert made is not None
    other = World.make(world.conn, "other")
    copy = Alarm(made.id + 1, other.instance.id, 7, *[getattr(made, name) for name in list(Alarm.__slots__)[3:]])
    alarms.restore(world.conn, copy)
    assert alarms.get(world.conn, copy.id) == copy
