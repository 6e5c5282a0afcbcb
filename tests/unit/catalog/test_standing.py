from holdfast.catalog import blobs, debts, emptying, packs, records, standing
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.debts import DAMAGED, Debt
from tests.unit.catalog.world import World


def _pack(world: World, name: str) -> int:
    return packs.add(
        world.conn, name * 32, customer_id=world.customer.id, instance_id=world.instance.id, run_id=world.run.id,
        sequence=1, batch=1, kind="records", size_bytes=10, raw_bytes=10,
    )  # fmt: skip


def _filled(world: World) -> tuple[int, int, int]:
    """A record with a version in each of two packs, the older one with a blob; and the blob's number."""
    first, second = _pack(world, "a"), _pack(world, "b")
    blob = blobs.add(
        world.conn, "c" * 32, customer_id=world.customer.id, instance_id=world.instance.id, pack=first, size_bytes=1,
        digest=b"d" * 16, content_type=None, name=None, version=None, chunk_digests=[b"1" * 16],
    )  # fmt: skip
    blobs.add_chunks(world.conn, world.customer.id, {b"1" * 16: ChunkPlace(first, 0, 0, 1)})
    old = world.row("one", 1, blob=blob)._replace(pack=first)
    world.insert_rows([old, world.row("two", 1)._replace(pack=first, start=10)])
    records.replace(world.conn, world.stream, 2, [old._replace(run_from=2, pack=second, blob=None)])
    return first, second, blob


def test_versions_are_found_by_pack_and_by_blob_and_their_content_elsewhere(world: World) -> None:
    first, second, blob = _filled(world)
    found = standing.versions_in(world.conn, first)
    assert [(one.record_key, one.run_from, one.run_to) for one in found] == [("one", 1, 2), ("two", 1, None)]
    assert [one.run_to for one in standing.versions_in(world.conn, second)] == [None]
    assert standing.versions_with(world.conn, [blob]) == [found[0]]
    places = standing.places_of(world.conn, world.stream, "one", found[0].digest)
    assert {place[0] for place in places} == {"a" * 32, "b" * 32}
    assert packs.size_bytes(world.conn) == 20
    assert [pack.id for pack in packs.get_many(world.conn, [second, first])] == [first, second]


def test_what_cannot_be_had_is_dropped(world: World) -> None:
    first, *_ = _filled(world)
    old, two = standing.versions_in(world.conn, first)
    standing.drop_blob(world.conn, old)
    assert standing.versions_in(world.conn, first)[0].blob is None
    standing.drop(world.conn, old)
    standing.drop(world.conn, two)
    assert standing.versions_in(world.conn, first) == []
    assert set(records.lookup(world.conn, world.stream, ["one", "two"])) == {"one"}
    standing.forget_chunks(world.conn, world.customer.id, first, [b"1" * 16])
    assert blobs.chunk_places(world.conn, world.customer.id, [b"1" * 16]) == {}


def test_a_stretch_knows_what_was_written_and_what_ended_in_it(world: World) -> None:
    _filled(world)
    assert [(row.record_key, row.run_from) for row in emptying.written_in(world.conn, world.stream, 0, 1)] == [
        ("one", 1), ("two", 1),
    ]  # fmt: skip
    assert [(row.record_key, row.run_from) for row in emptying.written_in(world.conn, world.stream, 1, 2)] == [
        ("one", 2)
    ]
    assert emptying.ended_in(world.conn, world.stream, 1, 2) == ["one"]
    assert emptying.ended_in(world.conn, world.stream, 0, 1) == []


def test_records_whose_content_was_lost_are_debts_of_their_own_cause(world: World) -> None:
    _filled(world)
    lost = Debt(world.stream, "one", "record", None, DAMAGED, "lost", 0, 2, 2)
    debts.put(world.conn, [lost, Debt(world.stream, "two", "blob", None, DAMAGED, "", 0, 2, 2)])
    assert debts.damaged(world.conn, world.stream) == {"one"}
    debts.settle(world.conn, world.stream, "record", ["one"])
    assert debts.damaged(world.conn, world.stream) == set()
