import pytest

from holdfast.errors import HoldfastError, NotFound
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import (
    BlobDescriptor,
    CustomerVault,
    EndpointState,
    Manifest,
    Pack,
    Place,
    RootKey,
    Vault,
    digests,
    put_revision,
    read_revisions,
)
from holdfast.vault.blobs import read_blob
from holdfast.vault.check import check
from holdfast.vault.findings import CheckProgress, Finding, Lost
from holdfast.vault.pack_writer import DICTIONARY_BYTES_MIN, PackWriter

CHUNKS = (b"first half, " * 3, b"second half, " * 3)
BLOB_ID = "ab" * 16


def add(writer: PackWriter, customer: CustomerVault, keys: list[str], raws: list[bytes], **columns):
    found = digests.record_digests(customer.digest_key, "issues", keys, raws)
    return found, writer.add_records("issues", keys, raws, found, **columns)


def put(customer: CustomerVault, writer: PackWriter) -> Pack:
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    return pack


def put_manifest(
    customer: CustomerVault, sequence: int, packs: list[Pack], parent: int | None = None, generation: int = 1
) -> None:
    customer.put_manifest(
        Manifest(
            instance_id=3,
            customer_id=7,
            run_id=30 + sequence,
            sequence=sequence,
            generation=generation,
            status="successful",
            started_at="2026-01-01T00:00:00Z",
            ended_at="2026-01-01T00:01:00Z",
            parent_sequence=parent,
            packs=tuple(pack.id for pack in packs),
            endpoints=(EndpointState(endpoint="issues", outcome="complete", live=2),),
        )
    )


class Filled:
    """A small vault with an object of every kind: two backups, a blob of two chunks, a record that lies elsewhere."""

    def __init__(self, storage: MemoryStorage, root: RootKey) -> None:
        self.storage = storage
        vault = Vault.create(storage, root)
        customer = vault.create_customer(7)
        put_revision(vault.installation, "vendor", 1, 1, {"name": "Acme"})
        put_revision(customer, "instance", 3, 1, {"label": "x"})
        self.raws = [b'{"id":1}', b'{"id":2,"x":"%s"}' % (b"y" * 50)]
        writer = customer.pack_writer(3, 31, 1, 1)
        found, places = add(writer, customer, ["1", "2"], self.raws)
        self.first = put(customer, writer)
        put_manifest(customer, 1, [self.first])
        self.places = [Place(self.first.id, *place) for place in places]

        writer = customer.pack_writer(3, 32, 2, 1)
        chunk_digests = [digests.content_digest(customer.chunk_key, chunk) for chunk in CHUNKS]
        self.chunk_places = [writer.add_chunk(d, chunk) for d, chunk in zip(chunk_digests, CHUNKS, strict=True)]
        content = b"".join(CHUNKS)
        self.blob = BlobDescriptor(
            BLOB_ID, len(content), digests.content_digest(customer.blob_key, content), tuple(chunk_digests)
        )
        writer.add_blob(self.blob)
        writer.add_reference("issues", "1", found[0], None, self.places[0], BLOB_ID)
        writer.add_deletions("issues", ["2"])
        self.second = put(customer, writer)
        put_manifest(customer, 2, [self.second], parent=1)

    def read_everything(self, root: RootKey) -> list[object]:
        """What the vault holds, as far as each part can be read; None for what cannot. Wrong data is never in it."""
        vault = Vault.open(self.storage, root, even_damaged=True)

        def attempt(read):
            try:
                return read()
            except HoldfastError:
                return None

        chunks = [Place(self.second.id, *place) for place in self.chunk_places]
        return [
            attempt(lambda: vault.customer(7).read_many(self.places)),
            attempt(lambda: b"".join(read_blob(vault.customer(7), self.blob, chunks))),
            attempt(lambda: vault.customer(7).read_manifests(3)),
            attempt(lambda: list(read_revisions(vault))),
            attempt(lambda: vault.customer(7).read_footer(self.first.id)),
            attempt(lambda: vault.customer(7).read_footer(self.second.id)),
        ]


@pytest.fixture
def filled(storage: MemoryStorage, root: RootKey) -> Filled:
    return Filled(storage, root)


def findings(storage: MemoryStorage, root: RootKey, *, data: bool = True) -> list[Finding]:
    return list(check(Vault.open(storage, root, even_damaged=True), data=data))


