from holdfast.catalog import streams
from tests.unit.catalog.world import World


def test_streams_follow_the_definitions_order(world: World) -> None:
    made = streams.ensure(world.conn, world.instance.id, [("b", "Second"), ("records", "First")], 2)
    assert [stream.endpoint for stream in streams.of_instance(world.conn, world.instance.id)] == ["b", "records"]
    assert (made["records"].id, made["records"].description, made["records"].first_run) == (world.stream, "First", 1)
    assert (made["b"].first_run, made["b"].last_run, made["b"].live) == (2, 0, 0)


def test_an_endpoint_that_the_definition_dropped_comes_behind(world: World) -> None:
    made = streams.ensure(world.conn, world.instance.id, [("new", None)], 2)
    assert list(made) == ["new", "records"]
    again = streams.ensure(world.conn, world.instance.id, [("records", None), ("new", None)], 3)
    assert list(again) == ["records", "new"]


def test_counters_are_kept(world: World) -> None:
    streams.advance(world.conn, world.stream, live=5, state_sum=b"s" * 16)
    stream = streams.get(world.conn, world.stream)
    assert (stream.live, stream.state_sum) == (5, b"s" * 16)
    assert streams.find(world.conn, world.instance.id, "records") == stream
    assert streams.find(world.conn, world.instance.id, "none") is None


def test_a_stream_remembers_the_last_run_that_changed_it(world: World) -> None:
    world.insert(1, "a")
    world.insert(3, "b")
    assert streams.get(world.conn, world.stream).last_run == 3
    world.delete(4, "no such record")
    world.delete(5, "a")
    assert streams.get(world.conn, world.stream).last_run == 5
