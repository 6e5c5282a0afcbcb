"""A vault: a storage and the root key that opens it; and what one customer has in it.

The facade for everything above. What objects look like is said in the modules beside this and in docs/vault-format.md.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from holdfast.clock import format_time, now
from holdfast.errors import Damaged, NotFound, ObjectExists, ObjectMissing, VaultError, WrongKey
from holdfast.ids import new_object_id
from holdfast.storage import Storage
from holdfast.vault import envelope, keyring, manifests, marker, names
from holdfast.vault.footers import Footer, Place, PlainPlace
from holdfast.vault.keys import CustomerKeys, RootKey, derive
from holdfast.vault.manifests import Manifest
from holdfast.vault.marker import Marker
from holdfast.vault.pack_reader import NumberedPlace, PackCache, PackReader
from holdfast.vault.pack_writer import PackWriter
from holdfast.vault.packs import Pack, PackCodec
from holdfast.vault.putting import put_document

_Result = TypeVar("_Result")


class Vault:
    """Thread-safe."""

    def __init__(
        self,
        storage: Storage,
        root_key: RootKey,
        vault_id: str,
        installation: CustomerKeys,
        reread: Callable[[], RootKey] | None = None,
    ) -> None:
        self.storage = storage
        self.root_key = root_key
        self.id = vault_id
        self._reread = reread
        self._cache = PackCache()
        self.installation = CustomerVault(storage, names.INSTALLATION, installation, self._cache)
        """For things that belong to no customer."""
        self._customers: dict[int, CustomerVault] = {}
        self._lock = threading.Lock()

    @classmethod
    def create(cls, storage: Storage, root_key: RootKey) -> "Vault":
        """Make a vault where there is none. What an earlier call with the same key left half done is completed.

        Raises VaultError (code `vault_exists`) where there is one, WrongKey where one was begun with another key.
        """
        if _has_marker(storage, root_key):
            raise VaultError(f"there is a vault in {storage.url} already", code="vault_exists")
        try:
            _, vault_id = keyring.find(storage, root_key, names.INSTALLATION)
        except NotFound:
            vault_id = keyring.new_vault_id()
        keyring.make(storage, root_key, names.INSTALLATION, vault_id)
        keys, vault_id = keyring.find(storage, root_key, names.INSTALLATION)
        # The marker comes last: where it stands, the vault is whole.
        data = Marker(vault_id, format_time(now())).encode(keys)
        try:
            put_document(storage, names.MARKER, data, lambda there: marker.decode(there, keys) is None)
        except ObjectExists as error:
            raise VaultError(f"there is a vault in {storage.url} already", code="vault_exists") from error
        return cls(storage, root_key, vault_id, keys)

    @classmethod
    def open(
        cls,
        storage: Storage,
        root_key: RootKey,
        *,
        even_damaged: bool = False,
        reread: Callable[[], RootKey] | None = None,
    ) -> "Vault":
        """Open a vault. `even_damaged` does without the marker where it is damaged or gone: for verify and repair.
        `reread` is asked for the root key again where a customer's keys no longer open: it may have been rotated.

        Raises VaultError (code `vault_missing`) where there is none, WrongKey, Damaged.
        """
        try:
            data = storage.get(names.MARKER)
        except ObjectMissing as error:
            if not even_damaged:
                raise _no_vault(storage) from error
            data = None
        try:
            keys, vault_id = keyring.find(storage, root_key, names.INSTALLATION)
        except NotFound as error:
            if data is None:
                raise _no_vault(storage) from error
            raise Damaged(
                f"the vault in {storage.url} has lost the installation's keys",
                object_name=names.key(names.INSTALLATION, 0),
                hint="`holdfast repair` takes them from a replica.",
            ) from error
        if data is not None:
            try:
                found = marker.decode(data, keys)
                if found.vault_id != vault_id:
                    raise Damaged(f"{names.MARKER} is that of another vault", object_name=names.MARKER)
            except Damaged:
                if not even_damaged:
                    raise
        return cls(storage, root_key, vault_id, keys, reread)

    def over(self, storage: Storage) -> "Vault":
        """The same vault read through another storage, such as one that wraps this; nothing that was read is kept."""
        return Vault(storage, self.root_key, self.id, self.installation.keys, self._reread)

    def create_customer(self, customer_id: int) -> "CustomerVault":
        """Make a customer's keys; where they exist, this is `customer`."""
        if customer_id == names.INSTALLATION:
            raise ValueError("customer id 0 is the installation's")
        keys = self._with_root(lambda root: keyring.make(self.storage, root, customer_id, self.id))
        return self._keep(CustomerVault(self.storage, customer_id, keys, self._cache))

    def customer(self, customer_id: int) -> "CustomerVault":
        """One customer's part of the vault. Raises NotFound (code `customer_keys_missing`), Damaged."""
        if customer_id == names.INSTALLATION:
            return self.installation
        with self._lock:
            known = self._customers.get(customer_id)
        if known is not None:
            return known
        keys, _ = self._with_root(lambda root: keyring.find(self.storage, root, customer_id))
        return self._keep(CustomerVault(self.storage, customer_id, keys, self._cache))

    def customers(self) -> list[int]:
        """The ids of all customers that have keys, ascending; not the installation's 0."""
        return keyring.customers(self.storage)

    def forget_customer(self, customer_id: int) -> None:
        """Drop the keys and contents held in memory; the next use reads them again."""
        with self._lock:
            self._customers.pop(customer_id, None)
        self._cache.forget(customer_id)

    def _with_root(self, work: Callable[[RootKey], _Result]) -> _Result:
        try:
            return work(self.root_key)
        except WrongKey:
            newest = None if self._reread is None else self._reread()
            if newest is None or newest == self.root_key:
                raise
            self.root_key = newest
            return work(newest)

    def _keep(self, customer: "CustomerVault") -> "CustomerVault":
        with self._lock:
            return self._customers.setdefault(customer.customer_id, customer)