def changed(storage: MemoryStorage, name: str, data: bytes | None) -> MemoryStorage:
    """A copy of the storage in which one object has other bytes, or is missing."""
    other = MemoryStorage()
    for info in storage.list(""):
        if info.name != name:
            other.put(info.name, storage.get(info.name))
    if data is not None:
        other.put(name, data)
    return other


def flipped(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def test_a_good_vault_has_no_findings_and_everything_is_counted(filled: Filled, root: RootKey):
    seen: list[tuple[int, int]] = []
    last: list[CheckProgress] = []

    def report(progress: CheckProgress) -> None:
        seen.append((progress.objects, progress.size_bytes))
        last[:] = [progress]

    assert list(check(Vault.open(filled.storage, root), report=report)) == []
    objects = list(filled.storage.list(""))
    assert seen[-1] == (len(objects), sum(info.size_bytes for info in objects))
    assert (last[0].objects_total, last[0].size_bytes_total) == seen[-1]
    assert last[0].records == 2
    assert seen == sorted(seen)
    assert findings(filled.storage, root, data=False) == []


def check_flips(filled: Filled, root: RootKey, step: int) -> int:
    good = filled.read_everything(root)
    assert None not in good
    tried = 0
    for info in list(filled.storage.list("")):
        data = filled.storage.get(info.name)
        for bit in range(tried % step, len(data) * 8, step):
            tried += 1
            storage = changed(filled.storage, info.name, flipped(data, bit))
            found = findings(storage, root)
            assert info.name in {finding.object_name for finding in found}, (info.name, bit)
            damaged = Filled.__new__(Filled)
            damaged.__dict__ = filled.__dict__ | {"storage": storage}
            for is_now, was in zip(damaged.read_everything(root), good, strict=True):
                assert is_now is None or is_now == was, (info.name, bit)
    return tried


def test_a_flipped_bit_in_any_kind_of_object_is_found_and_never_read_as_good_data(filled: Filled, root: RootKey):
    assert check_flips(filled, root, step=31) > 500


@pytest.mark.soak
def test_every_flipped_bit_of_a_vault_is_found_and_never_read_as_good_data(filled: Filled, root: RootKey):
    check_flips(filled, root, step=1)


def test_every_truncation_and_every_missing_object_is_found(filled: Filled, root: RootKey):
    for info in list(filled.storage.list("")):
        data = filled.storage.get(info.name)
        shortened = [data[:length] for length in range(0, len(data), 37)]
        for wrong in [*shortened, data[:-1], data + b"\0"]:
            storage = changed(filled.storage, info.name, wrong)
            assert info.name in {finding.object_name for finding in findings(storage, root)}, (info.name, len(wrong))
            if "packs" in info.name:
                assert findings(storage, root, data=False) != []
        if not info.name.startswith("revisions") and info.name != "manifests/7/3/0000000002-000001":
            missing = changed(filled.storage, info.name, None)
            found = {finding.object_name for finding in findings(missing, root)}
            beside = info.name[:-1] + {"0": "1", "1": "0"}.get(info.name[-1], "")
            assert info.name in found or (info.name.startswith("keys/") and beside in found), info.name


def test_a_damaged_frame_names_the_records_it_held(storage: MemoryStorage, root: RootKey):
    customer = Vault.create(storage, root).create_customer(7)
    writer = customer.pack_writer(3, 31, 1, 1)
    size = DICTIONARY_BYTES_MIN
    raws = [bytes([65 + i]) * size for i in range(26)] * 2
    keys = [f"{i:02d}" for i in range(52)]
    add(writer, customer, keys, raws)
    pack = put(customer, writer)
    put_manifest(customer, 1, [pack])
    name = f"packs/7/{pack.id[:2]}/{pack.id}"
    _, directory = customer.packs.open_whole(pack.id, pack.data)
    assert [part.dictionary for part in directory.frames] == [None, 0, 0, 0]

    def with_damage(frame: int) -> Finding:
        part = directory.frames[frame]
        found = findings(changed(storage, name, flipped(pack.data, (part.start + 3) * 8)), root)
        assert len(found) == 1
        return found[0]

    last = with_damage(3)
    assert (last.severity, last.object_name, last.customer_id, last.instance_id, last.sequence) == (
        "error",
        name,
        7,
        3,
        1,
    )
    assert last.lost == (Lost("issues", 4, ("48", "49", "50", "51")),)
    assert last.what == "is damaged in frame 3"
    assert str(last) == (
        f"error: {name}, customer 7, instance 3, backup 1: is damaged in frame 3: 4 of issues (48, 49, 50, 51)"
    )
    first = with_damage(0)
    assert first.lost == (Lost("issues", 52, tuple(keys[:20])),)
    assert "without which 3 others cannot be decoded" in first.what


def test_a_damaged_footer_still_says_which_backup_wrote_the_pack(filled: Filled, root: RootKey):
    name = f"packs/7/{filled.first.id[:2]}/{filled.first.id}"
    storage = changed(filled.storage, name, flipped(filled.first.data, len(filled.first.data) * 8 - 1))
    found = [finding for finding in findings(storage, root) if finding.object_name == name]
    assert [(f.instance_id, f.sequence, f.what) for f in found] == [(3, 1, "is damaged in its footer")]


def test_what_packs_and_manifests_name_must_be_there(filled: Filled, root: RootKey):
    first, second = (f"packs/7/{pack.id[:2]}/{pack.id}" for pack in (filled.first, filled.second))
    for data in (True, False):
        found = {
            finding.object_name: finding for finding in findings(changed(filled.storage, first, None), root, data=data)
        }
        assert "is missing" in found[first].what
        assert (found[first].instance_id, found[first].sequence) == (3, 1)
        assert filled.first.id in found[second].what
        assert found[second].lost == (Lost("issues", 1, ("1",)),)
    parent = "manifests/7/3/0000000001-000001"
    found = {finding.object_name: finding for finding in findings(changed(filled.storage, parent, None), root)}
    assert "backup 2 and later ones build on it" in found[parent].what


def test_a_manifest_that_starts_the_chain_anew_needs_no_parent(
    customer: CustomerVault, storage: MemoryStorage, root: RootKey
):
    put_manifest(customer, 2, [], parent=1)
    assert [finding.object_name for finding in findings(storage, root)] == ["manifests/7/3/0000000001-000001"]
    put_manifest(customer, 2, [], parent=None, generation=2)
    assert findings(storage, root) == []


def test_missing_chunks_and_blobs_are_found(customer: CustomerVault, storage: MemoryStorage, root: RootKey):
    writer = customer.pack_writer(3, 31, 1, 1)
    add(writer, customer, ["1", "2", "3"], [b"{}"] * 3, blobs=["cd" * 16, "ab" * 16, "ac" * 16])
    digest = digests.content_digest(customer.chunk_key, b"chunk")
    writer.add_chunk(digest, b"chunk")
    writer.add_blob(BlobDescriptor("ab" * 16, 10, bytes(16), (digest, b"?" * 16), name="a.txt"))
    writer.add_blob(BlobDescriptor("ac" * 16, 6, bytes(16), (digest,)))
    writer.add_blob(BlobDescriptor("ad" * 16, 6, bytes(16), (b"?" * 16,)))
    put_manifest(customer, 1, [put(customer, writer)])
    for data in (True, False):
        found = {finding.what: finding.lost for finding in findings(storage, root, data=data)}
        assert found == {
            "describes blobs of which chunks are missing": (Lost("issues", 1, ("2",), "blob"),),
            "describes blobs of another length than their chunks": (Lost("issues", 1, ("3",), "blob"),),
            "names blobs that no pack describes": (Lost("issues", 1, ("1",), "blob"),),
        }


def test_a_lost_pack_that_many_records_point_to_is_one_finding(
    customer: CustomerVault, storage: MemoryStorage, root: RootKey
):
    keys = [str(number) for number in range(30)]
    first = customer.pack_writer(3, 31, 1, 1)
    found, places = add(first, customer, keys, [b"{}"] * len(keys))
    lost = put(customer, first)
    second = customer.pack_writer(3, 31, 1, 2)
    for key, digest, place in zip(keys, found, places, strict=True):
        second.add_reference("issues", key, digest, None, Place(lost.id, *place), None)
    put_manifest(customer, 1, [lost, put(customer, second)])
    storage.delete(f"packs/7/{lost.id[:2]}/{lost.id}")
    missing, referring = sorted(findings(storage, root), key=lambda one: "refers" in one.what)
    assert "is missing" in missing.what
    assert referring.lost[0].count == len(keys)
    assert (referring.instance_id, referring.sequence) == (3, 1)


def test_what_a_version_points_to_that_no_backup_has_any_more_may_be_gone(
    customer: CustomerVault, storage: MemoryStorage, root: RootKey
):
    """After a prune a pack may still hold versions that a later one of the same backup has replaced."""
    first = customer.pack_writer(3, 31, 1, 1)
    found, _ = add(first, customer, ["1", "2", "3"], [b"{}"] * 3, blobs=["cd" * 16, "ab" * 16, None])
    gone = Place("99" * 16, 0, 0, 2)
    first.add_reference("issues", "3", found[2], None, gone, None)
    second = customer.pack_writer(3, 32, 2, 1)
    replaced, places = add(second, customer, ["1"], [b"[]"])
    second.add_deletions("issues", ["2"])
    packs = [put(customer, first), put(customer, second)]
    third = customer.pack_writer(3, 33, 3, 1)
    third.add_reference("issues", "3", replaced[0], None, Place(packs[1].id, *places[0]), None)
    put_manifest(customer, 3, [*packs, put(customer, third)])
    assert [finding.what for finding in findings(storage, root, data=False)] == []


def test_a_manifest_that_nothing_builds_on_was_dropped(customer: CustomerVault, storage: MemoryStorage, root: RootKey):
    writers = [customer.pack_writer(3, 30 + sequence, sequence, 1) for sequence in (1, 2, 3)]
    for key, writer in zip("123", writers, strict=True):
        add(writer, customer, [key], [b"{}"])
    first, second, third = (put(customer, writer) for writer in writers)
    put_manifest(customer, 1, [first])
    put_manifest(customer, 2, [second], parent=1)
    put_manifest(customer, 3, [third], parent=2)
    assert findings(storage, root) == []
    put_manifest(customer, 3, [second, third], parent=1, generation=2)
    assert [(one.severity, one.object_name) for one in findings(storage, root)] == [
        ("notice", "manifests/7/3/0000000002-000001")
    ]
    storage.delete("manifests/7/3/0000000002-000001")
    storage.delete("manifests/7/3/0000000003-000001")
    assert findings(storage, root) == []
    torn = changed(storage, "manifests/7/3/0000000003-000001", b"HFE1")
    assert [one.severity for one in findings(torn, root)] == ["warning"]
    torn = changed(storage, "manifests/7/3/0000000003-000003", b"HFE1")
    assert [one.severity for one in findings(torn, root)] == ["warning"], "the second generation still counts"
    assert [one.generation for one in Vault.open(torn, root).customer(7).read_manifests(3)] == [1, 2]


def test_a_damaged_pack_that_no_manifest_names_was_broken_off(
    customer: CustomerVault, storage: MemoryStorage, root: RootKey
):
    storage.put("packs/7/ab/" + "ab" * 16, b"HFP1")
    (finding,) = findings(storage, root)
    assert finding.severity == "warning"
    assert finding.what.endswith("no backup names it")


def test_records_that_are_not_what_their_digest_says_are_found(
    customer: CustomerVault, storage: MemoryStorage, root: RootKey
):
    writer = customer.pack_writer(3, 31, 1, 1)
    writer.add_records(
        "issues",
        ["1", "2"],
        [b"{}", b"[]"],
        [digests.record_digest(customer.digest_key, "issues", "1", b"{}"), b"?" * 16],
    )
    writer.add_chunk(b"?" * 16, b"chunk")
    put(customer, writer)
    (finding,) = findings(storage, root)
    assert finding.lost == (Lost("issues", 1, ("2",)),)
    assert "1 chunks of blobs are lost" in finding.what
    assert findings(storage, root, data=False) == []


def test_strange_objects_lone_keys_and_erased_customers_are_mentioned(filled: Filled, root: RootKey):
    storage = filled.storage
    storage.put("packs/7/zz", b"x")
    storage.delete("keys/0/1")
    storage.delete("keys/7/0")
    storage.delete("keys/7/1")
    found = {(finding.severity, finding.object_name) for finding in findings(storage, root)}
    assert found == {("warning", "packs/7/zz"), ("warning", "keys/0/1"), ("notice", "keys/7/")}
    with pytest.raises(NotFound):
        Vault.open(storage, root).customer(7)


def test_keys_that_no_longer_open_are_an_error(filled: Filled, root: RootKey):
    storage = filled.storage
    for name in ("keys/7/0", "keys/7/1"):
        storage = changed(storage, name, flipped(filled.storage.get(name), 900))
    found = {(finding.severity, finding.object_name) for finding in findings(storage, root)}
    assert found == {("error", "keys/7/0"), ("error", "keys/7/1"), ("error", "keys/7/")}
