import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from holdfast.catalog import counts, following_pages, readings, records, runs, streams
from holdfast.catalog.counts import EndpointCounts
from holdfast.catalog.database import Database
from holdfast.catalog.rows import RecordRow
from tests.unit.catalog.world import World


@pytest.fixture
def world(shared_databases: dict[str, Database]) -> Iterator[World]:
    """In PostgreSQL, rolled back then."""
    with shared_databases["postgresql"].write() as conn:
        yield World.make(conn)
        conn.rollback()


def _read(world: World, run_id: int, after: str, limit: int = 3) -> tuple[readings.Reading, list[RecordRow]]:
    part = following_pages.partition(world.conn, world.stream)
    found = following_pages.read(
        world.conn, part, world.instance.id, "records", run_id=run_id, after=after, limit=limit
    )
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_it_says_what_a_reading_and_a_page_say_one_after_the_other(world: World, seed: int) -> None:
    chance = random.Random(seed)
    names = ["\0", "é", "\U0010ffff", *map(str, range(30))]
    live: set[str] = set()
    for sequence in range(1, 6):
        new = [name for name in chance.sample(names, 12) if name not in live]
        world.insert(sequence, *new)
        live |= set(new)
        for name in chance.sample(sorted(live), min(4, len(live))):
            world.replace(sequence, name, f"{sequence}")
        gone = chance.sample(sorted(live), min(3, len(live)))
        world.delete(sequence, *gone)
        live -= set(gone)
        streams.advance(world.conn, world.stream, live=len(live), state_sum=bytes(16))
        if chance.random() < 0.8:  # a run that failed early leaves none
            _keep_counts(world, sequence, len(live), with_ends=chance.random() < 0.7)
        world.end_run()
    for run in runs.all_of_instance(world.conn, world.instance.id):
        for after in ("", "1", "15", "3", "é", "\U0010ffff"):
            reading, rows = _read(world, run.id, after)
            assert reading == readings.find(world.conn, world.instance.id, "records", run_id=run.id)
            assert rows == records.page(world.conn, world.stream, sequence=run.sequence, after=after, limit=3)


def _keep_counts(world: World, sequence: int, live: int, *, with_ends: bool) -> None:
    first, last = (records.key_range(world.conn, world.stream) if with_ends else None) or (None, None)
    counts.put(world.conn, EndpointCounts(
        run_id=world.run.id, stream=world.stream, sequence=sequence, ordinal=0, outcome="complete", live=live,
        state_sum=bytes(16), first_key=first, last_key=last,
    ))  # fmt: skip


def test_of_another_instances_run_it_knows_nothing(world: World) -> None:
    world.insert(1, "a", "b")
    other = World.make(world.conn, "other")
    reading, rows = _read(world, other.run.id, "")
    assert (reading.vendor_id, reading.run_id, reading.sequence, rows) == (world.vendor.id, None, None, [])
    assert following_pages.read(world.conn, 0, 1, "records", run_id=other.run.id, after="", limit=3) is None


def test_rows_are_looked_for_in_one_partition_by_its_index(world: World) -> None:
    part = following_pages.partition(world.conn, world.stream)
    given = {"instance": world.instance.id, "endpoint": "records", "run_id": world.run.id, "after": b"", "limit": 20}
    plan = world.conn.connection.driver_connection.execute(  # type: ignore[union-attr] # it is psycopg's
        f"EXPLAIN {following_pages.statement(part)}", given
    ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert f"Index Scan using current_{part:02}_pkey" in text and f"Index Scan using history_{part:02}_pkey" in text
    assert "->  Sort" not in text and "Seq Scan" not in text


def test_each_partition_is_found(world: World) -> None:
    query = sa.text(
        'INSERT INTO "current" (stream, record_key, slot, run_from, digest, shape, pack, frame, start, length)'
        " SELECT number, 'k', 0, 1, '', 0, 0, 0, 0, 0 FROM generate_series(1000001, 1000200) AS number"
        " RETURNING stream, tableoid::regclass::text"
    )
    places = [(int(stream), str(table)) for stream, table in world.conn.execute(query)]
    found = {stream: f"current_{following_pages.partition(world.conn, stream):02}" for stream, _ in places}
    assert found == dict(places)
