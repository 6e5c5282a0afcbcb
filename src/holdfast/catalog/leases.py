"""The right to change an instance's backups: one holder at a time, by the database's clock, with a fencing token.

Every commit of a backup, a restore or a prune calls `fence` in its own transaction. A worker that was paused and has
lost its lease meanwhile changes nothing.
"""

from datetime import timedelta

import sqlalchemy as sa

from holdfast.catalog.columns import database_now
from holdfast.catalog.schema import leases
from holdfast.catalog.upsert import insert
from holdfast.errors import LeaseLost

_LONG_AGO = sa.literal_column("0", leases.c.expires_at.type)
_expires_at = sa.type_coerce(leases.c.expires_at, sa.BigInteger)


def acquire(conn: sa.Connection, instance_id: int, holder: str, ttl: timedelta) -> int | None:
    """The fencing token, greater than every one before; None while somebody holds the lease, be it this holder."""
    ttl_us = ttl // timedelta(microseconds=1)
    expires_at = sa.type_coerce(database_now() + ttl_us, leases.c.expires_at.type)
    statement = (
        insert(conn, leases)
        .values(instance_id=instance_id, token=1, holder=holder, ttl_us=ttl_us, expires_at=expires_at)
        .on_conflict_do_update(
            index_elements=["instance_id"],
            set_={"token": leases.c.token + 1, "holder": holder, "ttl_us": ttl_us, "expires_at": expires_at},
            where=_expires_at <= database_now(),
        )
        .returning(leases.c.token)
    )
    return conn.execute(statement).scalar_one_or_none()


def fence(conn: sa.Connection, instance_id: int, token: int) -> None:
    """Prove that the lease is still held and hold it for its time from now. Raises LeaseLost: roll back."""
    done = conn.execute(
        sa.update(leases)
        .where(leases.c.instance_id == instance_id, leases.c.token == token, _expires_at > database_now())
        .values(expires_at=sa.type_coerce(database_now() + leases.c.ttl_us, leases.c.expires_at.type))
    )
    if not done.rowcount:
        raise LeaseLost(f"the lease of instance {instance_id} was lost: another worker may have taken it over")


def release(conn: sa.Connection, instance_id: int, token: int) -> None:
    """Give the lease back; nothing happens where it is lost already."""
    conn.execute(
        sa.update(leases)
        .where(leases.c.instance_id == instance_id, leases.c.token == token)
        .values(expires_at=_LONG_AGO)
    )


def break_others(conn: sa.Connection, instance_id: int, holder: str) -> None:
    """End a lease that anybody else holds: only for who knows for certain that all others are dead."""
    conn.execute(
        sa.update(leases)
        .where(leases.c.instance_id == instance_id, leases.c.holder != holder)
        .values(expires_at=_LONG_AGO)
    )


def holder(conn: sa.Connection, instance_id: int) -> str | None:
    """Who holds the lease now, for messages."""
    query = sa.select(leases.c.holder).where(leases.c.instance_id == instance_id, _expires_at > database_now())
    return conn.execute(query).scalar_one_or_none()
