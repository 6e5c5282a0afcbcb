"""What is shown beside each instance of a list: the state of its backups, for a page of instances."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog.runs import Status
from holdfast.catalog.schema import runs


@dataclass(frozen=True, slots=True)
class BackupSummary:
    state: Status | None
    """Of the active run, else of the last one; None: there was none yet."""
    last_successful: datetime | None
    """When the last successful one ended."""


def of_instances(conn: sa.Connection, instance_ids: Sequence[int]) -> dict[int, BackupSummary]:
    """By instance id."""
    found: dict[int, BackupSummary] = {}
    for instance_id in instance_ids:
        # Two walks from the newest run on along the index, rather than an aggregate over all runs.
        of_one = sa.select(runs.c.status, runs.c.ended_at).where(runs.c.instance_id == instance_id)
        newest = conn.execute(of_one.order_by(runs.c.sequence.desc()).limit(1)).one_or_none()
        good = (
            newest
            if newest is None or newest.status == "successful"
            else conn.execute(
                of_one.where(runs.c.status == "successful").order_by(runs.c.sequence.desc()).limit(1)
            ).one_or_none()
        )
        found[instance_id] = BackupSummary(
            None if newest is None else newest.status, None if good is None else good.ended_at
        )
    return found
