import pytest

from holdfast.errors import Damaged, NotFound, ObjectExists, VaultError, WrongKey
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import CustomerVault, EndpointState, Manifest, Owed, RootKey, Vault, put_revision, read_revisions

OWED = Owed(
    endpoint="issues", key="9", kind="blob", parent="", cause="gone", message="404", attempts=1, first_sequence=1
)


def manifest(sequence: int = 1, generation: int = 1, **fields) -> Manifest:
    return Manifest(
        instance_id=3,
        customer_id=7,
        run_id=30 + sequence,
        sequence=sequence,
        generation=generation,
        status="successful",
        started_at="2026-01-01T00:00:00Z",
        ended_at="2026-01-01T00:01:00Z",
        **fields,
    )


def test_a_vault_opens_with_its_key_and_finds_its_customers(storage: MemoryStorage, root: RootKey):
    vault = Vault.create(storage, root)
    vault.create_customer(12)
    sealed = vault.create_customer(7).seal(b"secret", b"here")
    again = Vault.open(storage, root)
    assert again.id == vault.id
    assert again.customers() == [7, 12]
    assert again.customer(7).unseal(sealed, b"here") == b"secret"
    assert again.customer(7) is again.customer(7)
    assert again.customer(0) is again.installation


def test_opening_says_what_is_wrong(storage: MemoryStorage, root: RootKey):
    with pytest.raises(VaultError, match="no vault in memory://"):
        Vault.open(storage, root)
    Vault.create(storage, root)
    with pytest.raises(WrongKey, match="does not open the vault"):
        Vault.open(storage, RootKey.generate())
    with pytest.raises(VaultError, match="a vault in memory:// already"):
        Vault.create(storage, root)
    with pytest.raises(NotFound, match="no key of customer 9"):
        Vault.open(storage, root).customer(9)


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_creation_that_broke_off_is_completed(stop_after: int, root: RootKey):
    class Stopping(MemoryStorage):
        left = stop_after

        def put(self, name, data):
            if not self.left:
                raise OSError("power")
            self.left -= 1
            super().put(name, data)

    storage = Stopping()
    with pytest.raises(OSError, match="power"):
        Vault.create(storage, root)
    storage.left = 99
    with pytest.raises(VaultError, match="no vault"):
        Vault.open(storage, root)
    vault = Vault.create(storage, root)
    assert Vault.open(storage, root).id == vault.id
    assert [info.name for info in storage.list("")] == ["keys/0/0", "keys/0/1", "vault.json"]


def test_either_copy_of_a_key_will_do_and_a_lost_one_is_written_again(
    vault: Vault, storage: MemoryStorage, root: RootKey
):
    digest_key = vault.create_customer(7).digest_key
    for lost in ("keys/7/0", "keys/7/1"):
        storage.delete(lost)
        assert Vault.open(storage, root).customer(7).digest_key == digest_key
        assert Vault.open(storage, root).create_customer(7).digest_key == digest_key
        assert len(list(storage.list("keys/7/"))) == 2


def test_a_customer_with_packs_but_without_keys_gets_no_new_ones(
    vault: Vault, storage: MemoryStorage, customer: CustomerVault, root: RootKey
):
    writer = customer.pack_writer(3, 30, 1, 1)
    writer.add_deletions("a", ["1"])
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    storage.delete("keys/7/0")
    storage.delete("keys/7/1")
    with pytest.raises(VaultError, match="would not open them"):
        Vault.open(storage, root).create_customer(7)


