from holdfast.catalog import frames, records, streams
from tests.unit.catalog.world import World


def _frames(world: World, sequence: int) -> list[tuple[int, int]]:
    return frames.of_state(world.conn, [streams.get(world.conn, world.stream)], sequence)


def test_frames_of_a_state_are_those_of_its_records(world: World) -> None:
    rows = [world.row(f"{number}", 1)._replace(pack=1 + number % 2, frame=number // 4) for number in range(12)]
    world.insert_rows(rows)
    assert _frames(world, 1) == [(pack, frame) for pack in (1, 2) for frame in range(3)]
    moved = records.lookup(world.conn, world.stream, ["0", "2"])
    records.replace(
        world.conn, world.stream, 2, [row._replace(run_from=2, pack=9, frame=7) for row in moved.values()]
    )  # fmt: skip
    world.delete(3, "1", "3")
    before = [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    assert _frames(world, 1) == before
    assert _frames(world, 2) == [*before[1:], (9, 7)]
    assert _frames(world, 3) == [(1, 1), (1, 2), (2, 1), (2, 2), (9, 7)]
    assert _frames(world, 99) == _frames(world, 3)
    assert _frames(world, 0) == []
