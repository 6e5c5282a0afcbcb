"""Makes another storage hold what a vault holds: what is new is proved and copied, what was let go is deleted there.

The other storage is a valid vault after every single write: keys before what they encrypt, packs before the manifests
that name them, manifests before what they replace is deleted. What the vault has lost is not taken for let go: only a
manifest of a higher generation, a forgotten object or an erasure takes anything away, so that no fault of the one
storage reaches the other. Names decide what is new; whoever wants the bytes compared checks the replica itself.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from holdfast.errors import Damaged, NotFound, ObjectExists, ObjectMissing, StorageError, VaultError, WrongKey
from holdfast.storage import ObjectInfo, Storage, remove
from holdfast.vault import erasing, keyring, manifests, marker, names
from holdfast.vault.findings import Finding
from holdfast.vault.keys import WrappedKeys
from holdfast.vault.letting_go import LettingGo
from holdfast.vault.names import ObjectName
from holdfast.vault.proof import is_genuine, prove
from holdfast.vault.vault import Vault

_ROUNDS = 5
"""How often a customer is begun again because a prune took away what was about to be copied."""
_COPIERS = 4
"""Packs copied at once: hides the latency of two storages; each is in memory as a whole meanwhile."""

_NOTHING = ObjectInfo("", 0)
REPAIR = "`holdfast repair` takes it from the replica."
REPAIR_VAULT = "`holdfast repair` first; then the replica gets it too."
_RIGHTS = "Give the replica's credential the right to delete, or delete it by hand."


@dataclass
class ReplicaReport:
    """What came of bringing one replica up to date. `findings` are what stands in the way, of both storages."""

    url: str
    objects: int = 0
    size_bytes: int = 0
    """Copied."""
    objects_total: int = 0
    size_bytes_total: int = 0
    """To be copied, as far as it is known yet."""
    deleted: int = 0
    deleted_bytes: int = 0
    refused: int = 0
    """Deletions that the replica's credentials or an object lock forbid: they are tried again the next time."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """The replica holds everything that the vault holds."""
        return not any(finding.severity == "error" for finding in self.findings)


Told = Callable[[ReplicaReport], None]


