"""How the scheduled instances are, taken together: the age of their last good backups, what is wrong, what the last day
brought. Looks at every instance, never at a record; `figures` has what is counted at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.runs import Status
from holdfast.catalog.schema import endpoint_counts, instances, runs, troubles
from holdfast.catalog.troubles import Kind

WITHIN_HOURS = (2, 26, 50, 170)
"""A period and two hours to spare: of an hourly, a daily backup, a daily one that was missed once, a weekly one."""
_OLDEST = 20
"""So many instances are named: enough to act on, and no more time series however many instances there are."""


@dataclass(frozen=True, slots=True)
class Fleet:
    scheduled: int
    """Instances that have a schedule."""
    within: Mapping[int, int]
    """How many of them had a good backup (or were made) within so many hours."""
    oldest: Sequence[tuple[int, datetime]]
    """(instance, when its last good backup ended, or it was made if it has none): those longest without one first."""
    in_trouble: Mapping[Kind, int]
    """Instances, by what is wrong with them now."""
    deletions_held: int
    """Records that the last backup of an instance held back from being deleted, until somebody accepts it."""
    asked_for: Mapping[Status, int]
    """Backups that were asked for within the last day, by what has come of them."""


def read(conn: sa.Connection) -> Fleet:
    """Costs one look into an index for every scheduled instance, twice, and a walk over the last day's runs."""
    moment = clock.now()
    since = _since()
    young = [sa.func.count().filter(since.c.since >= moment - clock.timedelta(hours=hours)) for hours in WITHIN_HOURS]
    scheduled, *within = conn.execute(sa.select(sa.func.count(), *young).select_from(since)).one()
    oldest = conn.execute(sa.select(since.c.id, since.c.since).order_by(since.c.since, since.c.id).limit(_OLDEST))
    return Fleet(
        scheduled=scheduled,
        within=dict(zip(WITHIN_HOURS, within, strict=True)),
        oldest=[(row[0], row[1]) for row in oldest],
        in_trouble=_in_trouble(conn),
        deletions_held=_deletions_held(conn),
        asked_for=_asked_for(conn, moment - clock.timedelta(days=1)),
    )


def _since() -> sa.Subquery:
    last_good = (
        sa.select(runs.c.ended_at)
        .where(runs.c.instance_id == instances.c.id, runs.c.status == "successful")
        .order_by(runs.c.ended_at.desc())
        .limit(1)
        .correlate(instances)
        .scalar_subquery()
    )
    query = sa.select(instances.c.id, sa.func.coalesce(last_good, instances.c.created_at).label("since"))
    return query.where(instances.c.deleted_at.is_(None), instances.c.frequency != "off").subquery()


def _in_trouble(conn: sa.Connection) -> dict[Kind, int]:
    query = sa.select(troubles.c.kind, sa.func.count(troubles.c.instance_id.distinct()))
    found = conn.execute(query.where(troubles.c.ended_at.is_(None)).group_by(troubles.c.kind))
    counted = {row[0]: row[1] for row in found}
    return {kind: counted.get(kind, 0) for kind in get_args(Kind)}


def _deletions_held(conn: sa.Connection) -> int:
    # A backup that holds deletions back fails: only instances whose last backup failed are looked at.
    newest_failed = (
        sa.select(runs.c.id)
        .where(runs.c.instance_id == troubles.c.instance_id, runs.c.status == "failed")
        .order_by(runs.c.sequence.desc())
        .limit(1)
        .correlate(troubles)
        .scalar_subquery()
    )
    failed = sa.select(newest_failed.label("run_id")).select_from(troubles)
    of_failed = failed.where(troubles.c.ended_at.is_(None), troubles.c.kind == "backup_failed").subquery()
    held = sa.select(sa.func.coalesce(sa.func.sum(endpoint_counts.c.held), 0)).join(
        of_failed, of_failed.c.run_id == endpoint_counts.c.run_id
    )
    return int(conn.execute(held).scalar_one())


def _asked_for(conn: sa.Connection, since: datetime) -> dict[Status, int]:
    query = sa.select(runs.c.status, sa.func.count()).where(runs.c.id >= ids.lowest_id(since)).group_by(runs.c.status)
    counted = {row[0]: row[1] for row in conn.execute(query)}
    return {status: counted.get(status, 0) for status in get_args(Status)}
