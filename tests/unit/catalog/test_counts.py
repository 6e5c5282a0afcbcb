from holdfast.catalog import counts, streams
from holdfast.catalog.counts import EndpointCounts
from tests.unit.catalog.world import World


def _counts(world: World, stream: int, ordinal: int, **numbers: int) -> EndpointCounts:
    return EndpointCounts(
        run_id=world.run.id, stream=stream, sequence=world.run.sequence, ordinal=ordinal, outcome="complete",
        live=numbers.pop("live", 3), state_sum=b"s" * 16, first_key="a\0", last_key="é", **numbers,
    )  # fmt: skip


def test_a_runs_counts_come_in_the_definitions_order(world: World) -> None:
    other = streams.ensure(world.conn, world.instance.id, [("records", None), ("other", None)], 1)["other"].id
    second = _counts(world, world.stream, 1, new=2)
    first = _counts(world, other, 0, changed=4)
    counts.put(world.conn, second)
    counts.put(world.conn, first)
    found = counts.of_run(world.conn, world.run.id)
    assert list(found.items()) == [("other", first), ("records", second)]


def test_counts_written_again_replace_those_before(world: World) -> None:
    counts.put(world.conn, _counts(world, world.stream, 0, new=2))
    counts.put(world.conn, _counts(world, world.stream, 0, live=9))
    assert [(kept.live, kept.new) for kept in counts.of_stream(world.conn, world.stream)] == [(9, 0)]


def test_a_streams_counts_over_its_runs(world: World) -> None:
    counts.put(world.conn, _counts(world, world.stream, 0))
    world.end_run()
    counts.put(world.conn, _counts(world, world.stream, 0))
    assert [kept.sequence for kept in counts.of_stream(world.conn, world.stream)] == [1, 2]