class Replication:
    """Brings one replica up to date. Can be broken off anywhere and begun again: what is there is not copied again."""

    def __init__(
        self, vault: Vault, target: Storage, *, is_live: Callable[[str], bool], erased: Collection[int],
        told: Told | None = None,
    ) -> None:  # fmt: skip
        """`is_live`: whether the catalog relies on a pack of this id. `erased`: customers of whom nothing is copied."""
        self._vault = vault
        self._source = vault.storage
        self._target = target
        self._is_live = is_live
        self._erased = erased
        self._told = told
        self.report = ReplicaReport(target.url)

    def check_target(self) -> bool:
        """Whether there is a replica yet. Raises VaultError where the place holds another vault, or is the vault."""
        if self._target.url == self._source.url:
            raise VaultError(
                f"{self._target.url} is the vault itself, not a copy of it",
                hint="HOLDFAST_REPLICA_URL must name another place.",
                code="replica_unfit",
            )
        try:
            there = self._target.get(names.MARKER)
        except ObjectMissing:
            return False
        try:
            if marker.decode(there, self._vault.installation.keys).vault_id == self._vault.id:
                return True
        except Damaged:
            if self._is_ours_by_keys():
                return True  # the marker is damaged, and copied again
        raise VaultError(
            f"{self._target.url} holds another vault",
            hint="HOLDFAST_REPLICA_URL must name a place of its own for each vault.",
            code="replica_unfit",
        )

    def _is_ours_by_keys(self) -> bool:
        """Whether the keys there say, in the clear, that they are this vault's."""
        for info in self._target.list(names.keys_prefix(names.INSTALLATION)):
            with suppress(Damaged):
                if WrappedKeys.parse(self._target.get(info.name), info.name).vault_id.hex() == self._vault.id:
                    return True
        return False

    def differing(self) -> set[int]:
        """Customers of whom keys or revisions are in one storage alone: those are few, and listed for all at once."""
        found: set[int] = set()
        for prefix in (names.keys_prefix(), "revisions/"):
            for here, there in _side_by_side(self._source.list(prefix), self._target.list(prefix)):
                name = names.parse((here or there or _NOTHING).name)
                if here != there and name is not None and name.customer_id is not None:
                    found.add(name.customer_id)
        return found

    def copy_keys(self, customers: Collection[int] | None = None) -> None:
        """Keys, and the marker behind those of the installation. No rotation and no erasure may be at work meanwhile.
        Of these customers and the installation; None: of all.

        Copies of a former root key are destroyed there once those of the present one are durable.
        """
        for customer_id in self._of(customers):
            good = [
                copy.object_name
                for copy in keyring.copies(self._source, self._vault.root_key, customer_id)
                if copy.keys is not None
            ]
            for object_name in good:
                self._copy_unless_same(object_name, self._source.get(object_name))
            if customer_id == names.INSTALLATION:
                self._copy_marker()
            self._retire_keys(customer_id, good)

    def copy_customers(self, customers: Collection[int] | None = None) -> None:
        """Everything else, customer by customer; and what was let go, of each behind what is new."""
        for customer_id in self._of(customers):
            self._copy_customer(customer_id)

    def _of(self, customers: Collection[int] | None) -> list[int]:
        every = self._vault.customers() if customers is None else sorted(customers)
        return [one for one in dict.fromkeys((names.INSTALLATION, *every)) if one not in self._erased]

    def drop_erased(self, customers: Iterable[int]) -> None:
        """What erased customers have left there: an erasure reaches replicas, but not what is copied meanwhile."""
        for customer_id in customers:
            for key in list(erasing.find_keys(self._target, customer_id)):
                if not self._destroy(key.object_name):
                    what = "is a key of an erased customer, and may not be destroyed there"
                    self._tell(key.object_name, what, _RIGHTS, customer_id)
            removed = erasing.remove_objects(self._target, customer_id)
            self.report.deleted += removed.objects
            self.report.deleted_bytes += removed.size_bytes
            self.report.refused += removed.refused

    def _copy_marker(self) -> None:
        try:
            data = self._source.get(names.MARKER)
        except ObjectMissing:
            return  # `verify` says so; nothing needs it
        self._copy_unless_same(names.MARKER, data)

    def _copy_unless_same(self, object_name: str, data: bytes) -> None:
        """Small objects, of which the bytes are compared."""
        with suppress(ObjectMissing):
            if self._target.get(object_name) == data:
                return
        self._copy(ObjectInfo(object_name, len(data)), data)

    def _retire_keys(self, customer_id: int, good: Collection[str]) -> None:
        there = list(keyring.copies(self._target, self._vault.root_key, customer_id))
        for copy in there:
            if copy.object_name in good:
                continue
            if copy.keys is not None:
                self._tell(copy.object_name, "is in the replica, but not in the vault", REPAIR, customer_id)
            elif isinstance(copy.error, WrongKey) and sum(one.object_name in good for one in there) >= keyring.COPIES:
                if self._destroy(copy.object_name):
                    self.report.deleted += 1
                    self.report.deleted_bytes += copy.size_bytes
                else:
                    self.report.refused += 1

    def _destroy(self, object_name: str) -> bool:
        """False: credentials or a lock forbid it."""
        try:
            self._target.destroy(object_name)
        except StorageError as error:
            if error.code != "storage_refused":
                raise
            return False
        return True

    def _copy_customer(self, customer_id: int) -> None:
        try:
            self._vault.customer(customer_id)
        except NotFound:
            return  # erased since they were listed
        except VaultError as error:
            prefix = names.keys_prefix(customer_id)
            self._tell(prefix, f"nothing of this customer was copied: {error}", REPAIR_VAULT, customer_id)
            return
        for _ in range(_ROUNDS):
            try:
                self._round(customer_id)
            except ObjectMissing:
                continue
            return
        what = "changed faster than it could be copied"
        self._tell(names.packs_prefix(customer_id), what, "`holdfast replicate` again.", customer_id)

    def _round(self, customer_id: int) -> None:
        """Raises ObjectMissing where the vault lost an object since it was listed: a prune is at work."""
        # Manifests are read before packs are listed: every pack that one of them needs is then among those listed.
        # A prune that takes one of these packs away has taken a manifest away before, which is looked for at the end.
        self.report.objects_total, self.report.size_bytes_total = self.report.objects, self.report.size_bytes
        new, old_manifests = self._compare(names.of_kind("manifests", customer_id))
        documents = {info.name: self._source.get(info.name) for info in new}
        surplus: list[ObjectInfo] = []
        failed: set[str] = set()
        for kind in ("revisions", "packs"):
            missing, more = self._compare(names.of_kind(kind, customer_id))
            surplus += more
            failed |= self._copy_all(missing)
        there = {info.name for info in self._source.list(names.of_kind("manifests", customer_id))}
        if not there.issuperset(documents):
            raise ObjectMissing("a manifest was replaced while it was copied")
        self._copy_manifests(customer_id, documents, {name.rpartition("/")[2] for name in failed})
        for kind in ("forgotten", "receipts", "restores"):
            missing, more = self._compare(names.of_kind(kind, customer_id))
            surplus += more
            self._copy_all(missing)
        self._let_go(customer_id, old_manifests, surplus)

    def _compare(self, prefix: str) -> tuple[list[ObjectInfo], list[ObjectInfo]]:
        """What is to be copied, and what the replica has and the vault has not."""
        missing: list[ObjectInfo] = []
        surplus: list[ObjectInfo] = []
        for here, there in _side_by_side(self._source.list(prefix), self._target.list(prefix)):
            if here is None and there is not None and names.parse(there.name) is not None:
                surplus.append(there)
            elif here is not None and names.parse(here.name) is not None and here != there:
                missing.append(here)
        self.report.objects_total += len(missing)
        self.report.size_bytes_total += sum(info.size_bytes for info in missing)
        return missing, surplus

    def _copy_all(self, missing: Iterable[ObjectInfo]) -> set[str]:
        """Copy objects, in no certain order. Answers those that were not, because they are damaged."""

        def copy(info: ObjectInfo) -> str | None:
            return None if self._copy(info, self._source.get(info.name)) else info.name

        with ThreadPoolExecutor(_COPIERS, thread_name_prefix="replicate") as pool:
            copies = pool.map(copy, missing)
            try:
                return {name for name in copies if name is not None}
            finally:
                pool.shutdown(cancel_futures=True)

    def _copy_manifests(self, customer_id: int, documents: dict[str, bytes], failed: set[str]) -> None:
        """Ascending, each behind its parent and its packs: what would leave the replica incomplete waits."""
        keys = self._vault.customer(customer_id).keys
        there = {
            (name.instance_id, name.number)
            for info in self._target.list(names.of_kind("manifests", customer_id))
            if (name := names.parse(info.name)) is not None
        }
        for object_name, data in sorted(documents.items()):
            try:
                manifest = manifests.decode(keys, object_name, data)
            except Damaged as error:
                self._tell(object_name, f"was not copied: {error}", REPAIR_VAULT, customer_id)
                continue
            parent = manifest.parent_sequence
            if parent is not None and (manifest.instance_id, parent) not in there:
                what = f"was not copied: it builds on backup {parent}, which could not be copied"
            elif not failed.isdisjoint((*manifest.packs, *manifest.contents)):
                what = "was not copied: a pack that it needs could not be copied"
            else:
                self._copy(ObjectInfo(object_name, len(data)), data)
                there.add((manifest.instance_id, manifest.sequence))
                continue
            self._tell(object_name, what, REPAIR_VAULT, customer_id)

    def _copy(self, info: ObjectInfo, data: bytes) -> bool:
        """Prove an object and put it there. False: it is damaged, or the replica keeps another of the name."""
        name = names.parse(info.name)
        assert name is not None, "only what has a name of the vault's is copied"
        try:
            prove(self._vault, name, data)
        except Damaged as error:
            self._tell(info.name, f"was not copied: {error}", REPAIR_VAULT, name.customer_id)
            return False
        try:
            self._target.put(info.name, data)
        except ObjectExists:
            if not self._replace(name, data):
                return False
        self.report.objects += 1
        self.report.size_bytes += len(data)
        if self._told is not None:
            self._told(self.report)
        return True

    def _replace(self, name: ObjectName, data: bytes) -> bool:
        """Put these bytes where the replica has others: damaged ones, or a document that was sealed once more."""
        try:
            self._target.delete(name.text)
        except StorageError as error:
            if error.code != "storage_refused":
                raise
            if is_genuine(self._vault, name, self._target.get(name.text)):
                return True
            what = "is damaged in the replica, and may not be replaced there"
            self._tell(name.text, what, _RIGHTS, name.customer_id)
            return False
        self._target.put(name.text, data)
        return True

    def _let_go(self, customer_id: int, old_manifests: list[ObjectInfo], surplus: list[ObjectInfo]) -> None:
        """Delete there what the vault let go; say what it lost."""
        if not old_manifests and not surplus:
            return
        going = LettingGo(self._vault.customer(customer_id), self._target, self._is_live)
        for info in going.in_order(old_manifests, surplus):
            if not going.may_go(info):
                what = "is in the replica, but not in the vault, and nothing says that it was let go"
                self._tell(info.name, what, REPAIR, customer_id)
                continue
            removal = remove(self._target, info.name)
            if removal.is_there:
                self.report.refused += 1
                continue
            self.report.deleted += 1
            self.report.deleted_bytes += 0 if removal.is_hidden else info.size_bytes

    def _tell(self, object_name: str, what: str, advice: str, customer_id: int | None) -> None:
        self.report.findings.append(Finding("error", object_name, what, advice, customer_id))


def _side_by_side(
    left: Iterator[ObjectInfo], right: Iterator[ObjectInfo]
) -> Iterator[tuple[ObjectInfo | None, ObjectInfo | None]]:
    """Two listings, each ascending, with what has the same name together."""
    here, there = next(left, None), next(right, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here.name < there.name):
            yield here, None
            here = next(left, None)
        elif here is None or there.name < here.name:
            yield None, there
            there = next(right, None)
        else:
            yield here, there
            here, there = next(left, None), next(right, None)
