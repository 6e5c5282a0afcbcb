"""Vendors and their clients' secrets: made, rotated, revoked, disabled. A secret is shown once, when it is made."""

from dataclasses import dataclass

from sqlalchemy import Connection

from holdfast.catalog import vendors
from holdfast.catalog.vendors import ClientSecret, Vendor
from holdfast.clock import now
from holdfast.errors import Conflict, InputError
from holdfast.identity import secrets
from holdfast.identity.addresses import check_email
from holdfast.operations import acting, revisions
from holdfast.operations.services import Services

SECRETS_AT_MOST = 5
"""Of one vendor at a time: enough to change clients over one by one, few enough to be looked after."""


@dataclass(frozen=True)
class NewSecret:
    """A client secret in clear, for the one moment in which it exists so."""

    vendor: Vendor
    secret_id: int
    client_secret: str


def create(services: Services, name: str, email: str | None) -> NewSecret:
    """A vendor with its first client secret. Raises InputError, and Conflict for a name that is taken."""
    name = name.strip()
    if not name:
        raise InputError("a vendor needs a name", field="name", code="missing")
    if email is not None:
        check_email(email)
    with services.database.write() as connection:
        if any(one.name == name for one in vendors.all_vendors(connection)):
            raise Conflict(
                f"there is a vendor named {name!r} already",
                field="name",
                code="taken",
                hint="`holdfast vendor rotate` gives one that exists another client secret.",
            )
        vendor = vendors.create(connection, name, email, secrets.new_client_id())
        made = _add_secret(connection, vendor)
        acting.note(connection, vendor.id, "vendor.create", "vendor", vendor.id, name=name)
    revisions.flush(services)
    return made


def add_secret(services: Services, vendor_id: int) -> NewSecret:
    """One more secret; those before stay good until they are revoked. Raises NotFound, Conflict for too many."""
    with services.database.write() as connection:
        vendor = vendors.get(connection, vendor_id)
        if len(vendors.secrets(connection, vendor_id)) >= SECRETS_AT_MOST:
            raise Conflict(
                f"vendor {vendor_id} has {SECRETS_AT_MOST} client secrets already",
                code="too_many",
                hint="Revoke one that no client uses any more.",
            )
        made = _add_secret(connection, vendor)
        acting.note(connection, vendor_id, "client_secret.add", "client_secret", made.secret_id)
    revisions.flush(services)
    return made


def rotate(services: Services, vendor_id: int) -> NewSecret:
    """A new secret in place of all others: those are good for nothing from now on, nor are the tokens got with them."""
    with services.database.write() as connection:
        vendor = vendors.get(connection, vendor_id)
        for secret in vendors.secrets(connection, vendor_id):
            vendors.revoke_secret(connection, vendor_id, secret.id)
        made = _add_secret(connection, vendor)
        acting.note(connection, vendor_id, "client_secret.rotate", "client_secret", made.secret_id)
    revisions.flush(services)
    return made


def revoke_secret(services: Services, vendor_id: int, secret_id: int) -> None:
    """The secret and every token got with it are good for nothing from now on. Raises NotFound."""
    with services.database.write() as connection:
        vendors.revoke_secret(connection, vendor_id, secret_id)
        acting.note(connection, vendor_id, "client_secret.revoke", "client_secret", secret_id)
        revisions.vendor_changed(connection, vendor_id)
    revisions.flush(services)


def set_disabled(services: Services, vendor_id: int, disabled: bool) -> None:
    """A disabled vendor's clients get no tokens, and those they have are refused. Raises NotFound."""
    with services.database.write() as connection:
        vendors.get(connection, vendor_id)
        vendors.set_disabled(connection, vendor_id, now() if disabled else None)
        acting.note(connection, vendor_id, "vendor.disable" if disabled else "vendor.enable", "vendor", vendor_id)
        revisions.vendor_changed(connection, vendor_id)
    revisions.flush(services)


def all_vendors(services: Services) -> list[Vendor]:
    """Ascending by id; the two that Holdfast makes itself among them."""
    with services.database.read() as connection:
        return vendors.all_vendors(connection)


def secrets_of(services: Services, vendor_id: int, *, revoked: bool = False) -> list[ClientSecret]:
    """Oldest first, as hashes and masks."""
    with services.database.read() as connection:
        return vendors.secrets(connection, vendor_id, revoked=revoked)


def _add_secret(connection: Connection, vendor: Vendor) -> NewSecret:
    client_secret = secrets.new_client_secret()
    kept = vendors.add_secret(
        connection, vendor.id, secrets.hash_of(client_secret), secrets.masked(client_secret)
    )  # fmt: skip
    revisions.vendor_changed(connection, vendor.id)
    return NewSecret(vendor, kept.id, client_secret)
