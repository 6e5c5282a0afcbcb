"""What the shell completes: names of instances, endpoints, definitions. Reads the catalog alone, so that it is quick.

Completion is silent about trouble: the command itself will tell.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from holdfast.errors import HoldfastError, NotFound

RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly", "within", "after_deletion")
"""Those of a retention policy; a test compares them with what `operations.retention` reads."""

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from holdfast.catalog.instances import Instance


def instance_names(incomplete: str) -> list[str]:
    return _from_catalog(incomplete, lambda connection: [one.label for one in _instances(connection)])


def endpoint_names(context: typer.Context, incomplete: str) -> list[str]:
    """Of the instance that stands on the command line already."""

    def words(connection: "Connection") -> list[str | None]:
        from holdfast.catalog import streams

        instance = _named(connection, context)
        return [stream.endpoint for stream in streams.of_instance(connection, instance.id)]

    return _from_catalog(incomplete, words)


def customer_names(incomplete: str) -> list[str]:
    """Of every vendor."""

    def words(connection: "Connection") -> list[str | None]:
        from holdfast.catalog import customers

        return [one.name for one in customers.every(connection)]

    return _from_catalog(incomplete, words)


def vendor_names(incomplete: str) -> list[str]:
    def words(connection: "Connection") -> list[str | None]:
        from holdfast.catalog import vendors

        return [one.name for one in vendors.all_vendors(connection)]

    return _from_catalog(incomplete, words)


def hold_ids(incomplete: str) -> list[str]:
    """Of the legal holds that are not released."""

    def words(connection: "Connection") -> list[str | None]:
        from holdfast.catalog import holds

        return [str(one.id) for one in holds.every(connection)]

    return _from_catalog(incomplete, words)


def retention_rules(incomplete: str) -> list[str]:
    return _starting(incomplete, [f"{name}=" for name in RULES])


def definition_names(incomplete: str) -> list[str]:
    """Built-in and saved ones; files the shell completes by itself."""
    from holdfast.definitions import library

    def saved(connection: "Connection") -> list[str | None]:
        from holdfast.catalog import definitions, vendors
        from holdfast.catalog.listing import PageRequest

        vendor = vendors.find(connection, "local")
        if vendor is None:
            return []
        page = PageRequest(per_page=1_000)
        return [one.name for one in definitions.visible(connection, vendor.id, page, of_vendor=vendor.id).items]

    return _starting(incomplete, library.names()) + _from_catalog(incomplete, saved)


def assignments(context: typer.Context, incomplete: str) -> list[str]:
    """`key=` for each variable of the definition or the instance that stands on the command line already."""

    def words(connection: "Connection") -> list[str | None]:
        from holdfast.catalog import definitions
        from holdfast.definitions import library
        from holdfast.definitions.loading import load

        name = context.params.get("definition")
        if name in library.names():
            return [f"{variable.key}=" for variable in library.load(name).variables]
        definition = definitions.get(connection, _named(connection, context).definition_id)
        if definition.revision_id is None:
            return []
        document = definitions.revision(connection, definition.revision_id).document
        return [f"{variable.key}=" for variable in load(document).variables]

    return _from_catalog(incomplete, words)


def _from_catalog(incomplete: str, words: Callable[["Connection"], Sequence[str | None]]) -> list[str]:
    try:
        with _catalog() as connection:
            return _starting(incomplete, words(connection))
    except (HoldfastError, OSError):
        return []


@contextmanager
def _catalog() -> Iterator["Connection"]:
    from holdfast.catalog.database import Database
    from holdfast.settings import load_settings

    settings = load_settings()
    if not settings.database_url and not (settings.home / "catalog.db").exists():
        raise NotFound("there is no catalog")
    database = Database(settings.effective_database_url)
    try:
        with database.read() as connection:
            yield connection
    finally:
        database.close()


def _named(connection: "Connection", context: typer.Context) -> "Instance":
    for instance in _instances(connection):
        if instance.label == context.params.get("name"):
            return instance
    raise NotFound("no instance stands on the command line")


def _instances(connection: "Connection") -> list["Instance"]:
    """The local customer's."""
    from holdfast.catalog import customers, instances, vendors

    vendor = vendors.find(connection, "local")
    customer = None if vendor is None else customers.find(connection, vendor.id, "local")
    return [] if customer is None else instances.all_of_customer(connection, customer.id)


def _starting(incomplete: str, words: Sequence[str | None]) -> list[str]:
    return [word for word in words if word and word.startswith(incomplete)]
