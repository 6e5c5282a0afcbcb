"""Many records at once: each frame is fetched and decoded once, and nothing is read that is not there."""

import random

import pytest

from holdfast.errors import Damaged
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import CustomerVault, Vault, digests
from holdfast.vault.footers import PlainPlace
from holdfast.vault.pack_reader import NumberedPlace
from tests.support.faulty import Counting


def filled(customer: CustomerVault, raws: list[bytes]) -> list[PlainPlace]:
    """The places of these records, in two packs by turns."""
    found: dict[int, PlainPlace] = {}
    for half in (0, 1):
        writer = customer.pack_writer(3, 300, half + 1, 1)
        numbers = range(half, len(raws), 2)
        keys, mine = [f"{number:06}" for number in numbers], [raws[number] for number in numbers]
        places = writer.add_records(
            "items", keys, mine, digests.record_digests(customer.digest_key, "items", keys, mine)
        )
        pack = writer.finish()
        assert pack is not None
        customer.put_pack(pack)
        found.update((number, (pack.id, *place)) for number, place in zip(numbers, places, strict=True))
    return [found[number] for number in range(len(raws))]


def records(count: int) -> list[bytes]:
    dice = random.Random(3)
    return [b'{"id": %d, "text": "%s"}' % (number, dice.randbytes(400).hex().encode()) for number in range(count)]


def numbered(places: list[PlainPlace]) -> tuple[list[NumberedPlace], dict[int, str]]:
    """As a catalog has them: packs by number."""
    names = sorted({place[0] for place in places})
    rows = [
        (str(at), names.index(pack), frame, start, length) for at, (pack, frame, start, length) in enumerate(places)
    ]
    return rows, dict(enumerate(names))


def test_lines_are_the_records_in_the_order_of_the_places(customer: CustomerVault) -> None:
    raws = [*records(500), b'{\n "a":\r\n 1}', b"[\r]"]
    places = filled(customer, raws)
    lines = customer.read_lines(*numbered(places)).split(b"\n")
    assert lines == [*raws[:500], b'{  "a":   1}', b"[ ]", b""]
    assert customer.read_many(places) == raws, "what is kept of frames is as it was stored"
    assert customer.read_lines([], {}) == b""


def test_lines_read_one_after_the_other_decode_each_frame_once(storage: MemoryStorage, vault: Vault) -> None:
    places = filled(vault.create_customer(7), records(3_000))
    counting = Counting(storage)
    customer = vault.over(counting).customer(7)
    for first in range(0, len(places), 70):
        customer.read_lines(*numbered(places[first : first + 70]))
    frames = len({place[:2] for place in places})
    assert frames > 20 and counting.count("get", "packs/") <= frames + 2
    customer = vault.over(counting).customer(7)
    customer.read_lines(*numbered(places))
    counting.calls.clear()
    customer.read_lines(*numbered(places[1_500:1_570]))
    assert counting.count("get", "packs/") > 0, "frames that were read to their end are not kept"


@pytest.mark.parametrize(("offset", "length"), [(0, 10**9), (-5, 5), (-5, 3), (10**9, 1), (0, -3)])
def test_a_place_outside_of_its_frame_is_damage(customer: CustomerVault, offset: int, length: int) -> None:
    places = filled(customer, records(20))
    bad = [places[0], (*places[3][:2], offset, length)]
    with pytest.raises(Damaged, match="nothing at"):
        customer.read_lines(*numbered(bad))
    with pytest.raises(Damaged, match="nothing at"):
        customer.read_many(bad)


def test_places_that_are_wrong_by_as_much_in_both_directions_are_damage(customer: CustomerVault) -> None:
    places = filled(customer, records(20))
    pack, frame, start, _ = places[18]
    with pytest.raises(Damaged, match="nothing at"):
        customer.read_lines(*numbered([(pack, frame, start, 10**6), (pack, frame, 0, start - 10**6)]))
