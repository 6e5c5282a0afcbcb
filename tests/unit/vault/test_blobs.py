import random
from itertools import accumulate

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Damaged, InputError
from holdfast.vault import BlobDescriptor, CustomerVault, Place, digests
from holdfast.vault.blobs import CHUNK_BYTES_AVERAGE, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, Chunker, read_blob

CONTENT = random.Random(5).randbytes(12_000_000)
ENDS = [703080, 2093163, 3850639, 5470050, 6616099, 7746390, 8926672, 10844277, 11905413, 12000000]
"""Of its chunks."""


def chunks_of(content: bytes, piece: int = 1 << 20) -> list[bytes]:
    chunker = Chunker()
    found = [chunk for i in range(0, len(content), piece) for chunk in chunker.feed(content[i : i + piece])]
    return found + list(chunker.finish())


def store(customer: CustomerVault, content: bytes) -> tuple[BlobDescriptor, list[Place]]:
    writer = customer.pack_writer(3, 30, 1, 1)
    chunks = chunks_of(content)
    chunk_digests = [digests.content_digest(customer.chunk_key, chunk) for chunk in chunks]
    places = [writer.add_chunk(digest, chunk) for digest, chunk in zip(chunk_digests, chunks, strict=True)]
    blob = BlobDescriptor(
        "ab" * 16, len(content), digests.content_digest(customer.blob_key, content), tuple(chunk_digests)
    )
    writer.add_blob(blob)
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    return blob, [Place(pack.id, *place) for place in places]


@pytest.mark.parametrize("piece", [1_000_003, 65_536, 12_000_000])
def test_chunks_depend_on_the_content_not_on_how_it_arrives(piece: int):
    found = chunks_of(CONTENT, piece)
    assert b"".join(found) == CONTENT
    assert found == chunks_of(CONTENT)
    assert all(CHUNK_BYTES_MIN <= len(chunk) <= CHUNK_BYTES_MAX for chunk in found[:-1])
    assert CHUNK_BYTES_AVERAGE / 2 < len(CONTENT) / len(found) < CHUNK_BYTES_AVERAGE * 2


def test_chunks_end_where_they_always_have():
    """Another release of the chunker that cut elsewhere would store every blob again."""
    ends = list(accumulate(len(chunk) for chunk in chunks_of(CONTENT)))
    assert ends == ENDS


def test_bytes_put_in_at_the_front_change_the_first_chunks_only():
    before, after = chunks_of(CONTENT), chunks_of(b"a new beginning" + CONTENT)
    assert len(set(before) & set(after)) >= len(before) - 2


@pytest.mark.parametrize("size", [1, CHUNK_BYTES_MIN])
def test_a_small_blob_is_one_chunk(size: int):
    assert chunks_of(CONTENT[:size], 1000) == [CONTENT[:size]]
    assert chunks_of(b"") == []


def test_a_blob_of_one_repeated_byte_is_cut_at_the_largest_size():
    assert [len(chunk) for chunk in chunks_of(bytes(9_000_000))][:2] == [CHUNK_BYTES_MAX, CHUNK_BYTES_MAX]


@given(st.data())
@settings(max_examples=20)
def test_any_range_of_a_blob_is_read(data: st.DataObject):
    from holdfast.storage.memory import MemoryStorage
    from holdfast.vault import RootKey, Vault

    customer = Vault.create(MemoryStorage(), RootKey(bytes(32))).create_customer(7)
    content = CONTENT[:4_000_000]
    blob, places = store(customer, content)
    assert b"".join(read_blob(customer, blob, places)) == content
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.none() | st.integers(0, len(content) - start))
    stop = len(content) if length is None else start + length
    assert b"".join(read_blob(customer, blob, places, start, length)) == content[start:stop]


def test_a_large_blob_that_is_read_is_not_kept_in_memory_and_a_small_part_is(customer: CustomerVault):
    blob, places = store(customer, CONTENT)
    assert len(places) > 3
    frames = customer.packs._cache.frames
    assert b"".join(read_blob(customer, blob, places)) == CONTENT
    assert [frames.get((customer.customer_id, place.pack, place.frame)) for place in places] == [None] * len(places)
    assert b"".join(read_blob(customer, blob, places, 5, 10)) == CONTENT[5:15]
    assert frames.get((customer.customer_id, places[0].pack, places[0].frame)) is not None


def test_an_empty_blob_has_no_chunks(customer: CustomerVault):
    blob, places = store(customer, b"")
    assert places == []
    assert list(read_blob(customer, blob, places)) == []


def test_wrong_chunks_ranges_and_digests_are_never_read_as_good_data(customer: CustomerVault):
    blob, places = store(customer, CONTENT[:5_000_000])
    assert len(places) > 2
    for start, length in ((-1, None), (0, 5_000_001), (5_000_001, None), (3, -1)):
        with pytest.raises(InputError):
            read_blob(customer, blob, places, start, length)
    with pytest.raises(Damaged, match="length"):
        read_blob(customer, blob, places[:-1])
    with pytest.raises(Damaged, match="another chunk"):
        list(read_blob(customer, blob, [places[1], places[0], *places[2:]]))
    other = msgspec.structs.replace(blob, digest=bytes(16))
    with pytest.raises(Damaged, match="its digest differs"):
        list(read_blob(customer, other, places))
    with pytest.raises(Damaged):
        list(read_blob(customer, blob, [places[0]._replace(offset=1), *places[1:]]))
