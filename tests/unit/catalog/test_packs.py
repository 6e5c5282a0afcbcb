from holdfast.catalog import packs
from tests.unit.catalog.world import World


def _add(world: World, object_id: str, batch: int) -> int:
    return packs.add(
        world.conn, object_id, customer_id=0, instance_id=world.instance.id, run_id=world.run.id, sequence=1,
        batch=batch, kind="records", size_bytes=5, raw_bytes=5,
    )  # fmt: skip


def test_packs_are_known_by_number_and_by_object(world: World) -> None:
    first, second = _add(world, "b", 2), _add(world, "a", 1)
    assert first != second
    assert packs.object_ids(world.conn, [first, second, first, -1]) == {first: "b", second: "a"}
    assert packs.numbers(world.conn, ["a", "none"]) == {"a": second}
    assert packs.object_ids(world.conn, []) == {}
    assert packs.numbers(world.conn, []) == {}


def test_a_runs_packs_come_in_batch_order(world: World) -> None:
    _add(world, "b", 2)
    _add(world, "a", 1)
    assert [(pack.object_id, pack.batch) for pack in packs.of_run(world.conn, world.run.id)] == [("a", 1), ("b", 2)]