class CustomerVault:
    """What one customer has in the vault. Thread-safe. Nothing of it opens with another customer's keys."""

    def __init__(self, storage: Storage, customer_id: int, keys: CustomerKeys, cache: PackCache) -> None:
        self.storage = storage
        self.customer_id = customer_id
        self.keys = keys
        self.digest_key = derive(keys.digest, "digest/record")
        self.blob_key = derive(keys.digest, "digest/blob")
        """For the digest of a blob's whole content."""
        self.chunk_key = derive(keys.digest, "digest/chunk")
        """For the digests of chunks."""
        self.packs = PackReader(storage, keys, customer_id, cache)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt a secret that is kept elsewhere; it opens only with the same context (what it is, and whose)."""
        return envelope.seal(self.keys, "seal", context, plaintext)

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """Raises Damaged for everything that `seal` did not return for this context."""
        return envelope.unseal(self.keys, "seal", context, sealed, f"a sealed value of customer {self.customer_id}")

    def pack_writer(self, instance_id: int, run_id: int, sequence: int, batch: int) -> PackWriter:
        """A writer for one batch of a run; the pack's id is new."""
        pack_id = new_object_id()
        name = names.pack(self.customer_id, pack_id)
        codec = PackCodec(self.keys, self.customer_id, pack_id, name, self.keys.newest)
        return PackWriter(codec, pack_id, instance_id, run_id, sequence, batch)

    def put_pack(self, pack: Pack) -> None:
        """Store a pack, durably on return. Its footer is decoded again and compared first."""
        self.packs.check_written(pack)
        self.storage.put(names.pack(self.customer_id, pack.id), pack.data)

    def read_frame(self, pack_id: str, frame: int) -> bytes:
        """A frame's decoded bytes. Raises ObjectMissing, Damaged."""
        return self.packs.read_frame(pack_id, frame)

    def read(self, place: Place) -> bytes:
        """The bytes at a place. Raises ObjectMissing, Damaged."""
        return self.packs.read_many([place])[0]

    def read_once(self, place: Place) -> bytes:
        """The same for one who will not come back: nothing of it is kept in memory."""
        return self.packs.read_many([place], keep=False)[0]

    def read_many(self, places: Sequence[Place | PlainPlace]) -> list[bytes]:
        """The bytes at every place, in the order asked for. Each frame is fetched and decoded once."""
        return self.packs.read_many(places)

    def read_lines(self, rows: Sequence[NumberedPlace], names: Mapping[int, str]) -> bytes:
        """The JSON documents at every place, one a line: for who reads through everything from first to last."""
        return self.packs.read_lines(rows, names)

    def read_footer(self, pack_id: str) -> Footer:
        """What a pack says it holds. Raises ObjectMissing, Damaged."""
        return self.packs.read_footer(pack_id)

    def pack_ids(self) -> Iterator[str]:
        """The ids of all packs there are, ascending: also of those no manifest names."""
        for info in self.storage.list(names.packs_prefix(self.customer_id)):
            name = names.parse(info.name)
            if name is not None and name.object_id is not None:
                yield name.object_id

    def put_manifest(self, manifest: Manifest) -> None:
        """Store a run's manifest. The same one again is a success; another under its name raises ObjectExists."""
        manifests.put(self.storage, self.keys, manifest)

    def read_manifests(
        self, instance_id: int, damaged: Callable[[int, Damaged], None] | None = None
    ) -> list[Manifest]:  # fmt: skip
        """The manifests of an instance's runs, ascending by sequence; of each run the highest generation. Raises
        Damaged, or tells `damaged` the run's sequence."""
        return manifests.read(self.storage, self.keys, self.customer_id, instance_id, damaged)


def _has_marker(storage: Storage, root_key: RootKey) -> bool:
    """Whether a vault stands in the storage. One whose marker was torn by a crash has never come to be."""
    try:
        data = storage.get(names.MARKER)
    except ObjectMissing:
        return False
    try:
        marker.decode(data, keyring.find(storage, root_key, names.INSTALLATION)[0])
    except Damaged:
        return False
    except VaultError:
        return True
    return True


def _no_vault(storage: Storage) -> VaultError:
    return VaultError(
        f"there is no vault in {storage.url}",
        hint="`holdfast init` makes one; or is HOLDFAST_STORAGE_URL another place?",
        code="vault_missing",
    )
