"""Figures of the whole installation, for monitoring: what is under way, what waits, what is overdue."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast import clock
from holdfast.catalog import replications, verifications
from holdfast.catalog.schema import exports, instances, outbox, runs, webhook_deliveries

_ACTIVE = ("queued", "in_progress")


@dataclass(frozen=True, slots=True)
class Figures:
    backups_queued: int
    backups_in_progress: int
    backups_queued_since_seconds: int
    """Since when the backup that has waited longest for a worker does, since 1970; 0: none waits."""
    exports_queued: int
    exports_in_progress: int
    instances: int
    instances_overdue: int
    """Due for a minute and more: nobody works, or too few do."""
    revisions_waiting: int
    """Not yet in the vault."""
    deliveries_waiting: int
    vault_errors: int
    """What the newest check that has ended, or is under way, has found lost or damaged."""
    vault_proved_at_seconds: int
    """When the newest check of all data ended, since 1970; 0: none did yet."""
    replicas_complete_at_seconds: int
    """When the replica that is behind most last had everything; 0: never, or there is none."""


def read(conn: sa.Connection) -> Figures:
    """All of them; each is a count over an index."""
    backups = _by_status(conn, runs)
    queued_since = conn.execute(sa.select(sa.func.min(runs.c.queued_at)).where(runs.c.status == "queued")).scalar_one()
    exported = _by_status(conn, exports)
    newest = verifications.newest(conn)
    proved_at = verifications.proved_at(conn)
    complete_at = [state.completed_at for state in replications.every(conn)]
    overdue = clock.now() - clock.timedelta(minutes=1)
    return Figures(
        backups_queued=backups.get("queued", 0),
        backups_in_progress=backups.get("in_progress", 0),
        backups_queued_since_seconds=_seconds(queued_since),
        exports_queued=exported.get("queued", 0),
        exports_in_progress=exported.get("in_progress", 0),
        instances=_count(conn, instances, instances.c.deleted_at.is_(None)),
        instances_overdue=_count(
            conn, instances, instances.c.next_due_at.is_not(None), instances.c.next_due_at < overdue
        ),
        revisions_waiting=_count(conn, outbox),
        deliveries_waiting=_count(conn, webhook_deliveries, webhook_deliveries.c.next_attempt_at.is_not(None)),
        vault_errors=0 if newest is None else newest.errors,
        vault_proved_at_seconds=_seconds(proved_at),
        replicas_complete_at_seconds=min((_seconds(moment) for moment in complete_at), default=0),
    )


def _seconds(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp())


def _by_status(conn: sa.Connection, table: sa.Table) -> dict[str, int]:
    query = sa.select(table.c.status, sa.func.count()).where(table.c.status.in_(_ACTIVE)).group_by(table.c.status)
    return {row[0]: row[1] for row in conn.execute(query)}


def _count(conn: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(conn.execute(query).scalar_one())
