from holdfast.catalog import changes, fields
from holdfast.catalog.fields import NOTHING, KnownField, Learned
from tests.unit.catalog.world import World

A, B, C = (bytes([number]) * 16 for number in (1, 2, 3))


def test_what_is_learned_adds_up(world: World) -> None:
    conn, stream = world.conn, world.stream
    assert fields.learned(conn, stream) == NOTHING
    first = [KnownField(A, bytes(16), 1, "k1"), KnownField(B, A, 1, "k\0é")]
    assert fields.learn(conn, stream, NOTHING, Learned(1, "k5"), first)
    assert fields.learn(conn, stream, Learned(1, "k5"), Learned(2, None), [KnownField(C, A, 2, "k3")])
    assert fields.learn(conn, stream, Learned(2, None), Learned(3, "k"), [])
    assert fields.learned(conn, stream) == Learned(3, "k")
    assert sorted(fields.known(conn, stream)) == [(A, bytes(16)), (B, A), (C, A)]
    assert fields.brought_by(conn, stream, 0, 1, "k", "k2") == [KnownField(B, A, 1, "k\0é"), first[0]]
    assert fields.brought_by(conn, stream, 1, 2, "k3", "k3") == [KnownField(C, A, 2, "k3")]
    assert fields.brought_by(conn, stream, 0, 2, "k4", "k9") == []


def test_only_one_goes_on_from_a_place(world: World) -> None:
    conn, stream = world.conn, world.stream
    assert fields.learn(conn, stream, NOTHING, Learned(1, "a"), [])
    assert not fields.learn(conn, stream, NOTHING, Learned(1, "b"), [KnownField(A, A, 1, "b")])
    assert not fields.learn(conn, stream, Learned(1, "b"), Learned(1, "c"), [KnownField(A, A, 1, "c")])
    assert not fields.learn(conn, stream, Learned(1, None), Learned(1, "c"), [KnownField(A, A, 1, "c")])
    assert fields.known(conn, stream) == []


def test_the_next_run_that_changed_anything(world: World) -> None:
    world.insert(1, "a", "b")
    world.replace(3, "a", "new")
    world.delete(7, "b")
    found = [changes.next_run(world.conn, world.stream, after, 9) for after in range(9)]
    assert found == [1, 3, 3, 7, 7, 7, 7, None, None]
    assert changes.next_run(world.conn, world.stream, 3, 6) is None
    assert changes.next_run(world.conn, world.stream, 0, 0) is None
