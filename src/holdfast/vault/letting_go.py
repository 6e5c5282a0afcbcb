"""What a replica may delete of a customer: only what the vault itself says that it has let go.

An object that the vault no longer has was either let go or lost. Let go are manifests that a higher generation replaces
or a forgotten object names, the receipts of forgotten runs, and packs that then nothing names and the catalog does not
know. Everything else was lost, and the replica may hold the only copy.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from holdfast.errors import Damaged
from holdfast.storage import ObjectInfo, Storage
from holdfast.vault import forgotten, manifests, names
from holdfast.vault.vault import CustomerVault


class LettingGo:
    """Judges the surplus of one customer's replica, in the order of `in_order`."""

    def __init__(self, customer: CustomerVault, target: Storage, is_live: Callable[[str], bool]) -> None:
        self._customer = customer
        self._target = target
        self._is_live = is_live
        self._kept: dict[int, dict[int, int]] = {}
        self._forgotten: dict[int, set[int]] = {}
        self._unread: dict[int, Damaged] = {}
        """Runs whose manifests do not open, here or there: which packs they need is not known."""

    def in_order(self, old_manifests: Iterable[ObjectInfo], surplus: Iterable[ObjectInfo]) -> Iterator[ObjectInfo]:
        """Manifests, then receipts and the like, then packs: the order in which a prune deletes."""
        yield from old_manifests
        yield from sorted(surplus, key=lambda info: (info.name.startswith("packs/"), info.name))

    def may_go(self, info: ObjectInfo) -> bool:
        name = names.parse(info.name)
        if name is None:
            return False
        if name.kind == "pack":
            pack_id = name.object_id or ""
            return pack_id not in self._named and not self._unread and not self._is_live(pack_id)
        if name.kind not in ("manifest", "receipt") or name.instance_id is None:
            return False  # nothing but an erasure takes these away
        if name.number in self._forgotten_runs(name.instance_id):
            return True
        generation = self._generations(name.instance_id).get(name.number or 0)
        return name.kind == "manifest" and generation is not None and generation > (name.generation or 0)

    def _forgotten_runs(self, instance_id: int) -> set[int]:
        if instance_id not in self._forgotten:
            customer = self._customer
            notes = forgotten.read(customer.storage, customer.keys, customer.customer_id, instance_id)
            self._forgotten[instance_id] = {run.sequence for note in notes for run in note.runs}
        return self._forgotten[instance_id]

    def _generations(self, instance_id: int) -> dict[int, int]:
        """Of each run the highest generation that opens in the vault."""
        if instance_id not in self._kept:
            found = self._customer.read_manifests(instance_id, self._unread.__setitem__)
            self._kept[instance_id] = {manifest.sequence: manifest.generation for manifest in found}
        return self._kept[instance_id]

    @cached_property
    def _named(self) -> set[str]:
        """Every pack that the replica's manifests of runs that stay name, when the first pack is asked about."""
        customer = self._customer
        instances = {
            name.instance_id
            for info in self._target.list(names.of_kind("manifests", customer.customer_id))
            if (name := names.parse(info.name)) is not None and name.instance_id is not None
        }
        return {
            pack
            for instance_id in instances
            for manifest in manifests.read(
                self._target, customer.keys, customer.customer_id, instance_id, self._unread.__setitem__
            )
            if manifest.sequence not in self._forgotten_runs(instance_id)  # it may be locked there, and stay
            for pack in (*manifest.packs, *manifest.contents)
        }
