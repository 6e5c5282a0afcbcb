from holdfast.vault import CustomerVault
from holdfast.vault.locating import FrameRecords


def test_every_byte_of_a_frame_belongs_to_its_record(customer: CustomerVault) -> None:
    writer = customer.pack_writer(1, 2, 3, 4)
    raws = {
        (endpoint, f"{endpoint}{number}"): b"{" + str(number).encode() * (number % 50) * 20 + b"}"
        for endpoint in ("a", "b", "c")
        for number in range(200)
    }
    placed = {}
    for endpoint in ("a", "b", "c", "a"):
        of_endpoint = {key: raw for (name, key), raw in raws.items() if name == endpoint}
        digests = [bytes(16)] * len(of_endpoint)
        places = writer.add_records(endpoint, list(of_endpoint), list(of_endpoint.values()), digests)
        placed[endpoint] = dict(zip(of_endpoint, places, strict=True))
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    footer = customer.read_footer(pack.id)
    frames = {frame for columns in footer.records for frame in columns.frames}
    assert len(frames) > 2
    found = []
    for number in sorted(frames):
        content, located = customer.read_frame(pack.id, number), FrameRecords(footer, number)
        at = 0
        while (record := located.at(at)) is not None:
            assert record.start == at and located.at(record.end - 1) == record
            assert content[record.start : record.end] == raws[record.endpoint, record.key]
            found.append((record.endpoint, record.key, (number, record.start, record.end - record.start)))
            at = record.end
        assert at == len(content)
    assert len(found) == 800
    assert {one for one in found if one[0] != "a"} == {
        (endpoint, key, place) for endpoint in ("b", "c") for key, place in placed[endpoint].items()
    }


def test_what_is_read_once_is_not_kept_but_the_dictionary_is(customer: CustomerVault) -> None:
    writer = customer.pack_writer(1, 2, 3, 4)
    raws = [b'{"n":%d,"x":"%b"}' % (number, b"abc" * (number % 100)) for number in range(5_000)]
    writer.add_records("a", [str(number) for number in range(5_000)], raws, [bytes(16)] * 5_000)
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    frames = sorted({frame for columns in pack.footer.records for frame in columns.frames})
    once = customer.packs.read_frames_once(pack.id, frames)
    assert b"".join(once.values()) == b"".join(raws)
    assert customer.packs.read_frames_once(pack.id, frames[1:2])[frames[1]] == once[frames[1]]
    assert [customer.read_frame(pack.id, frame) for frame in frames] == list(once.values())
