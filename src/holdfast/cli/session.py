"""What a command works with: an installation's services, and the local customer's instances by their names.

Importing this is cheap; opening a session imports everything below the command line, which takes a third of a second.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.errors import CatalogError, InputError, NotFound

if TYPE_CHECKING:
    from holdfast.catalog.customers import Customer
    from holdfast.catalog.definitions import BackupDefinition
    from holdfast.catalog.instances import Instance
    from holdfast.operations.browsing import Browser, State
    from holdfast.operations.services import Services
    from holdfast.settings import Settings

_NO_CATALOG = "`holdfast rebuild` makes it again from the vault; `holdfast init` makes that of a new installation."


@dataclass(frozen=True)
class Session:
    """An opened installation."""

    services: "Services"

    @cached_property
    def customer(self) -> "Customer":
        """Whose instances the command line's are. Raises CatalogError where the catalog is empty.

        It is never made here: an empty catalog is one to be rebuilt, and must stay empty for that.
        """
        from holdfast.catalog import customers, vendors
        from holdfast.operations.customers import LOCAL_CUSTOMER, LOCAL_VENDOR

        with self.services.database.read() as connection:
            vendor = vendors.find(connection, LOCAL_VENDOR)
            found = None if vendor is None else customers.find(connection, vendor.id, LOCAL_CUSTOMER)
        if found is None:
            raise CatalogError("the catalog is empty", hint=_NO_CATALOG, code="catalog_missing")
        return found

    @cached_property
    def browser(self) -> "Browser":
        from holdfast.operations.browsing import Browser

        return Browser(self.services)

    def instances(self) -> list["Instance"]:
        """Those with a name, ascending by it."""
        from holdfast.catalog import instances

        with self.services.database.read() as connection:
            found = instances.all_of_customer(connection, self.customer.id)
        return sorted((one for one in found if one.label), key=lambda one: one.label or "")

    def instance(self, name: str) -> "Instance":
        """Raises NotFound with the names there are."""
        from holdfast.catalog import instances

        with self.services.database.read() as connection:
            found = instances.find(connection, self.customer.id, name)
        if found is not None:
            return found
        names = [one.label or "" for one in self.instances()]
        near = get_close_matches(name, names, n=1)
        raise NotFound(
            f"there is no instance named {name!r}" + (f": did you mean {near[0]!r}?" if near else ""),
            field="NAME",
            hint=f"There are: {', '.join(names)}." if names else "`holdfast add DEFINITION NAME` makes one.",
        )

    def definition(self, instance: "Instance") -> "BackupDefinition":
        from holdfast.catalog import definitions

        with self.services.database.read() as connection:
            return definitions.get(connection, instance.definition_id, deleted=True)

    def state(self, instance: "Instance", *, backup: int | None = None, at: datetime | None = None) -> "State":
        """The data after a backup, by its number or as of a time; else after the newest ended one.

        Raises NotFound where there is none, InputError where both are given.
        """
        if backup is not None and at is not None:
            raise InputError("--at and --backup say the same thing: give one of them", field="--at")
        state = self.browser.state(instance, sequence=backup, at=at)
        if state is not None:
            return state
        raise NotFound(
            f"{instance.label} had no backup by then" if at else f"{instance.label} has no backup yet",
            hint=f"holdfast backups {instance.label}" if at else f"holdfast backup {instance.label}",
        )


@contextmanager
def opened(
    *, needs_catalog: bool = True, even_damaged: bool = False, deletes: bool = False, storage_url: str | None = None
) -> Iterator[Session]:
    """The installation that this process's environment names; with `even_damaged` one whose vault lost its marker too.

    `deletes` opens the vault with the credential that may delete; `storage_url` says where that is, instead of the
    setting.

    Raises InputError (`key_missing`), VaultError, WrongKey; CatalogError (`catalog_missing`) where a catalog is needed
    and there is none.
    """
    from holdfast.app import opened as opened_services
    from holdfast.catalog import rebuilding
    from holdfast.settings import load_settings

    settings = load_settings()
    if storage_url is not None:
        settings = settings.model_copy(update={"prune_storage_url": storage_url})
    if needs_catalog:
        _require_catalog(settings)
    with opened_services(settings, even_damaged=even_damaged, deletes=deletes) as services:
        try:
            if needs_catalog:
                with services.database.read() as connection:
                    rebuilding.refuse_half(connection)
            yield Session(services)
        except CatalogError as error:
            if error.code == "catalog_not_migrated":
                error.hint = error.hint or _NO_CATALOG
            raise


def _require_catalog(settings: "Settings") -> None:
    """SQLite would make a missing file, and an empty catalog looks like an installation that has lost its backups."""
    url = settings.effective_database_url
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.exists() and settings.home.exists() and _has_key(settings):
        raise CatalogError(f"there is no catalog {file}", hint=_NO_CATALOG, code="catalog_missing")


def _has_key(settings: "Settings") -> bool:
    """Without a key there is no installation at all, which is the better thing to say."""
    given = settings.root_key is not None or settings.root_key_command is not None
    return given or settings.effective_root_key_file.exists()
