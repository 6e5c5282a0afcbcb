"""The log that a vendor reads of an instance: entries by time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.schema import log_entries


@dataclass(frozen=True, slots=True)
class LogEntry:
    id: int
    instance_id: int
    logged_at: datetime
    level: str
    message: str
    fields: Mapping[str, Any]


_ENTRY = tuple(log_entries.c[name] for name in LogEntry.__dataclass_fields__)


def add(conn: sa.Connection, instance_id: int, entries: Sequence[tuple[datetime, str, str, Mapping[str, Any]]]) -> None:
    """Append entries of (time, level, message, fields)."""
    if entries:
        conn.execute(
            sa.insert(log_entries),
            [
                {"id": ids.new_id(), "instance_id": instance_id, "logged_at": logged_at, "level": level,
                 "message": message, "fields": dict(fields)}
                for logged_at, level, message, fields in entries
            ],
        )  # fmt: skip


def write(conn: sa.Connection, instance_id: int, level: str, message: str, **fields: Any) -> None:
    """Append one entry of now."""
    add(conn, instance_id, [(clock.now(), level, message, fields)])


def page(
    conn: sa.Connection, instance_id: int, begin: datetime, end: datetime, *,
    after: tuple[datetime, int] | None = None, limit: int = 100,
) -> list[LogEntry]:  # fmt: skip
    """Entries from `begin` (inclusive) to `end` (exclusive), oldest first, on from (time, id) of the last one seen."""
    query = sa.select(*_ENTRY).where(
        log_entries.c.instance_id == instance_id, log_entries.c.logged_at >= begin, log_entries.c.logged_at < end
    )
    if after is not None:
        moment, entry_id = after
        query = query.where(
            sa.or_(
                log_entries.c.logged_at > moment,
                sa.and_(log_entries.c.logged_at == moment, log_entries.c.id > entry_id),
            ),
            log_entries.c.logged_at >= moment,  # what the index can begin at
        )
    query = query.order_by(log_entries.c.logged_at, log_entries.c.id).limit(limit)
    return [LogEntry(*row) for row in conn.execute(query)]


def forget(conn: sa.Connection, instance_id: int, before: datetime) -> int:
    """Delete the entries older than this. Returns how many."""
    done = conn.execute(
        sa.delete(log_entries).where(log_entries.c.instance_id == instance_id, log_entries.c.logged_at < before)
    )
    return done.rowcount
