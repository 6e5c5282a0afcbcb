"""Where customers' wrapped keys lie: `keys/<customer>/<n>`, two copies of each, the only erasable objects of a vault.

A first key has the copies 0 and 1; a later root key writes 2 and 3 and deletes the first ones. Any that opens will do.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.errors import Damaged, NotFound, ObjectExists, ObjectMissing, VaultError, WrongKey
from holdfast.storage import Storage
from holdfast.vault import names
from holdfast.vault.keys import CustomerKeys, RootKey, WrappedKeys, wrap

COPIES = 2


@dataclass(frozen=True)
class KeyCopy:
    """One key object: what it holds, or why it does not open."""

    object_name: str
    keys: CustomerKeys | None
    vault_id: str | None
    error: VaultError | None
    size_bytes: int


def copies(storage: Storage, root: RootKey, customer_id: int) -> Iterator[KeyCopy]:
    """Every key object of a customer, lowest number first."""
    for info in storage.list(names.keys_prefix(customer_id)):
        if names.parse(info.name) is None:
            continue
        try:
            wrapped = WrappedKeys.parse(storage.get(info.name), info.name)
            keys = wrapped.unwrap(root, info.name)
            yield KeyCopy(info.name, keys, wrapped.vault_id.hex(), None, info.size_bytes)
        except (Damaged, WrongKey) as error:
            yield KeyCopy(info.name, None, None, error, info.size_bytes)
        except ObjectMissing:  # deleted since it was listed: a rotation or an erasure
            continue


def find(storage: Storage, root: RootKey, customer_id: int) -> tuple[CustomerKeys, str]:
    """A customer's keys and the vault's id, from the first copy that opens.

    Raises NotFound where there is none (never made, or erased), WrongKey, or Damaged where all are.
    """
    errors: list[VaultError] = []
    for copy in copies(storage, root, customer_id):
        if copy.keys is not None and copy.vault_id is not None:
            return copy.keys, copy.vault_id
        if copy.error is not None:
            errors.append(copy.error)
    if not errors:
        raise NotFound(
            f"the vault has no key of customer {customer_id}",
            hint="If the customer was erased, its data can no longer be read by anyone.",
            code="customer_keys_missing",
        )
    # A damaged root id looks like a wrong key: only if every copy says so is it one.
    damaged = [error for error in errors if isinstance(error, Damaged)]
    raise damaged[0] if damaged else errors[0]


def make(storage: Storage, root: RootKey, customer_id: int, vault_id: str) -> CustomerKeys:
    """A customer's keys, made if there are none and with every copy in its place. Of many callers at once one wins."""
    try:
        found, _ = find(storage, root, customer_id)
    except NotFound:
        for info in storage.list(names.packs_prefix(customer_id)):
            raise VaultError(
                f"customer {customer_id} has packs ({info.name}) but no key: a new key would not open them",
                hint="`holdfast repair` takes its keys from a replica.",
            ) from None
        found = CustomerKeys.generate()
        name = names.key(customer_id, 0)
        try:
            storage.put(name, wrap(found, root, bytes.fromhex(vault_id), name))
        except ObjectExists:
            found, _ = find(storage, root, customer_id)
        else:
            _refuse_retired(storage, root, name)
    complete(storage, root, customer_id, vault_id, found)
    return found


def _refuse_retired(storage: Storage, root: RootKey, name: str) -> None:
    """What was just written must open with the key that the vault has now: a rotation may have ended meanwhile.

    Rotation takes the installation's old copies away first and looks for new customers after that: so either it sees
    what was written here, or this sees that it was at work.
    """
    try:
        find(storage, root, names.INSTALLATION)
    except WrongKey:
        storage.delete(name)
        raise


def rewrap(storage: Storage, old: RootKey, new: RootKey, customer_id: int, vault_id: str) -> bool:
    """Write the copies that another root key opens beside those of the old one. False: they were there.

    Raises what `find` raises where the old key does not open the customer's.
    """
    try:
        found, _ = find(storage, new, customer_id)
    except (NotFound, WrongKey, Damaged):
        found, _ = find(storage, old, customer_id)
    there = sum(copy.keys == found for copy in copies(storage, new, customer_id))
    complete(storage, new, customer_id, vault_id, found)
    return there < COPIES


def retire(storage: Storage, root: RootKey, customer_id: int) -> int:
    """Destroy the copies that this root key does not open, once all copies that it opens are there. Answers how many.

    Raises VaultError where they are not.
    """
    found = list(copies(storage, root, customer_id))
    opened = [copy for copy in found if copy.keys is not None]
    others = [copy for copy in found if isinstance(copy.error, WrongKey)]
    if len(opened) < COPIES or any(copy.keys != opened[0].keys for copy in opened):
        raise VaultError(
            f"the new root key opens {len(opened)} copies of the keys of customer {customer_id}, not {COPIES}: nothing "
            "of the old one was deleted",
            hint="Run the rotation again: it writes what is missing.",
        )
    for copy in others:
        storage.destroy(copy.object_name)
    return len(others)


def complete(storage: Storage, root: RootKey, customer_id: int, vault_id: str, keys: CustomerKeys) -> None:
    """Write the copies that are missing beside those that open."""
    there = [copy for copy in copies(storage, root, customer_id) if copy.keys == keys]
    taken = {info.name for info in storage.list(names.keys_prefix(customer_id))}
    number = 0
    for _ in range(COPIES - len(there)):
        while (name := names.key(customer_id, number)) in taken:
            number += 1
        taken.add(name)
        try:
            storage.put(name, wrap(keys, root, bytes.fromhex(vault_id), name))
        except ObjectExists:  # another process completes them at this moment
            continue


def customers(storage: Storage) -> list[int]:
    """The ids of all customers that have a key, ascending; not the installation's."""
    found = {name.customer_id for info in storage.list(names.keys_prefix()) if (name := names.parse(info.name))}
    return sorted(customer_id for customer_id in found if customer_id)


def new_vault_id() -> str:
    return secrets.token_hex(16)
