"""The right to do one kind of work on the vault as a whole, as `leases` is for an instance: named, timed, fenced."""

from datetime import timedelta

import sqlalchemy as sa

from holdfast.catalog.fencing import Rights
from holdfast.catalog.schema import locks
from holdfast.errors import LeaseLost

_rights = Rights(locks, locks.c.name)


def acquire(conn: sa.Connection, name: str, holder: str, ttl: timedelta) -> int | None:
    """The fencing token; None while somebody holds the lock."""
    return _rights.acquire(conn, name, holder, ttl)


def fence(conn: sa.Connection, name: str, token: int) -> None:
    """Prove that the lock is still held and hold it for its time from now. Raises LeaseLost: roll back."""
    if not _rights.prove(conn, name, token):
        raise LeaseLost(f"the lock for {name} was lost: another process may have taken it over")


def release(conn: sa.Connection, name: str, token: int) -> None:
    """Give the lock back; nothing happens where it is lost already."""
    _rights.release(conn, name, token)


def holder(conn: sa.Connection, name: str) -> str | None:
    """Who holds the lock now, for messages."""
    return _rights.holder(conn, name)
