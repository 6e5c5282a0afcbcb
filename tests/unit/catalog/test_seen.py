from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalog import seen
from tests.unit.catalog.world import World


@given(st.lists(st.integers(0, 2**40), unique=True, max_size=50))
def test_slots_come_back_ascending(slots: list[int]) -> None:
    assert seen.decode(seen.encode(slots)) == sorted(slots)


@given(st.integers(0, 2**40), st.lists(st.integers(1, 300), max_size=50))
def test_neighbours_come_back(first: int, steps: list[int]) -> None:
    slots = [first]
    for step in steps:
        slots.append(slots[-1] + step)
    assert seen.decode(seen.encode(slots)) == slots


def test_a_batch_of_neighbours_is_small() -> None:
    assert len(seen.encode(range(500_000, 510_000))) < 100


def test_batches_are_kept_until_they_are_cleared(world: World) -> None:
    seen.add(world.conn, world.run.id, world.stream, 1, [3, 1])
    seen.add(world.conn, world.run.id, world.stream, 2, [7])
    seen.add(world.conn, world.run.id, world.stream, 2, [8, 900])
    seen.add(world.conn, world.run.id, world.stream + 1, 5, [])
    assert list(seen.load(world.conn, world.run.id, world.stream)) == [[1, 3], [8, 900]]
    assert list(seen.load(world.conn, world.run.id, world.stream + 1)) == [[]]
    assert seen.last_batch(world.conn, world.run.id) == 5
    seen.clear(world.conn, world.run.id, world.stream)
    assert list(seen.load(world.conn, world.run.id, world.stream)) == []
    assert seen.last_batch(world.conn, world.run.id) == 5
    seen.clear(world.conn, world.run.id)
    assert seen.last_batch(world.conn, world.run.id) == 0
