"""When instances are due. What a frequency means and the jitter, `operations` computes; here stand the times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog.schema import instances


@dataclass(frozen=True, slots=True)
class Due:
    instance_id: int
    frequency: str
    cron: str | None
    time_zone: str | None
    due_at: datetime


def change(
    conn: sa.Connection, instance_id: int, *, frequency: str, cron: str | None = None, time_zone: str | None = None,
    next_due_at: datetime | None = None,
) -> None:  # fmt: skip
    """Another frequency: off, hourly, daily, weekly, or cron with an expression and a time zone."""
    conn.execute(
        sa.update(instances)
        .where(instances.c.id == instance_id, instances.c.deleted_at.is_(None))
        .values(frequency=frequency, cron=cron, time_zone=time_zone, next_due_at=next_due_at)
    )


def due(conn: sa.Connection, moment: datetime, limit: int = 100) -> list[Due]:
    """Instances whose time has come, longest overdue first.

    The rows stay locked to the end of the transaction, in which the caller moves them on (`move`): on PostgreSQL
    another scheduler passes over them, on SQLite it waits.
    """
    query = (
        sa.select(
            instances.c.id, instances.c.frequency, instances.c.cron, instances.c.time_zone, instances.c.next_due_at
        )
        .where(instances.c.next_due_at.is_not(None), instances.c.next_due_at <= moment)
        .order_by(instances.c.next_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Due(*row) for row in conn.execute(query)]


def move(conn: sa.Connection, next_due_at: Mapping[int, datetime | None]) -> None:
    """The next due times by instance id."""
    if next_due_at:
        conn.execute(
            sa.update(instances)
            .where(instances.c.id == sa.bindparam("instance"), instances.c.deleted_at.is_(None))
            .values(next_due_at=sa.bindparam("moment")),
            [{"instance": instance_id, "moment": moment} for instance_id, moment in next_due_at.items()],
        )
