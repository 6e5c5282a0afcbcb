"""Drops runs, and then what only they had: versions of records, counts, rows of changes. Some rows at a time.

`forget` is the decision; everything below it follows from the runs that are left, and may be repeated at any time.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog import forgotten_runs
from holdfast.catalog.schema import changes, history, metadata, runs, streams
from holdfast.catalog.upsert import insert

_RUNS_AT_ONCE = 500
_ROWS_AT_ONCE = 20_000
"""Rows looked at in one transaction: some 50 ms."""

KeyAfter = str | None


def forget(conn: sa.Connection, instance_id: int, sequences: Sequence[int], moment: datetime) -> int:
    """Drop these ended runs with everything that hangs on them but records. Answers how many there were."""
    dropped = 0
    for begin in range(0, len(sequences), _RUNS_AT_ONCE):
        query = sa.select(runs.c.id, runs.c.sequence, runs.c.status, runs.c.ended_at).where(
            runs.c.instance_id == instance_id,
            runs.c.sequence.in_(sequences[begin : begin + _RUNS_AT_ONCE]),
            runs.c.ended_at.is_not(None),
        )
        found = conn.execute(query).all()
        for row in found:
            forgotten_runs.put(
                conn, instance_id, row.sequence, run_id=row.id, status=row.status, ended_at=row.ended_at,
                forgotten_at=moment,
            )  # fmt: skip
        ids = [row.id for row in found]
        for table in metadata.sorted_tables:
            for key in table.foreign_keys:
                if key.column is runs.c.id:
                    conn.execute(sa.delete(table).where(key.parent.in_(ids)))
        conn.execute(sa.delete(runs).where(runs.c.id.in_(ids)))
        dropped += len(ids)
    return dropped


def drop_versions(conn: sa.Connection, instance_id: int, stream: int, after: KeyAfter) -> tuple[int, KeyAfter]:
    """Delete, of a stretch of keys behind `after`, the old versions that no run has that is left.

    Answers how many there were, and where to go on; None: the stream is through.
    """
    behind = history.c.stream == stream
    if after is not None:
        behind = sa.and_(behind, history.c.record_key > after)
    end = sa.select(history.c.record_key).where(behind).order_by(history.c.record_key).offset(_ROWS_AT_ONCE).limit(1)
    last: str | None = conn.execute(end).scalar_one_or_none()
    stretch = behind if last is None else sa.and_(behind, history.c.record_key <= last)
    is_seen = sa.exists().where(
        runs.c.instance_id == instance_id,
        runs.c.sequence >= history.c.run_from,
        runs.c.sequence < history.c.run_to,
    )
    return conn.execute(sa.delete(history).where(stretch, ~is_seen)).rowcount, last


def raise_first_runs(conn: sa.Connection, instance_id: int) -> None:
    """A stream whose first run was dropped begins with the next one that is left."""
    following = (
        sa.select(sa.func.min(runs.c.sequence))
        .where(runs.c.instance_id == instance_id, runs.c.sequence >= streams.c.first_run)
        .scalar_subquery()
    )
    conn.execute(
        sa.update(streams)
        .where(streams.c.instance_id == instance_id)
        .values(first_run=sa.func.coalesce(following, streams.c.first_run))
    )


def dropped_changes(conn: sa.Connection, instance_id: int, stream: int) -> Iterator[tuple[int, int | None]]:
    """(run, the next one that is left) of each run that was dropped and has rows in `changes`, ascending."""
    run = -1
    while True:
        following = sa.select(sa.func.min(changes.c.run)).where(changes.c.stream == stream, changes.c.run > run)
        found = conn.execute(following).scalar_one()
        if found is None:
            return
        run = found
        left = sa.select(sa.func.min(runs.c.sequence)).where(
            runs.c.instance_id == instance_id, runs.c.sequence >= run
        )  # fmt: skip
        successor = conn.execute(left).scalar_one()
        if successor != run:
            yield run, successor


def merge_changes(conn: sa.Connection, stream: int, run: int, into: int | None) -> int:
    """Let some of a dropped run's changes be those of the next run that is left; a stream's first run has none.

    To be called until it answers 0.
    """
    first_run = conn.execute(sa.select(streams.c.first_run).where(streams.c.id == stream)).scalar_one()
    mine = sa.and_(changes.c.stream == stream, changes.c.run == run)
    some = sa.select(changes.c.record_key).where(mine).order_by(changes.c.record_key).limit(_ROWS_AT_ONCE)
    if into is not None and into > first_run:
        moved = sa.select(changes.c.stream, sa.literal(into), changes.c.record_key).where(
            mine, changes.c.record_key.in_(some)
        )
        statement = insert(conn, changes).from_select(["stream", "run", "record_key"], moved)
        conn.execute(statement.on_conflict_do_nothing())
    return conn.execute(sa.delete(changes).where(mine, changes.c.record_key.in_(some))).rowcount
