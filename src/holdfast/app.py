"""The composition root: the one place where concrete things are wired together.

Every command opens an installation: what only making or mending one takes is imported there, 0.15 s less for the rest.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from holdfast.catalog.database import Database
from holdfast.engine import Engine
from holdfast.errors import CatalogError, InputError, VaultError
from holdfast.operations import jobs
from holdfast.operations.services import Services
from holdfast.settings import Settings
from holdfast.sources.policy import NetworkPolicy
from holdfast.storage import AppendOnly, Capabilities, Storage, open_storage, probe
from holdfast.vault import RootKey, Vault

_NO_KEY = "`holdfast init` makes a key; an existing one is named by HOLDFAST_ROOT_KEY_FILE, _KEY or _COMMAND."


@dataclass(frozen=True)
class Initialised:
    wrote_key: bool
    storage: Capabilities
    """What the probe of the storage has found."""


def initialise(settings: Settings) -> Initialised:
    """Make what an installation needs: data folder, key file, vault, catalog.

    Again is harmless: what exists is kept. Raises StorageError for a store that cannot hold a vault, WrongKey.
    """
    from holdfast.operations import customers, definitions, keys, revisions

    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the data folder {settings.home} cannot be made: {error.strerror}",
            field="HOLDFAST_HOME",
            hint="HOLDFAST_HOME names another one.",
        ) from error
    key_file = settings.effective_root_key_file
    writes_key = settings.root_key is None and settings.root_key_command is None and not key_file.exists()
    storage = _storage(settings)
    found = probe(storage)
    if writes_key:
        try:
            Vault.open(storage, RootKey.generate())
        except VaultError as error:
            if error.code != "vault_missing":
                raise InputError(
                    f"there is a vault in {storage.url} already, but no key in {key_file}",
                    hint="Put the vault's key there: a new key could not open it.",
                    code="key_missing",
                ) from error
        keys.write_key_file(key_file, RootKey.generate())
    root_key = read_root_key(settings)
    try:
        Vault.create(storage, root_key)
    except VaultError as error:
        if error.code != "vault_exists":
            raise
    with opened(settings) as services:
        services.database.migrate()
        services.engine.migrate()
        _refuse_lost_catalog(services)
        definitions.publish_library(services)
        customers.local(services)
        revisions.flush(services)
    return Initialised(writes_key, found)


def _refuse_lost_catalog(services: Services) -> None:
    """A vault with customers belongs to a catalog: a new one beside it would have none of their backups."""
    from holdfast.catalog import vendors

    with services.database.read() as connection:
        is_empty = not vendors.all_vendors(connection)
    if is_empty and services.vault.customers():
        raise CatalogError(
            f"the vault in {services.storage.url} has backups, but the catalog is empty",
            hint="`holdfast rebuild` makes the catalog again from the vault.",
            code="catalog_missing",
        )


@contextmanager
def opened(
    settings: Settings, *, concurrency: int | None = None, even_damaged: bool = False, deletes: bool = False
) -> Iterator[Services]:
    """An installation's services, closed at the end of the block. `even_damaged` also opens a vault without its marker;
    `deletes` takes the credential that may delete, where there is one of its own for that.

    Raises VaultError where there is none, WrongKey, Damaged, InputError.
    """
    root_key = read_root_key(settings)
    storage = _deleting_storage(settings) if deletes else _storage(settings)
    vault = Vault.open(storage, root_key, even_damaged=even_damaged, reread=partial(read_root_key, settings))
    database = Database(settings.effective_database_url)
    engine = Engine(
        settings.effective_database_url,
        beat_s=min(2.0, settings.worker_dead_seconds / 5),
        dead_after_s=settings.worker_dead_seconds,
        concurrency=concurrency or settings.backups_at_once,
    )
    services = Services(
        settings,
        database,
        storage,
        vault,
        engine,
        NetworkPolicy(allow_private=settings.allow_private_network),
        _replicas(settings),
    )
    jobs.register(services)
    try:
        yield services
    finally:
        engine.close()
        database.close()


def read_root_key(settings: Settings) -> RootKey:
    """The root key from the environment, a command or the key file. Raises InputError that says where it was sought."""
    given = {
        "HOLDFAST_ROOT_KEY": settings.root_key,
        "HOLDFAST_ROOT_KEY_FILE": settings.root_key_file,
        "HOLDFAST_ROOT_KEY_COMMAND": settings.root_key_command,
    }
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InputError(f"{' and '.join(names)} are both set", field=names[0], hint="Set the one that counts.")
    if settings.root_key is not None:
        with _naming("HOLDFAST_ROOT_KEY"):
            return RootKey.from_text(settings.root_key.get_secret_value())
    if settings.root_key_command is not None:
        done = subprocess.run(
            settings.root_key_command, shell=True, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            said = done.stderr.strip()[:200]
            raise InputError(
                f"HOLDFAST_ROOT_KEY_COMMAND ended with exit code {done.returncode}" + (f": {said}" if said else ""),
                field="HOLDFAST_ROOT_KEY_COMMAND",
                code="key_missing",
            )
        with _naming("HOLDFAST_ROOT_KEY_COMMAND"):
            return RootKey.from_text(done.stdout)
    key_file = settings.effective_root_key_file
    try:
        text = key_file.read_text(errors="replace")
    except FileNotFoundError as error:
        raise InputError(f"there is no key file {key_file}", hint=_NO_KEY, code="key_missing") from error
    except OSError as error:
        raise InputError(f"the key file {key_file} cannot be read: {error.strerror}", code="key_missing") from error
    with _naming("HOLDFAST_ROOT_KEY_FILE", f"the key file {key_file}"):
        return RootKey.from_text(text)


def import_root_key(settings: Settings, text: str, passphrase: str) -> RootKey:
    """Write the key file from an export. Raises InputError, WrongKey, FileExistsError: nothing is overwritten."""
    from holdfast.operations import keys

    if settings.root_key is not None or settings.root_key_command is not None:
        raise InputError("the root key does not come from a file here", hint="Unset HOLDFAST_ROOT_KEY or _COMMAND.")
    storage = _storage(settings)
    return keys.import_key(
        settings.effective_root_key_file, text, passphrase, opens=lambda root: Vault.open(storage, root)
    )


def take_keys_from_replica(settings: Settings) -> bool:
    """For a vault that does not open, since the installation's keys in it are lost. False: no replica has them."""
    from holdfast.operations.repair.restoring import take_installation_keys

    root_key = read_root_key(settings)
    return take_installation_keys(_deleting_storage(settings), _replicas(settings), root_key)


def _storage(settings: Settings) -> Storage:
    with _naming("HOLDFAST_STORAGE_URL"):
        opened = open_storage(settings.effective_storage_url)
    return AppendOnly(opened) if settings.append_only else opened


def _deleting_storage(settings: Settings) -> Storage:
    if not settings.prune_storage_url:
        if settings.append_only:
            raise InputError(
                "this installation is append-only: it may not delete from the vault",
                field="HOLDFAST_PRUNE_STORAGE_URL",
                hint="HOLDFAST_PRUNE_STORAGE_URL or --storage-url names the vault with a credential that may.",
            )
        return _storage(settings)
    with _naming("HOLDFAST_PRUNE_STORAGE_URL"):
        return open_storage(settings.prune_storage_url)


def _replicas(settings: Settings) -> tuple[Storage, ...]:
    with _naming("HOLDFAST_REPLICA_URL"):
        return tuple(open_storage(url) for url in settings.replica_urls)


@contextmanager
def _naming(setting: str, where: str | None = None) -> Iterator[None]:
    """What is wrong with a setting's value is told with its name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where or setting}: {error}", field=setting, hint=error.hint, code=error.code) from error
