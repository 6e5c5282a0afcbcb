"""The right to change an instance's backups: one holder at a time, by the database's clock, with a fencing token.

Every commit of a backup, a restore or a prune calls `fence` in its own transaction. A worker that was paused and has
lost its lease meanwhile changes nothing.
"""

from datetime import timedelta

import sqlalchemy as sa

from holdfast.catalog.fencing import Rights
from holdfast.catalog.schema import leases
from holdfast.errors import LeaseLost

_rights = Rights(leases, leases.c.instance_id)


def acquire(conn: sa.Connection, instance_id: int, holder: str, ttl: timedelta) -> int | None:
    """The fencing token, greater than every one before; None while somebody holds the lease, be it this holder."""
    return _rights.acquire(conn, instance_id, holder, ttl)


def seize(conn: sa.Connection, instance_id: int, holder: str, ttl: timedelta) -> int:
    """The fencing token, whoever holds the lease: that holder can commit nothing from now on."""
    token = _rights.acquire(conn, instance_id, holder, ttl, by_force=True)
    assert token is not None, "by force there is always one"
    return token


def fence(conn: sa.Connection, instance_id: int, token: int) -> None:
    """Prove that the lease is still held and hold it for its time from now. Raises LeaseLost: roll back."""
    if not _rights.prove(conn, instance_id, token):
        raise LeaseLost(f"the lease of instance {instance_id} was lost: another worker may have taken it over")


def release(conn: sa.Connection, instance_id: int, token: int) -> None:
    """Give the lease back; nothing happens where it is lost already."""
    _rights.release(conn, instance_id, token)


def break_others(conn: sa.Connection, instance_id: int, holder: str) -> None:
    """End a lease that anybody else holds: only for who knows for certain that all others are dead."""
    _rights.break_others(conn, instance_id, holder)


def holder(conn: sa.Connection, instance_id: int) -> str | None:
    """Who holds the lease now, for messages."""
    return _rights.holder(conn, instance_id)
