import itertools
import random

import pytest
import sqlalchemy as sa

from holdfast.catalog import changes, counts, records, streams
from holdfast.catalog.counts import EndpointCounts
from tests.unit.catalog.world import World


def test_new_records_are_found_by_their_keys(world: World) -> None:
    world.insert(1, "a", "b")
    found = records.lookup(world.conn, world.stream, ["a", "x", "b"])
    assert sorted(found) == ["a", "b"]
    assert (found["a"].slot, found["b"].slot, found["a"].run_from) == (0, 1, 1)


def test_known_answers_in_the_order_of_the_keys(world: World) -> None:
    world.insert(1, "a", "b")
    digest_a, digest_b = (records.lookup(world.conn, world.stream, ["a", "b"])[key].digest for key in "ab")
    nothing = (None, None, None, None)
    assert records.known(world.conn, world.stream, ["b", "x", "a", "b"]) == [
        (digest_b, 1, None, None), nothing, (digest_a, 0, None, None), (digest_b, 1, None, None)
    ]  # fmt: skip


def test_streams_do_not_mix(world: World) -> None:
    world.insert(1, "a")
    other = streams.ensure(world.conn, world.instance.id, [("records", None), ("other", None)], 1)["other"].id
    assert records.lookup(world.conn, other, ["a"]) == {}
    assert records.page(world.conn, other, sequence=1) == []
    records.delete(world.conn, other, 1, ["a"])
    assert world.keys() == ["a"]


KEYS = [
    "",
    " ",
    "\0",
    "a\0b",
    "a",
    "a/b",
    "a~1",
    "a~b",
    "b",
    "%",
    "..",
    "é",
    "\ud7ff",
    "\ue000",
    "\U0001f600",
    "Z",
    "10",
    "9",
]


def test_any_text_is_a_key_and_keys_order_bytewise(world: World) -> None:
    world.insert(1, *KEYS)
    ordered = sorted(KEYS, key=str.encode)
    assert world.keys() == ordered
    assert sorted(records.lookup(world.conn, world.stream, KEYS)) == sorted(KEYS)
    for key, following in itertools.pairwise(ordered):
        assert records.page(world.conn, world.stream, after=key, limit=1)[0].record_key == following


def test_a_change_closes_the_old_version(world: World) -> None:
    world.insert(1, "a", "b")
    world.replace(2, "a", "new")
    old, new = (records.get(world.conn, world.stream, "a", sequence) for sequence in (1, 2))
    assert old is not None and new is not None
    assert (old.run_from, old.run_to, new.run_from, new.run_to) == (1, 2, 2, None)
    assert old.digest != new.digest
    assert records.get(world.conn, world.stream, "a") == new


def test_a_second_change_in_the_same_run_overwrites(world: World) -> None:
    world.insert(1, "a")
    world.replace(2, "a", "new")
    world.replace(2, "a", "newer")
    newest = records.get(world.conn, world.stream, "a", 2)
    assert newest is not None and newest.digest.endswith(b"newer")
    old = records.get(world.conn, world.stream, "a", 1)
    assert old is not None and old.digest.endswith(b"a=")


def test_a_deleted_record_stays_in_the_older_states(world: World) -> None:
    world.insert(1, "a", "b")
    assert world.delete(2, "a", "x") == [b"a=".rjust(16, b"\0")]
    assert world.keys() == world.keys(2) == ["b"]
    assert world.keys(1) == ["a", "b"]


def test_what_a_run_adds_and_deletes_never_was(world: World) -> None:
    world.insert(1, "a")
    world.insert(2, "b")
    world.delete(2, "b")
    assert [world.keys(sequence) for sequence in (1, 2, 3)] == [["a"], ["a"], ["a"]]
    assert changes.page(world.conn, world.stream, 1, 2) == []


def test_a_record_may_come_back_in_the_run_that_deleted_it(world: World) -> None:
    world.insert(1, "a")
    world.delete(2, "a")
    world.insert(2, "a")
    assert [world.keys(sequence) for sequence in (1, 2)] == [["a"], ["a"]]


