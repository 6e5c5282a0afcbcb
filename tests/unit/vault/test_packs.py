import threading

import pytest

from holdfast.errors import Damaged, ObjectMissing, VaultError
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import BlobDescriptor, CustomerVault, Place, Vault, digests, pack_writer
from holdfast.vault.footers import RecordVersion


def add(writer, customer: CustomerVault, endpoint: str, keys: list[str], raws: list[bytes], **columns):
    found = digests.record_digests(customer.digest_key, endpoint, keys, raws)
    return found, writer.add_records(endpoint, keys, raws, found, **columns)


def records(count: int, size: int = 1000) -> tuple[list[str], list[bytes]]:
    return [f"{i:06d}" for i in range(count)], [b'{"id":%d,"x":"%s"}' % (i, b"y" * (i % size)) for i in range(count)]


def test_records_are_read_back_from_where_they_were_put(customer: CustomerVault):
    keys, raws = records(2000)
    writer = customer.pack_writer(3, 30, 1, 1)
    _, places = add(writer, customer, "issues", keys, raws)
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    wanted = [Place(pack.id, *place) for place in places]
    assert customer.read_many(wanted) == raws
    assert customer.read_many(wanted[::-1]) == raws[::-1]
    assert [customer.read(place) for place in wanted[::97]] == raws[::97]
    assert len({place.frame for place in wanted}) > 3
    assert list(customer.pack_ids()) == [pack.id]
    assert customer.packs.size_bytes(pack.id) == len(pack.data)


def test_the_footer_says_everything_that_was_added(customer: CustomerVault):
    writer = customer.pack_writer(3, 30, 4, 2)
    keys, raws = records(3)
    blob = BlobDescriptor("ab" * 16, 5, b"d" * 16, (b"c" * 16,), "text/plain", "a.txt", '"etag"', "files.example.com")
    found, places = add(
        writer, customer, "issues", keys, raws, compares=[None, b"k" * 16, None], blobs=[None, None, blob.id]
    )
    add(writer, customer, "comments", ["p~1"], [b"{}"], parents=["p"])
    elsewhere = Place("cd" * 16, 1, 2, 3)
    writer.add_reference("issues", "9", b"r" * 16, None, elsewhere, blob.id, parent="q")
    writer.add_deletions("issues", ["7", "8"])
    writer.add_deletions("issues", [])
    chunk = writer.add_chunk(b"c" * 16, b"hello")
    writer.add_blob(blob)
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)

    footer = customer.read_footer(pack.id)
    assert footer == pack.footer
    assert (footer.instance_id, footer.run_id, footer.sequence, footer.batch) == (3, 30, 4, 2)
    assert list(footer.versions()) == [
        RecordVersion("issues", "000000", found[0], None, "", None, *places[0]),
        RecordVersion("issues", "000001", found[1], b"k" * 16, "", None, *places[1]),
        RecordVersion("issues", "000002", found[2], None, "", blob.id, *places[2]),
        RecordVersion(
            "comments",
            "p~1",
            digests.record_digest(customer.digest_key, "comments", "p~1", b"{}"),
            None,
            "p",
            None,
            0,
            sum(map(len, raws)),
            2,
        ),
    ]
    assert footer.references[0].place == elsewhere
    assert (footer.references[0].parent, footer.references[0].blob) == ("q", blob.id)
    assert [(deletion.endpoint, deletion.keys) for deletion in footer.deletions] == [("issues", ["7", "8"])]
    assert list(footer.chunk_places()) == [(b"c" * 16, *chunk)]
    assert footer.blobs == [blob]
    assert customer.read(Place(pack.id, *chunk)) == b"hello"


def test_a_writer_to_which_nothing_was_added_gives_no_pack(customer: CustomerVault):
    writer = customer.pack_writer(3, 30, 1, 1)
    assert writer.add_records("issues", [], [], []) == []
    writer.add_deletions("issues", [])
    assert writer.finish() is None


def test_a_finished_or_failed_writer_refuses_further_work(customer: CustomerVault):
    writer = customer.pack_writer(3, 30, 1, 1)
    writer.add_deletions("issues", ["1"])
    writer.finish()
    with pytest.raises(VaultError, match="finished"):
        writer.add_deletions("issues", ["1"])
    broken = customer.pack_writer(3, 30, 1, 1)
    with pytest.raises(VaultError, match="differ in length"):
        broken.add_records("issues", ["1"], [], [])
    with pytest.raises(VaultError, match="failed"):
        broken.finish()


