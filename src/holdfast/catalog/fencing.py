"""Rights that one holder has at a time, by the database's clock, with a token that only grows: `leases` and `locks`.

Whoever was paused and has lost the right meanwhile finds out in the transaction in which it wants to use it.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from holdfast.catalog.columns import database_now
from holdfast.catalog.upsert import insert


class Rights:
    """The statements on a table with the columns token, holder, ttl_us, expires_at and one that says what of."""

    def __init__(self, table: sa.Table, subject: sa.Column[Any]) -> None:
        self._table = table
        self._subject = subject
        self._expires_at = sa.type_coerce(table.c.expires_at, sa.BigInteger)
        self._long_ago = sa.literal_column("0", table.c.expires_at.type)

    def acquire(
        self, conn: sa.Connection, subject: int | str, holder: str, ttl: timedelta, *, by_force: bool = False
    ) -> int | None:
        """The fencing token, greater than every one before; None while somebody holds the right, be it this holder.
        `by_force` takes it from whoever holds it."""
        table = self._table
        ttl_us = ttl // timedelta(microseconds=1)
        expires_at = self._time(database_now() + ttl_us)
        statement = insert(conn, table).values(
            {self._subject.name: subject, "token": 1, "holder": holder, "ttl_us": ttl_us, "expires_at": expires_at}
        )
        taken = statement.on_conflict_do_update(
            index_elements=[self._subject.name],
            set_={"token": table.c.token + 1, "holder": holder, "ttl_us": ttl_us, "expires_at": expires_at},
            where=None if by_force else self._expires_at <= database_now(),
        )
        return conn.execute(taken.returning(table.c.token)).scalar_one_or_none()

    def prove(self, conn: sa.Connection, subject: int | str, token: int) -> bool:
        """Whether the right is still held; if so it is held for its time from now."""
        table = self._table
        done = conn.execute(
            sa.update(table)
            .where(self._subject == subject, table.c.token == token, self._expires_at > database_now())
            .values(expires_at=self._time(database_now() + table.c.ttl_us))
        )
        return done.rowcount > 0

    def release(self, conn: sa.Connection, subject: int | str, token: int) -> None:
        """Give the right back; nothing happens where it is lost already."""
        table = self._table
        conn.execute(
            sa.update(table).where(self._subject == subject, table.c.token == token).values(expires_at=self._long_ago)
        )

    def break_others(self, conn: sa.Connection, subject: int | str, holder: str) -> None:
        """End the right of anybody else: only for who knows for certain that all others are dead."""
        table = self._table
        conn.execute(
            sa.update(table).where(self._subject == subject, table.c.holder != holder).values(expires_at=self._long_ago)
        )

    def holder(self, conn: sa.Connection, subject: int | str) -> str | None:
        """Who holds the right now, for messages."""
        query = sa.select(self._table.c.holder).where(self._subject == subject, self._expires_at > database_now())
        return conn.execute(query).scalar_one_or_none()

    def _time(self, microseconds: Any) -> Any:
        return sa.type_coerce(microseconds, self._table.c.expires_at.type)