def test_slots_are_never_used_twice(world: World) -> None:
    assert streams.allocate_slots(world.conn, world.stream, 3) == 0
    assert streams.allocate_slots(world.conn, world.stream, 2) == 3
    assert streams.allocate_slots(world.conn, world.stream, 1) == 5


def test_the_keys_of_a_scope(world: World) -> None:
    world.insert(1, "p~1", "p~2", scope=5)
    world.insert(1, "p1~1", "q~1", scope=6)
    assert list(records.scope_keys(world.conn, world.stream, 5)) == [("p~1", 0), ("p~2", 1)]
    assert list(records.scope_keys(world.conn, world.stream, 6)) == [("p1~1", 2), ("q~1", 3)]
    assert list(records.scope_keys(world.conn, world.stream, None, prefix="p~")) == [("p~1", 0), ("p~2", 1)]
    assert list(records.stream_keys(world.conn, world.stream)) == [
        ("p1~1", 2, 6), ("p~1", 0, 5), ("p~2", 1, 5), ("q~1", 3, 6)
    ]  # fmt: skip


def test_the_walk_over_a_stream_goes_on_piece_by_piece(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_KEYS_AT_ONCE", 3)
    world.insert(1, *"abcdefgh")
    assert [key for key, _ in records.scope_keys(world.conn, world.stream, None)] == list("abcdefgh")
    assert world.delete(2, *"abcdefg") != []
    assert world.keys() == ["h"]


@pytest.mark.parametrize("sequence", [None, 1, 2])
def test_pages_by_prefix_and_scope(world: World, sequence: int | None) -> None:
    world.insert(1, "p~1", "p~2", "p~3", scope=5)
    world.insert(1, "p1", "q~1", scope=6)
    world.replace(2, "p~3", "new")

    def keys(**options: object) -> list[str]:
        found = records.page(world.conn, world.stream, sequence=sequence, **options)  # type: ignore[arg-type]
        return [row.record_key for row in found]

    assert keys(prefix="p~") == ["p~1", "p~2", "p~3"]
    assert keys(prefix="p~", after="p~1", limit=1) == ["p~2"]
    assert keys(scope=6) == ["p1", "q~1"]
    assert keys(prefix="p\U0010ffff") == []


def test_a_page_by_number_begins_where_it_should(world: World) -> None:
    names = [f"{number:02}" for number in range(25)]
    world.insert(1, *names)
    streams.advance(world.conn, world.stream, live=25, state_sum=bytes(16))
    for offset in (0, 10, 20, 24, 25, 30):
        found = records.page_at(world.conn, world.stream, offset, sequence=1, limit=10)
        assert [row.record_key for row in found] == names[offset : offset + 10]


def test_an_old_state_is_looked_for_between_its_first_and_last_key(world: World) -> None:
    world.insert(1, "m", "n")
    ends = records.key_range(world.conn, world.stream)
    assert ends == ("m", "n")
    counts.put(world.conn, EndpointCounts(
        run_id=world.run.id, stream=world.stream, sequence=1, ordinal=0, outcome="complete", live=2,
        state_sum=bytes(16), first_key="m", last_key="n",
    ))  # fmt: skip
    world.insert(2, "a", "z")
    world.delete(2, "m")
    assert (world.keys(1), world.keys(2)) == (["m", "n"], ["a", "n", "z"])
    for after, expected in ((None, ["m", "n"]), ("a", ["m", "n"]), ("m", ["n"]), ("n", []), ("z", [])):
        found = records.page(world.conn, world.stream, sequence=1, after=after)
        assert [row.record_key for row in found] == expected
    assert records.count(world.conn, world.stream, 1) == 2
    assert records.page_at(world.conn, world.stream, 1, sequence=1, limit=10)[0].record_key == "n"


def test_the_ends_of_no_records_are_none(world: World) -> None:
    assert records.key_range(world.conn, world.stream) is None


def test_a_record_moves_to_another_scope_without_a_new_version(world: World) -> None:
    world.insert(1, "a", scope=5)
    records.move(world.conn, world.stream, "a", 6)
    row = records.lookup(world.conn, world.stream, ["a"])["a"]
    assert (row.scope, row.run_from) == (6, 1)


@pytest.mark.parametrize("seed", range(4))
def test_states_and_changes_equal_those_of_a_simple_model(world: World, seed: int) -> None:
    """Random runs, each with several batches that may touch a record again, against a list of dictionaries."""
    chance = random.Random(seed)
    names = [f"{number}" for number in range(40)]
    state: dict[str, str] = {}
    states = [dict(state)]
    runs = 7
    for sequence in range(1, runs + 1):
        for _ in range(chance.randrange(4)):
            some = chance.sample(names, chance.randrange(1, 15))
            new = [key for key in some if key not in state]
            world.insert(sequence, *new)
            state |= dict.fromkeys(new, "")
            for key in some:
                if key not in new and chance.random() < 0.5:
                    content = chance.choice(["", "x", "y"])
                    world.replace(sequence, key, content)
                    state[key] = content
            gone = [key for key in chance.sample(names, 5) if key in state]
            world.delete(sequence, *gone)
            for key in gone:
                del state[key]
        streams.advance(world.conn, world.stream, live=len(state), state_sum=bytes(16))
        _keep_counts(world, sequence, len(state), with_ends=chance.random() < 0.7)
        states.append(dict(state))
    for sequence, expected in enumerate(states):
        _compare_state(world.conn, world, sequence, expected)
    for before in range(runs + 1):
        for after in range(before, runs + 1):
            _compare_changes(world, before, after, states)


def _keep_counts(world: World, sequence: int, live: int, *, with_ends: bool) -> None:
    first, last = (records.key_range(world.conn, world.stream) if with_ends else None) or (None, None)
    counts.put(world.conn, EndpointCounts(
        run_id=world.run.id, stream=world.stream, sequence=sequence, ordinal=0, outcome="complete", live=live,
        state_sum=bytes(16), first_key=first, last_key=last,
    ))  # fmt: skip
    world.end_run()


def _digest(world: World, key: str, content: str) -> bytes:
    return world.row(key, 1, content, slot=0).digest


def _compare_state(conn: sa.Connection, world: World, sequence: int, expected: dict[str, str]) -> None:
    ordered = sorted(expected, key=str.encode)
    found: list[str] = []
    after = None
    while page := records.page(conn, world.stream, sequence=sequence, after=after, limit=7):
        assert all(row.digest == _digest(world, row.record_key, expected[row.record_key]) for row in page)
        after = page[-1].record_key
        found += [row.record_key for row in page]
    assert found == ordered
    assert records.count(conn, world.stream, sequence) == len(ordered)
    for offset in range(0, len(ordered) + 5, 5):
        at = records.page_at(conn, world.stream, offset, sequence=sequence, limit=5)
        assert [row.record_key for row in at] == ordered[offset : offset + 5]
    assert sorted(records.get_many(conn, world.stream, [*ordered, "no such"], sequence)) == sorted(ordered)


def _compare_changes(world: World, before: int, after: int, states: list[dict[str, str]]) -> None:
    old, new = states[before], states[after]
    expected = [
        (key, "added" if key not in old else "deleted" if key not in new else "changed")
        for key in sorted(old.keys() | new.keys(), key=str.encode)
        if old.get(key) != new.get(key)
    ]
    found: list[tuple[str, str]] = []
    last = None
    while page := changes.page(world.conn, world.stream, before, after, after=last, limit=6):
        found += [(change.record_key, change.kind) for change in page]
        last = page[-1].record_key
    assert found == expected


def test_what_a_record_is_compared_by_changes_without_a_version(world: World) -> None:
    world.insert(1, "a", "b")
    records.recompare(world.conn, world.stream, {"a": b"1" * 16, "x": b"2" * 16})
    found = records.lookup(world.conn, world.stream, ["a", "b"])
    assert (found["a"].compare, found["a"].run_from, found["b"].compare) == (b"1" * 16, 1, None)
    records.recompare(world.conn, world.stream, {})
    assert world.keys(1) == ["a", "b"]