def test_a_frame_stays_within_its_bound_unless_it_is_one_piece(customer: CustomerVault):
    writer = customer.pack_writer(3, 30, 1, 1)
    large = b"x" * (pack_writer.FIRST_FRAME_BYTES + 1)
    _, places = add(writer, customer, "a", ["1", "2", "3", "4"], [b"{}", large, b"[]", b""])
    assert [place[0] for place in places] == [0, 1, 2, 2]
    assert [place[1] for place in places] == [0, 0, 0, 2]
    assert writer.size_bytes > 0


def test_the_first_full_frame_of_records_is_the_dictionary_of_those_after_it(customer: CustomerVault):
    keys, raws = records(1500)
    writer = customer.pack_writer(3, 30, 1, 1)
    writer.add_chunk(b"c" * 16, b"chunk")
    _, places = add(writer, customer, "a", keys, raws)
    writer.add_chunk(b"d" * 16, b"chunk")
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    _, directory = customer.packs.open_whole(pack.id, pack.data)
    last = len(directory.frames) - 1
    assert [frame.dictionary for frame in directory.frames] == [None, None, *[1] * (last - 2), None]
    assert directory.frames[1].raw_bytes > directory.frames[2].raw_bytes
    assert customer.read(Place(pack.id, *places[-1])) == raws[-1]
    assert customer.read(Place(pack.id, last, 0, 5)) == b"chunk"


def test_a_small_frame_is_no_dictionary(customer: CustomerVault):
    writer = customer.pack_writer(3, 30, 1, 1)
    add(writer, customer, "a", ["1"], [b"{}"])
    writer.add_chunk(b"c" * 16, b"chunk")
    add(writer, customer, "a", ["2"], [b"x" * 10_000])
    pack = writer.finish()
    assert pack is not None
    _, directory = customer.packs.open_whole(pack.id, pack.data)
    assert [frame.dictionary for frame in directory.frames] == [None, None, None]


def test_records_and_chunks_share_no_frame(customer: CustomerVault):
    writer = customer.pack_writer(3, 30, 1, 1)
    _, first = add(writer, customer, "a", ["1"], [b"{}"])
    chunk = writer.add_chunk(b"c" * 16, b"data")
    _, second = add(writer, customer, "a", ["2"], [b"[]"])
    assert [first[0][0], chunk[0], second[0][0]] == [0, 1, 2]


def test_a_missing_pack_is_named(customer: CustomerVault):
    with pytest.raises(ObjectMissing, match="packs/7/ab/abab"):
        customer.read(Place("ab" * 16, 0, 0, 1))


def test_places_beyond_what_was_written_are_damage(customer: CustomerVault):
    writer = customer.pack_writer(3, 30, 1, 1)
    add(writer, customer, "a", ["1"], [b"{}"])
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    for place in (Place(pack.id, 1, 0, 1), Place(pack.id, 0, 1, 2), Place(pack.id, -1, 0, 1), Place(pack.id, 0, -1, 1)):
        with pytest.raises(Damaged):
            customer.read(place)


def test_a_pack_does_not_open_for_another_customer_or_under_another_id(
    vault: Vault, storage: MemoryStorage, customer: CustomerVault
):
    writer = customer.pack_writer(3, 30, 1, 1)
    add(writer, customer, "a", ["1"], [b"{}"])
    pack = writer.finish()
    assert pack is not None
    other = vault.create_customer(8)
    storage.put(f"packs/8/{pack.id[:2]}/{pack.id}", pack.data)
    storage.put(f"packs/7/ab/{'ab' * 16}", pack.data)
    with pytest.raises(Damaged):
        other.read(Place(pack.id, 0, 0, 2))
    with pytest.raises(Damaged):
        customer.read(Place("ab" * 16, 0, 0, 2))


def test_a_pack_encoded_wrongly_is_not_stored(customer: CustomerVault, storage: MemoryStorage):
    writer = customer.pack_writer(3, 30, 1, 1)
    add(writer, customer, "a", ["1"], [b"{}"])
    pack = writer.finish()
    assert pack is not None
    pack.footer.batch = 9
    with pytest.raises(Damaged, match="encoded wrongly"):
        customer.put_pack(pack)
    assert list(storage.list("packs/")) == []


def test_many_threads_read_the_same_pack(customer: CustomerVault):
    keys, raws = records(3000)
    writer = customer.pack_writer(3, 30, 1, 1)
    _, places = add(writer, customer, "issues", keys, raws)
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    wanted = [Place(pack.id, *place) for place in places]
    wrong: list[int] = []

    def read(start: int) -> None:
        wrong.extend(i for i in range(start, len(wanted), 40) if customer.read(wanted[i]) != raws[i])

    threads = [threading.Thread(target=read, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
