from datetime import timedelta

import sqlalchemy as sa

from holdfast.catalog import blobs, packs
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.columns import Time
from holdfast.catalog.schema import packs as packs_table
from holdfast.clock import now
from tests.unit.catalog.world import World

ONE, TWO = b"1" * 16, b"2" * 16


def _pack(world: World, name: str) -> int:
    return packs.add(
        world.conn, name, customer_id=world.customer.id, instance_id=world.instance.id, run_id=world.run.id,
        sequence=1, batch=1, kind="blobs", size_bytes=10, raw_bytes=10,
    )  # fmt: skip


def _blob(world: World, object_id: str, *digests: bytes) -> int:
    return blobs.add(
        world.conn, object_id, customer_id=world.customer.id, instance_id=world.instance.id, pack=1,
        size_bytes=2**40, digest=b"d" * 16, content_type="text/plain", name="a\0b.txt", version=None,
        chunk_digests=digests,
    )  # fmt: skip


def test_a_blob_comes_back_with_its_chunks_in_order(world: World) -> None:
    number = _blob(world, "a" * 32, TWO, ONE, TWO)
    blob = blobs.get(world.conn, number)
    assert (blob.object_id, blob.size_bytes, blob.chunk_digests) == ("a" * 32, 2**40, [TWO, ONE, TWO])
    assert blob.name == "a\N{REPLACEMENT CHARACTER}b.txt"
    assert blobs.get_many(world.conn, [number, number, -1]) == {number: blob}
    assert blobs.numbers(world.conn, ["a" * 32, "none"]) == {"a" * 32: number}


def test_an_empty_blob_has_no_chunks(world: World) -> None:
    assert blobs.get(world.conn, _blob(world, "a" * 32)).chunk_digests == []


def test_a_recheck_moves_the_time(world: World) -> None:
    number = _blob(world, "a" * 32)
    moment = now() + timedelta(days=1)
    blobs.set_fetched(world.conn, number, moment)
    assert blobs.get(world.conn, number).fetched_at == moment


def test_chunks_are_shared_within_a_customer_only(world: World) -> None:
    place = ChunkPlace(_pack(world, "p"), 1, 2, 3)
    blobs.add_chunks(world.conn, world.customer.id, {ONE: place})
    blobs.add_chunks(world.conn, world.customer.id, {})
    assert blobs.chunk_places(world.conn, world.customer.id, [ONE, TWO]) == {ONE: place}
    assert blobs.chunk_places(world.conn, world.customer.id + 1, [ONE]) == {}


def test_a_chunk_in_a_condemned_pack_is_read_but_not_shared(world: World) -> None:
    old = ChunkPlace(_pack(world, "old"), 1, 2, 3)
    blobs.add_chunks(world.conn, world.customer.id, {ONE: old})
    world.conn.execute(sa.update(packs_table).values(condemned_at=sa.literal(now(), Time)))
    assert blobs.chunk_places(world.conn, world.customer.id, [ONE]) == {ONE: old}
    assert blobs.chunk_places(world.conn, world.customer.id, [ONE], condemned=False) == {}
    new = ChunkPlace(_pack(world, "new"), 4, 5, 6)
    blobs.add_chunks(world.conn, world.customer.id, {ONE: new})
    assert blobs.chunk_places(world.conn, world.customer.id, [ONE], condemned=False) == {ONE: new}


def test_many_chunks_at_once(world: World) -> None:
    pack = _pack(world, "p")
    places = {number.to_bytes(16, "big"): ChunkPlace(pack, number, 0, 1) for number in range(6_000)}
    blobs.add_chunks(world.conn, world.customer.id, places)
    assert blobs.chunk_places(world.conn, world.customer.id, places, condemned=False) == places
