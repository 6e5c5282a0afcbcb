"""Which worker processes are alive: a row for each, with the database's time. What follows, `engine` decides."""

import math
import os
import platform
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from holdfast.engine.database import JobDatabase, translated

__all__ = ["Heartbeat", "Worker", "create_table", "forget_silent", "workers"]

_table = sa.Table(
    "engine_heartbeats",
    sa.MetaData(),
    sa.Column("executor_id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("beat_at", sa.Double, nullable=False),
)
# Two processes that create the table at once: PostgreSQL's IF NOT EXISTS can still fail on its own catalogue.
_CREATE_LOCK = 0x686F6C64


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process, as its last beat shows it."""

    executor_id: str
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    is_alive: bool


class Heartbeat:
    """This process's row."""

    def __init__(self, database: JobDatabase, executor_id: str, beat_s: float) -> None:
        self._database = database
        self._executor_id = executor_id
        self._beat_s = beat_s
        self._last_beat = time.monotonic()
        self._last_gap = -math.inf
        self._guard = threading.Lock()

    def beat(self) -> None:
        """Write the row, or its new time."""
        now = self._database.now()
        updated = sa.update(_table).where(_table.c.executor_id == self._executor_id).values(beat_at=now)
        with translated("show that this worker lives"), self._database.engine.begin() as connection:
            if connection.execute(updated).rowcount == 0:
                row = {"executor_id": self._executor_id, "host": platform.node(), "pid": os.getpid()}
                connection.execute(sa.insert(_table).values(row | {"started_at": now, "beat_at": now}))
        with self._guard:
            moment = time.monotonic()
            if moment - self._last_beat > 3 * self._beat_s:
                self._last_gap = moment
            self._last_beat = moment

    def was_steady(self, period_s: float) -> bool:
        """Whether this process has beaten without a gap for the last so many seconds (or since it started).

        After a gap (the database was away, the machine slept) the others' rows are old for the same reason, and say
        nothing about them until they have had the time to beat.
        """
        with self._guard:
            moment = time.monotonic()
            return moment - self._last_beat <= 3 * self._beat_s and moment - self._last_gap >= period_s

    def remove(self) -> None:
        """Delete the row: what this process has left undone may be taken over at once."""
        with self._database.engine.begin() as connection:
            connection.execute(sa.delete(_table).where(_table.c.executor_id == self._executor_id))


def create_table(database: JobDatabase) -> None:
    """Create the table where it is missing."""
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATE_LOCK)))
        connection.execute(sa.schema.CreateTable(_table, if_not_exists=True))


def workers(database: JobDatabase, dead_after_s: float) -> list[Worker]:
    """Every worker that has a row, the newest first; one is alive if its last beat is at most so many seconds old."""
    query = sa.select(_table, database.now().label("now")).order_by(_table.c.started_at.desc())
    with database.engine.begin() as connection:
        rows = connection.execute(query).all()
    return [
        Worker(
            executor_id=row.executor_id,
            host=row.host,
            pid=row.pid,
            started_at=datetime.fromtimestamp(row.started_at, UTC),
            beat_at=datetime.fromtimestamp(row.beat_at, UTC),
            is_alive=row.now - row.beat_at <= dead_after_s,
        )
        for row in rows
    ]


def forget_silent(database: JobDatabase, silent_s: float) -> None:
    """Delete the rows of workers that were last heard of so long ago."""
    with database.engine.begin() as connection:
        connection.execute(sa.delete(_table).where(_table.c.beat_at < database.now() - silent_s))
