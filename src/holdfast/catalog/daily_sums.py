"""What a stream's backups found deleted and changed, summed up by day: what is usual, whatever is pruned."""

from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from holdfast.catalog.schema import daily_sums
from holdfast.catalog.upsert import insert

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DailySum(NamedTuple):
    day: int
    """As `day_of` counts."""
    deleted: int
    changed: int


def day_of(moment: datetime) -> int:
    """Days since 1970-01-01, UTC."""
    return (moment - _EPOCH).days


def add(conn: sa.Connection, stream: int, day: int, *, deleted: int, changed: int) -> None:
    """Add one backup's numbers; also zeros, since a day without changes is a day that was looked at."""
    statement = insert(conn, daily_sums).values(stream=stream, day=day, deleted=deleted, changed=changed)
    new = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["stream", "day"],
            set_={"deleted": daily_sums.c.deleted + new.deleted, "changed": daily_sums.c.changed + new.changed},
        )
    )


def newest(conn: sa.Connection, stream: int, limit: int) -> list[DailySum]:
    """The newest so many days, ascending."""
    query = (
        sa.select(daily_sums.c.day, daily_sums.c.deleted, daily_sums.c.changed)
        .where(daily_sums.c.stream == stream)
        .order_by(daily_sums.c.day.desc())
        .limit(limit)
    )
    return [DailySum(*row) for row in conn.execute(query)][::-1]
