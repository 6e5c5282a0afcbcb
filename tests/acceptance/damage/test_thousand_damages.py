"""A thousand bits flipped and two hundred objects cut short, over every kind of object: each is found by `verify`, and
nothing that was damaged is ever read as good."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import pytest

from holdfast.errors import HoldfastError
from holdfast.operations.prune import plan, prune
from holdfast.operations.retention import RetentionRules
from holdfast.operations.services import Services
from holdfast.operations.verify import verify
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import (
    CustomerVault,
    Vault,
    forgotten,
    keyring,
    manifests,
    marker,
    names,
    receipts,
    reports,
    revisions,
)
from holdfast.vault.names import ObjectName
from tests.integration.operations.test_blobs import BLOB, content, put
from tests.support.documents import CHILDREN, ITEMS, PARENTS, document
from tests.support.hostile_source import HostileSource, in_thread, make_record
from tests.support.installation import installed
from tests.support.mortality import contents

FLIPS = 1_000
TRUNCATIONS = 200
KINDS = {"marker", "key", "pack", "manifest", "forgotten", "revision", "receipt", "restore", "archive"}


@dataclass(frozen=True)
class Small:
    """A vault of a few hundred KB with every kind of object, in memory, and what is read from it while it is sound."""

    services: Services
    storage: MemoryStorage
    by_kind: dict[str, list[ObjectName]]
    sound: dict[str, dict[str, object]]
    """By object: what each of its readings says."""

    def readings(self, name: ObjectName) -> dict[str, Callable[[], object]]:
        """Every way to read the object, with nothing in memory that was read before."""
        vault = self.services.vault.over(self.storage)
        return dict(_readings(vault, name, self.storage))


def _readings(vault: Vault, name: ObjectName, storage: MemoryStorage) -> Iterator[tuple[str, Callable[[], object]]]:
    if name.kind == "marker":
        yield "marker", lambda: marker.decode(storage.get(name.text), vault.installation.keys)
        return
    if name.kind == "key":
        yield "key", lambda: keyring.find(storage, vault.root_key, name.customer_id or 0)
        return
    customer = vault.customer(name.customer_id or 0)
    data = partial(storage.get, name.text)
    if name.kind == "manifest":
        yield "manifest", lambda: manifests.decode(customer.keys, name.text, data())
    elif name.kind == "forgotten":
        yield "forgotten", lambda: forgotten.decode(customer.keys, name.text, data())
    elif name.kind == "receipt":
        yield "receipt", lambda: receipts.decode(customer.keys, name.text, data())
    elif name.kind == "restore":
        yield "restore", lambda: reports.decode(customer.keys, name.text, data())
    elif name.kind == "revision":
        yield "revision", lambda: revisions.decode(customer, name.text, data())
    elif name.kind == "archive":
        yield "archive", lambda: customer.unseal(data(), name.text.encode())
    else:
        yield from _pack_readings(customer, name.object_id or "")


def _pack_readings(customer: CustomerVault, pack_id: str) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "footer", lambda: customer.read_footer(pack_id)
    for number in range(PARTS_READ):
        yield f"frame {number}", partial(_frame, customer, pack_id, number)


PARTS_READ = 8
"""No pack of this vault has more frames."""


def _frame(customer: CustomerVault, pack_id: str, number: int) -> object:
    """A frame's bytes; None where the pack says that there is no such frame."""
    _, directory = customer.packs.read_contents(pack_id)
    return customer.read_frame(pack_id, number) if number < len(directory.frames) else None


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    home = tmp_path_factory.mktemp("small") / "home"
    with in_thread(HostileSource({"items": [], "parents": []}, page_size=100)) as source, installed(home) as made:
        for number in range(1, 300):
            source.put("items", make_record(number, text=random.Random(number).randbytes(150).hex()))
        for number in range(1, 9):
            put(source, number, content(number, 25_000), etag="1")
        source.put("parents", {"id": 1})
        source.put("parents/1/children", make_record(1))
        instance = made.instance(document(source.url, ITEMS + BLOB, PARENTS, CHILDREN))
        for run in range(3):
            source.put("items", make_record(50 + run, edited=run))
            made.backup(instance)
        rules = RetentionRules.parse("last=2")
        services = made.services
        prune(services, plan(services, rules=rules), actor="test", rules=rules, orphans_kept=timedelta(0))
        storage = MemoryStorage()
        for name, data in contents(services.storage).items():
            storage.put(name, data)
        customer = services.vault.customer(made.customer.id)
        segment = names.archive_segment(customer.customer_id, 1, "ab" * 8, 0)
        storage.put(segment, customer.seal(random.Random(1).randbytes(5_000), segment.encode()))
        signed = receipts.sign(services.vault.installation.keys, {"holdfast_restore": 1, "restore_id": 5})
        reports.put(storage, customer.keys, customer.customer_id, signed)
        services = replace(services, storage=storage, vault=Vault.open(storage, services.vault.root_key))
        by_kind: dict[str, list[ObjectName]] = {}
        for text in contents(storage):
            parsed = names.parse(text)
            assert parsed is not None
            by_kind.setdefault(parsed.kind, []).append(parsed)
        assert by_kind.keys() == KINDS
        assert verify(services).findings == []
        assert 200_000 < sum(map(len, contents(storage).values())) < 900_000
        unread = Small(services, storage, by_kind, {})
        sound = {
            name.text: {what: read() for what, read in unread.readings(name).items()}
            for some in by_kind.values()
            for name in some
        }
        yield replace(unread, sound=sound)


