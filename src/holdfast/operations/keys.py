"""The root key: its file, its rotation without rewriting data, and its export under a passphrase.

Rotation wraps every customer's keys with the new root key beside the old one, puts the new key where the installation
finds it, and only then takes the old copies away. Whatever breaks it off, the vault opens with the key that the
installation has, and the next call goes on.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from holdfast.catalog import audit, erasures, vendors
from holdfast.errors import InputError, WrongKey
from holdfast.operations.locking import KEYS, locked
from holdfast.operations.services import Services
from holdfast.vault import RootKey, keyring, names
from holdfast.vault.key_export import unwrap_with_passphrase, wrap_with_passphrase

_NEXT_SUFFIX = ".next"
"""A rotation's new key until it is the installation's: if it is there, a rotation was broken off."""


@dataclass
class RotationReport:
    customers: int = 0
    """Whose keys the new root key opens, the installation's own included."""
    copies_destroyed: int = 0
    """Of the old root key."""


@dataclass(frozen=True)
class KeysFound:
    customers: int
    """Whose keys the root key opens, without the installation's own."""
    others: int
    """Copies that another root key opens: of a rotation that has not come to its end."""


def inspect(services: Services) -> KeysFound:
    """Which key objects the root key opens. What is damaged, `verify` says."""
    root, opened, others = services.vault.root_key, 0, 0
    for customer_id in (names.INSTALLATION, *services.vault.customers()):
        found = list(keyring.copies(services.storage, root, customer_id))
        others += sum(isinstance(one.error, WrongKey) for one in found)
        opened += customer_id != names.INSTALLATION and any(one.keys is not None for one in found)
    return KeysFound(opened, others)


def key_in(file: Path) -> RootKey:
    """The key in a file; a new one is made where there is none. Raises InputError."""
    if not file.exists():
        write_key_file(file, RootKey.generate())
    return read_key_file(file)


def rotate_key_file(services: Services, *, actor: str) -> RotationReport:
    """Replace the root key of an installation that has it in a file. Goes on with a rotation that was broken off.

    Raises InputError where the key comes from the environment or a command: see `prepare_rotation`.
    """
    settings = services.settings
    if settings.root_key is not None or settings.root_key_command is not None:
        raise InputError(
            "the root key does not come from a file, so it cannot be replaced here",
            hint="holdfast key prepare FILE lets a new key open the vault too; set that one, then holdfast key retire",
        )
    file = settings.effective_root_key_file
    following = file.with_name(file.name + _NEXT_SUFFIX)
    new = _following_key(following)
    prepare_rotation(services, new)
    following.replace(file)
    _sync_folder(file.parent)
    return finish_rotation(services, new, actor=actor)


def prepare_rotation(services: Services, new: RootKey) -> RotationReport:
    """Let the vault open with a second root key. Nothing is taken away. Can be repeated."""
    vault = services.vault
    report = RotationReport()
    with locked(services, KEYS) as prove:
        for customer_id in _customers(services, prove):
            keyring.rewrap(services.storage, vault.root_key, new, customer_id, vault.id)
            report.customers += 1
    return report


def finish_rotation(services: Services, new: RootKey, *, actor: str) -> RotationReport:
    """Destroy every key copy that `new` does not open. The installation must be opened with `new` from now on.

    Raises VaultError, having destroyed nothing of a customer, where the new key does not open it twice.
    """
    vault = services.vault
    report = RotationReport()
    with locked(services, KEYS) as prove:
        # The installation's copies first: whoever still has the old key makes no customer any more (`keyring.make`).
        for _ in range(2):
            report.customers = 0
            for customer_id in _customers(services, prove):
                if customer_id != names.INSTALLATION:
                    keyring.rewrap(services.storage, vault.root_key, new, customer_id, vault.id)
                report.copies_destroyed += keyring.retire(services.storage, new, customer_id)
                report.customers += 1
        with services.database.write() as connection:
            prove(connection)
            for vendor in vendors.all_vendors(connection):
                audit.add(connection, vendor.id, actor, "root_key.rotate", "vault", None, {"root_id": new.id.hex()})
    vault.root_key = new
    return report


def export_key(services: Services, passphrase: str) -> str:
    """The root key under a passphrase, one line of text. Raises InputError for a short one."""
    return wrap_with_passphrase(services.vault.root_key, services.vault.id, passphrase)


def import_key(file: Path, text: str, passphrase: str, *, opens: Callable[[RootKey], object]) -> RootKey:
    """Write a key file from an export; `opens` raises where the key is not the vault's. Nothing is overwritten.

    Raises InputError for another passphrase, WrongKey, FileExistsError.
    """
    root_key = unwrap_with_passphrase(text, passphrase)
    opens(root_key)
    write_key_file(file, root_key)
    return root_key


def _customers(services: Services, prove: Callable[[Connection], None]) -> Iterator[int]:
    """The installation, then every customer that has keys and is not being erased."""
    for customer_id in (names.INSTALLATION, *services.vault.customers()):
        with services.database.write() as connection:
            prove(connection)
            is_erased = erasures.find(connection, customer_id) is not None
        if not is_erased:
            yield customer_id


def _following_key(file: Path) -> RootKey:
    """The key that a rotation goes on with, or a new one."""
    if file.exists():
        try:
            return read_key_file(file)
        except InputError:
            file.unlink()  # broken off while it was written: nothing was wrapped with it yet
    write_key_file(file, RootKey.generate())
    return read_key_file(file)


def read_key_file(file: Path) -> RootKey:
    """Raises InputError, OSError."""
    return RootKey.from_text(file.read_text())


def write_key_file(file: Path, root_key: RootKey) -> None:
    """Write a new key file, durably, readable by its owner only. Raises FileExistsError rather than replace one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, root_key.to_text().encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
