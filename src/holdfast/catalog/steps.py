"""The steps of an instance: from one ended run that is still kept to the next one. A reader of changes goes by them."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from holdfast.catalog.schema import runs


class Step(NamedTuple):
    """What differs between the states after two runs, between which no other is kept."""

    before: int
    """Sequence; 0: there is none."""
    run: int
    run_id: int
    ended_at: datetime


def steps(conn: sa.Connection, instance_id: int, first_run: int) -> list[Step]:
    """The steps to every ended run from the sequence `first_run` on, ascending."""
    ended = sa.select(runs.c.sequence, runs.c.id, runs.c.ended_at).where(
        runs.c.instance_id == instance_id, runs.c.ended_at.is_not(None)
    )
    earlier = conn.execute(
        ended.where(runs.c.sequence < first_run).order_by(runs.c.sequence.desc()).limit(1)
    ).one_or_none()  # fmt: skip
    before = 0 if earlier is None else earlier.sequence
    found = []
    for sequence, run_id, ended_at in conn.execute(ended.where(runs.c.sequence >= first_run).order_by(runs.c.sequence)):
        found.append(Step(before, sequence, run_id, ended_at))
        before = sequence
    return found
