from holdfast.catalog import blobs, holdings, packs, records
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.holdings import Holding
from tests.unit.catalog.world import World

CHUNK, SHARED = b"1" * 16, b"2" * 16


def _pack(world: World, name: str, kind: str) -> int:
    return packs.add(
        world.conn, name, customer_id=world.customer.id, instance_id=world.instance.id, run_id=world.run.id,
        sequence=1, batch=1, kind=kind, size_bytes=10, raw_bytes=10,
    )  # fmt: skip


def _blob(world: World, object_id: str, pack: int, *digests: bytes) -> int:
    return blobs.add(
        world.conn, object_id, customer_id=world.customer.id, instance_id=world.instance.id, pack=pack,
        size_bytes=1, digest=b"d" * 16, content_type=None, name=None, version=None, chunk_digests=digests,
    )  # fmt: skip


def test_a_pack_holds_newest_and_old_versions_and_blobs_and_parts_of_them(world: World) -> None:
    first, second, unused = (_pack(world, name * 32, "records") for name in "abc")
    with_blob, sharing = _blob(world, "1" * 32, first, CHUNK, SHARED), _blob(world, "2" * 32, second, SHARED)
    blobs.add_chunks(
        world.conn, world.customer.id, {CHUNK: ChunkPlace(first, 0, 0, 1), SHARED: ChunkPlace(second, 0, 0, 1)}
    )
    old = world.row("old", 1)._replace(pack=first)
    rows = [old, world.row("one", 1, blob=with_blob)._replace(pack=first), world.row("two", 1, blob=sharing)]
    world.insert_rows(row._replace(pack=row.pack or unused) for row in rows)
    records.replace(world.conn, world.stream, 2, [old._replace(run_from=2, pack=second)])
    found = holdings.of_packs(world.conn, ["a" * 32, "b" * 32, "none"])
    assert found["a" * 32] >= {
        Holding("record", "records", "old"), Holding("record", "records", "one"), Holding("blob", "records", "one"),
    }  # fmt: skip
    assert found["b" * 32] == {
        Holding("record", "records", "old"), Holding("blob", "records", "one"), Holding("blob", "records", "two"),
    }  # fmt: skip
    assert "none" not in found


def test_a_pack_that_holds_nothing_is_left_out(world: World) -> None:
    _pack(world, "a" * 32, "records")
    assert holdings.of_packs(world.conn, ["a" * 32]) == {}
    assert holdings.of_packs(world.conn, []) == {}