def test_sealed_values_open_for_their_context_and_customer_only(vault: Vault, customer: CustomerVault):
    sealed = customer.seal(b"secret", b"variable 1")
    assert sealed != customer.seal(b"secret", b"variable 1")
    assert customer.unseal(sealed, b"variable 1") == b"secret"
    with pytest.raises(Damaged):
        customer.unseal(sealed, b"variable 2")
    with pytest.raises(Damaged):
        vault.create_customer(8).unseal(sealed, b"variable 1")
    for index in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[index // 8] ^= 1 << index % 8
        with pytest.raises(Damaged):
            customer.unseal(bytes(flipped), b"variable 1")
    with pytest.raises(Damaged):
        customer.unseal(b"", b"variable 1")


def test_of_each_run_the_manifest_of_the_highest_generation_counts(customer: CustomerVault):
    state = EndpointState(endpoint="issues", outcome="complete", live=2, new=2, state_sum=b"s" * 16)
    first = manifest(1, packs=("ab" * 16,), endpoints=(state,), failures=({"cause": "x", "page": 7},), debts=(OWED,))
    for each in (manifest(2), first, manifest(10), manifest(2, 2, options={"full": True})):
        customer.put_manifest(each)
    found = customer.read_manifests(3)
    assert [(m.sequence, m.generation) for m in found] == [(1, 1), (2, 2), (10, 1)]
    assert found[0] == first
    assert customer.read_manifests(4) == []


def test_a_manifest_can_be_put_again_but_not_changed(customer: CustomerVault):
    customer.put_manifest(manifest())
    customer.put_manifest(manifest())
    with pytest.raises(ObjectExists):
        customer.put_manifest(manifest(packs=("ab" * 16,)))


def test_a_manifest_of_a_later_format_is_refused_and_not_taken_for_damaged(customer: CustomerVault):
    later = manifest(format=2)
    customer.put_manifest(later)
    with pytest.raises(VaultError) as raised:
        customer.read_manifests(3)
    assert raised.value.code == "vault_format_newer" and not isinstance(raised.value, Damaged)


def test_a_manifest_moved_to_another_name_does_not_open(customer: CustomerVault, storage: MemoryStorage):
    customer.put_manifest(manifest())
    storage.put("manifests/7/3/0000000002-000001", storage.get("manifests/7/3/0000000001-000001"))
    with pytest.raises(Damaged, match="0000000002-000001"):
        customer.read_manifests(3)


def test_the_newest_revision_of_every_object_is_read(vault: Vault, customer: CustomerVault):
    put_revision(vault.installation, "vendor", 1, 1, {"name": "Acme"})
    put_revision(customer, "instance", 3, 1, {"label": "old"})
    put_revision(customer, "instance", 3, 2, {"label": "new", "n": [1, None, {"a": 1.5}]})
    put_revision(customer, "instance", 4, 1, {})
    put_revision(customer, "instance", 4, 2, {}, deleted=True)
    put_revision(customer, "instance", 3, 2, {"label": "new", "n": [1, None, {"a": 1.5}]})
    with pytest.raises(ObjectExists):
        put_revision(customer, "instance", 3, 2, {"label": "other"})
    found = [
        (r.customer_id, r.kind, r.object_id, r.number, r.deleted, r.payload.get("label")) for r in read_revisions(vault)
    ]
    assert found == [
        (0, "vendor", "1", 1, False, None),
        (7, "instance", "3", 2, False, "new"),
        (7, "instance", "4", 2, True, None),
    ]
    assert len(list(read_revisions(vault, {"instance"}, every=True))) == 4
    with pytest.raises(ValueError, match="no name"):
        put_revision(customer, "Instance", 3, 1, {})


def test_an_erased_customers_revisions_are_left_out(
    vault: Vault, customer: CustomerVault, storage: MemoryStorage, root: RootKey
):
    put_revision(customer, "instance", 3, 1, {})
    for info in list(storage.list("keys/7/")):
        storage.delete(info.name)
    assert list(read_revisions(Vault.open(storage, root))) == []


@pytest.mark.parametrize("name", ["vault.json", "keys/0/0"])
def test_a_flipped_bit_of_the_marker_or_of_a_key_never_opens_silently_as_another(
    name: str, storage: MemoryStorage, root: RootKey, vault: Vault
):
    data = storage.get(name)
    for index in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[index // 8] ^= 1 << index % 8
        other = MemoryStorage()
        for info in storage.list(""):
            other.put(info.name, bytes(flipped) if info.name == name else storage.get(info.name))
        if name == "vault.json":
            with pytest.raises(VaultError):
                Vault.open(other, root)
        assert Vault.open(other, root, even_damaged=True).id == vault.id