def assert_found_and_never_read(small: Small, name: ObjectName, damaged: bytes, what: str) -> None:
    good = small.storage.get(name.text)
    assert damaged != good
    small.storage.delete(name.text)
    small.storage.put(name.text, damaged)
    found = [one for one in verify(small.services).findings if one.object_name == name.text]
    assert found and all(one.severity in ("error", "warning") and one.advice for one in found), f"{what} was not found"
    refused = 0
    for reading, read in small.readings(name).items():
        try:
            said = read()
        except HoldfastError:
            refused += 1
            continue
        assert said == small.sound[name.text][reading], f"{what}: {reading} was read as good and is not"
    # The other copy of a key is read; everything else is refused where the damage is.
    assert refused or name.kind == "key", f"{what} was read as good"
    small.storage.delete(name.text)
    small.storage.put(name.text, good)


def chosen(small: Small, count: int, dice: random.Random) -> Iterator[ObjectName]:
    """Every kind alike, half of all packs, which have most of the bytes."""
    kinds = [*sorted(KINDS), *["pack"] * (len(KINDS) - 1)]
    for number in range(count):
        yield dice.choice(small.by_kind[kinds[number % len(kinds)]])


def test_a_thousand_flipped_bits_are_all_found_and_never_read(small: Small) -> None:
    dice = random.Random(20261124)
    tried: Counter[str] = Counter()
    for name in chosen(small, FLIPS, dice):
        data = bytearray(small.storage.get(name.text))
        position, bit = dice.randrange(len(data)), dice.randrange(8)
        data[position] ^= 1 << bit
        assert_found_and_never_read(small, name, bytes(data), f"bit {bit} of byte {position} of {name.text}")
        tried[name.kind] += 1
    assert tried.total() == FLIPS and tried.keys() == KINDS and min(tried.values()) >= 55
    assert verify(small.services).findings == []


def test_two_hundred_truncations_are_all_found_and_never_read(small: Small) -> None:
    dice = random.Random(4)
    tried: Counter[str] = Counter()
    for name in chosen(small, TRUNCATIONS, dice):
        data = small.storage.get(name.text)
        # The ends of objects are where a reader may forget to look.
        length = len(data) - 1 - dice.randrange(20) if dice.random() < 0.3 else dice.randrange(len(data))
        assert_found_and_never_read(small, name, data[:length], f"{name.text} cut to {length} of {len(data)} bytes")
        tried[name.kind] += 1
    assert tried.total() == TRUNCATIONS and tried.keys() == KINDS
    assert verify(small.services).findings == []
