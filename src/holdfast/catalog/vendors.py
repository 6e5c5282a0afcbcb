"""Vendors and the secrets their clients authenticate with: only hashes of them, which `identity` makes and checks."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.columns import Time
from holdfast.catalog.schema import access_tokens, client_secrets, vendors
from holdfast.errors import NotFound


@dataclass(frozen=True, slots=True)
class Vendor:
    id: int
    name: str
    email: str | None
    client_id: str
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClientSecret:
    id: int
    vendor_id: int
    secret_hash: bytes
    hint: str
    """A masked form that may be shown."""
    created_at: datetime
    revoked_at: datetime | None


_VENDOR = tuple(vendors.c[name] for name in Vendor.__dataclass_fields__)
_SECRET = tuple(client_secrets.c[name] for name in ClientSecret.__dataclass_fields__)


def create(
    conn: sa.Connection, name: str, email: str | None, client_id: str, *,
    vendor_id: int | None = None, created_at: datetime | None = None,
) -> Vendor:  # fmt: skip
    """A new vendor; a rebuild gives its old `vendor_id` and `created_at`."""
    vendor = Vendor(vendor_id or ids.new_id(), name, email, client_id, created_at or clock.now(), None)
    conn.execute(sa.insert(vendors).values(
        id=vendor.id, name=name, email=email, client_id=client_id, created_at=vendor.created_at
    ))  # fmt: skip
    return vendor


def get(conn: sa.Connection, vendor_id: int) -> Vendor:
    """Raises NotFound."""
    row = conn.execute(sa.select(*_VENDOR).where(vendors.c.id == vendor_id)).one_or_none()
    if row is None:
        raise NotFound(f"no vendor {vendor_id}", field="vendor_id")
    return Vendor(*row)


def find(conn: sa.Connection, client_id: str) -> Vendor | None:
    """The vendor that a client's id belongs to, disabled or not."""
    row = conn.execute(sa.select(*_VENDOR).where(vendors.c.client_id == client_id)).one_or_none()
    return None if row is None else Vendor(*row)


def all_vendors(conn: sa.Connection) -> list[Vendor]:
    """Ascending by id."""
    return [Vendor(*row) for row in conn.execute(sa.select(*_VENDOR).order_by(vendors.c.id))]


def set_disabled(conn: sa.Connection, vendor_id: int, disabled_at: datetime | None) -> None:
    """Disable a vendor or, with None, enable it again. Its tokens stay; `tokens.find` looks at the vendor too."""
    conn.execute(sa.update(vendors).where(vendors.c.id == vendor_id).values(disabled_at=disabled_at))


def add_secret(
    conn: sa.Connection, vendor_id: int, secret_hash: bytes, hint: str, *,
    secret_id: int | None = None, created_at: datetime | None = None,
) -> ClientSecret:  # fmt: skip
    """One more secret beside those the vendor has, so that clients can change over one by one."""
    secret = ClientSecret(secret_id or ids.new_id(), vendor_id, secret_hash, hint, created_at or clock.now(), None)
    conn.execute(sa.insert(client_secrets).values(
        id=secret.id, vendor_id=vendor_id, secret_hash=secret_hash, hint=hint, created_at=secret.created_at
    ))  # fmt: skip
    return secret


def secrets(conn: sa.Connection, vendor_id: int, *, revoked: bool = False) -> list[ClientSecret]:
    """The vendor's secrets, oldest first; those revoked only on request."""
    query = sa.select(*_SECRET).where(client_secrets.c.vendor_id == vendor_id).order_by(client_secrets.c.id)
    if not revoked:
        query = query.where(client_secrets.c.revoked_at.is_(None))
    return [ClientSecret(*row) for row in conn.execute(query)]


def revoke_secret(conn: sa.Connection, vendor_id: int, secret_id: int, *, at: datetime | None = None) -> None:
    """The secret and every token that was granted for it are good for nothing from now on. Raises NotFound."""
    moment = at or clock.now()
    done = conn.execute(
        sa.update(client_secrets)
        .where(client_secrets.c.id == secret_id, client_secrets.c.vendor_id == vendor_id)
        .values(revoked_at=sa.func.coalesce(client_secrets.c.revoked_at, sa.literal(moment, Time)))
    )
    if not done.rowcount:
        raise NotFound(f"no client secret {secret_id}")
    conn.execute(
        sa.update(access_tokens)
        .where(access_tokens.c.secret_id == secret_id, access_tokens.c.revoked_at.is_(None))
        .values(revoked_at=moment)
    )
