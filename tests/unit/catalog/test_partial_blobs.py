from holdfast.catalog import partial_blobs
from holdfast.catalog.partial_blobs import PartialBlob
from tests.unit.catalog.world import World


def test_how_far_a_download_is_replaces_how_far_it_was(world: World) -> None:
    first = PartialBlob(world.stream, "1", '"a"', "", None, b"1" * 16)
    later = PartialBlob(world.stream, "1", '"a"', "", 2**40, b"1" * 16 + b"2" * 16)
    other = PartialBlob(world.stream, "2", "", "Tue, 24 Nov 2026 09:00:00 GMT", 7, b"3" * 16)
    partial_blobs.put(world.conn, [first, other])
    partial_blobs.put(world.conn, [later])
    partial_blobs.put(world.conn, [])
    assert partial_blobs.of_stream(world.conn, world.stream) == {"1": later, "2": other}
    assert later.chunk_digests == [b"1" * 16, b"2" * 16]
    partial_blobs.remove(world.conn, world.stream, ["1"])
    partial_blobs.remove(world.conn, world.stream, [])
    assert list(partial_blobs.of_stream(world.conn, world.stream)) == ["2"]
