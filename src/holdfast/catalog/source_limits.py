"""The ledgers of what the runs of one credential have been given of its limits: a row each, one reader at a time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast import clock
from holdfast.catalog.columns import database_now
from holdfast.catalog.schema import source_limits
from holdfast.catalog.upsert import insert


def open_ledger(conn: sa.Connection, bucket: str) -> tuple[Mapping[str, Any], int]:
    """What stands in a ledger, and the database's time in microseconds. Nobody else opens it until the transaction
    ends."""
    fresh = insert(conn, source_limits).values(bucket=bucket, ledger={}, used_at=clock.now())
    conn.execute(fresh.on_conflict_do_nothing())
    query = sa.select(source_limits.c.ledger).where(source_limits.c.bucket == bucket).with_for_update()
    ledger: Mapping[str, Any] = conn.execute(query).scalar_one()
    # Only now: waiting for the row may have taken a while.
    return ledger, conn.execute(sa.select(database_now())).scalar_one()


def write(conn: sa.Connection, bucket: str, ledger: Mapping[str, Any]) -> None:
    conn.execute(
        sa.update(source_limits)
        .where(source_limits.c.bucket == bucket)
        .values(ledger=dict(ledger), used_at=clock.now())
    )


def forget(conn: sa.Connection, before: datetime) -> int:
    """Delete ledgers that were last used before this moment; answers how many."""
    return conn.execute(sa.delete(source_limits).where(source_limits.c.used_at < before)).rowcount
