"""Access tokens by their hash: granted, looked up on every request, revoked, forgotten when long expired."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast import clock
from holdfast.catalog.schema import access_tokens, customers, vendors


@dataclass(frozen=True, slots=True)
class AccessToken:
    token_hash: bytes
    vendor_id: int
    customer_id: int | None
    """Set: good only for this customer's own instances."""
    secret_id: int | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


_TOKEN = tuple(access_tokens.c[name] for name in AccessToken.__dataclass_fields__)
_FIND = (
    sa.select(*_TOKEN)
    .join(vendors, vendors.c.id == access_tokens.c.vendor_id)
    .outerjoin(customers, customers.c.id == access_tokens.c.customer_id)
    .where(
        access_tokens.c.token_hash == sa.bindparam("token_hash"), access_tokens.c.expires_at > sa.bindparam("moment"),
        access_tokens.c.revoked_at.is_(None), vendors.c.disabled_at.is_(None), customers.c.deleted_at.is_(None),
    )
)  # fmt: skip


def grant(
    conn: sa.Connection, token_hash: bytes, vendor_id: int, expires_at: datetime, *,
    customer_id: int | None = None, secret_id: int | None = None,
) -> None:  # fmt: skip
    conn.execute(sa.insert(access_tokens).values(
        token_hash=token_hash, vendor_id=vendor_id, customer_id=customer_id, secret_id=secret_id,
        created_at=clock.now(), expires_at=expires_at,
    ))  # fmt: skip


def find(conn: sa.Connection, token_hash: bytes, moment: datetime) -> AccessToken | None:
    """The token, where it is good at this moment: not expired, not revoked, its vendor and customer not gone."""
    row = conn.execute(_FIND, {"token_hash": token_hash, "moment": moment}).one_or_none()
    return None if row is None else AccessToken(*row)


def revoke(conn: sa.Connection, token_hash: bytes, moment: datetime) -> None:
    conn.execute(sa.update(access_tokens).where(access_tokens.c.token_hash == token_hash).values(revoked_at=moment))


def forget_expired(conn: sa.Connection, before: datetime, limit: int = 10_000) -> int:
    """Delete tokens that expired before this moment, at most `limit` of them. Returns how many."""
    expired = sa.select(access_tokens.c.token_hash).where(access_tokens.c.expires_at < before).limit(limit)
    return conn.execute(sa.delete(access_tokens).where(access_tokens.c.token_hash.in_(expired))).rowcount
