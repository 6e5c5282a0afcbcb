"""Takes a customer out of a storage: its keys first, after which nobody can read the rest, then everything else.

Works on any storage that holds the vault or a copy of it, and needs no key. What is to be erased, and whether it may
be, `operations` decides.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.errors import ObjectMissing
from holdfast.storage import ObjectInfo, Storage, remove
from holdfast.vault import names


@dataclass(frozen=True)
class KeyObject:
    """A copy of a customer's keys. The digest tells which one it is; the key cannot be had from it."""

    storage_url: str
    object_name: str
    sha256: str


@dataclass
class Removed:
    """What was deleted after the keys."""

    objects: int = 0
    size_bytes: int = 0
    refused: int = 0
    """Objects that a lock or the credential keeps from being deleted, earlier versions too. Nobody can read them."""

    def add(self, later: "Removed") -> None:
        """Add what a second pass removed; what it was refused is what is left."""
        self.objects += later.objects
        self.size_bytes += later.size_bytes
        self.refused = later.refused


def find_keys(storage: Storage, customer_id: int) -> Iterator[KeyObject]:
    """Every copy of a customer's keys."""
    for info in storage.list(names.keys_prefix(customer_id)):
        try:
            digest = hashlib.sha256(storage.get(info.name)).hexdigest()
        except ObjectMissing:
            continue
        yield KeyObject(storage.url, info.name, digest)


def remove_objects(storage: Storage, customer_id: int) -> Removed:
    """Delete everything else of a customer whose keys are destroyed."""
    removed = Removed()
    for info in left_over(storage, customer_id):
        removal = remove(storage, info.name)
        if removal.is_there or removal.is_hidden:
            removed.refused += 1
            continue
        removed.objects += 1
        removed.size_bytes += info.size_bytes
    return removed


def left_over(storage: Storage, customer_id: int) -> Iterator[ObjectInfo]:
    """A customer's objects, but for its keys."""
    for prefix in names.of_customer(customer_id):
        yield from storage.list(prefix)
