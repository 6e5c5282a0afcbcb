import pytest

from holdfast.catalog import changes, records
from tests.unit.catalog.world import World


def _page(world: World, old: int, new: int, *, after: str | None = None, limit: int = 100) -> list[tuple[str, str]]:
    found = changes.page(world.conn, world.stream, old, new, after=after, limit=limit)
    return [(change.kind, change.record_key) for change in found]


def test_what_was_added_changed_and_deleted(world: World) -> None:
    world.insert(1, "a", "b", "c")
    world.replace(2, "b", "new")
    world.delete(2, "c")
    world.insert(2, "d")
    assert _page(world, 1, 2) == [("changed", "b"), ("deleted", "c"), ("added", "d")]
    assert _page(world, 1, 2, after="b", limit=1) == [("deleted", "c")]
    (change, *_) = changes.page(world.conn, world.stream, 1, 2)
    assert change.before is not None and change.after is not None
    assert (change.before.run_from, change.after.run_from) == (1, 2)


def test_before_its_first_run_a_stream_had_nothing(world: World) -> None:
    world.insert(1, "a", "b")
    assert _page(world, 0, 1) == _page(world, 0, 9) == [("added", "a"), ("added", "b")]
    assert _page(world, 1, 1) == _page(world, 1, 9) == []


def test_a_record_that_is_again_as_it_was_is_no_change(world: World) -> None:
    world.insert(1, "a", "b")
    world.replace(2, "a", "new")
    world.replace(3, "a", "")
    world.delete(2, "b")
    world.insert(3, "b")
    assert _page(world, 1, 3) == []
    assert _page(world, 1, 2) == [("changed", "a"), ("deleted", "b")]
    assert _page(world, 2, 3) == [("changed", "a"), ("added", "b")]


def test_another_blob_is_a_change(world: World) -> None:
    world.insert(1, "a")
    old = records.lookup(world.conn, world.stream, ["a"])["a"]
    records.replace(world.conn, world.stream, 2, [old._replace(run_from=2, blob=5)])
    assert _page(world, 1, 2) == [("changed", "a")]


def test_many_changes_come_in_key_order_over_runs_and_pieces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_FIRST_PIECE", 2)
    monkeypatch.setattr(changes, "_LARGEST_PIECE", 3)
    world.insert(1, "base")
    for number in range(40):
        world.insert(2 + number % 3, f"{number:02}")
    assert [key for _, key in _page(world, 1, 4, limit=7)] == [f"{number:02}" for number in range(7)]
    assert [key for _, key in _page(world, 1, 4, limit=99)] == [f"{number:02}" for number in range(40)]
