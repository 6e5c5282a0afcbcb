"""The engine's own connections to the job database: SQLite in the catalog's file, or PostgreSQL.

Kept apart from the catalog's: DBOS wants its own transaction mode, and must not wait in the catalog's pool.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from holdfast.errors import EngineError

__all__ = ["JobDatabase", "job_database", "translated"]

# A frozen or cut-off worker must not hold row locks for longer than this (PostgreSQL ends its session then).
_IDLE_IN_TRANSACTION_MS = 25_000
# As the catalog has it: a machine that has gone without a word is noticed within half a minute.
_PATIENCE = {
    "connect_timeout": 10, "tcp_user_timeout": 15_000,
    "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
}  # fmt: skip
# Bulk writers of the catalog may hold SQLite's one write lock for a while; DBOS itself waits this long.
_BUSY_MS = 30_000


class JobDatabase:
    """An SQLAlchemy engine that can be closed for good: afterwards it opens no connection any more."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._closed = False
        event.listen(engine, "do_connect", self._refuse_if_closed)

    @property
    def path(self) -> str | None:
        """The database's file, where it is one."""
        return self.engine.url.database if self.is_sqlite else None

    def now(self) -> sa.ColumnElement[float]:
        """SQL for the database's clock: seconds since 1970 with fractions. Machines' own clocks may differ."""
        if self.is_sqlite:
            return sa.literal_column("unixepoch('subsec')", sa.Float())
        return sa.literal_column("extract(epoch from clock_timestamp())::float8", sa.Float())

    def close(self) -> None:
        """Close every connection that is not in use and refuse new ones.

        DBOS leaves threads behind that ask the database for ever (for the outcome of a job that another worker has
        taken over) and would keep the process from ending; the refusal ends them.
        """
        self._closed = True
        self.engine.dispose()

    def _refuse_if_closed(self, *_: Any) -> None:
        if self._closed:
            raise EngineError("the engine is closed")


def job_database(database_url: str) -> JobDatabase:
    """Connections for `sqlite:///path` or `postgresql://...`; opens none yet. Raises EngineError for anything else."""
    url = sa.make_url(database_url)
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql" | "postgres":
            return _postgresql(url.set(drivername="postgresql+psycopg"))
    raise EngineError(f"{url.get_backend_name()} cannot hold jobs: use sqlite or postgresql")


def _sqlite(url: sa.URL) -> JobDatabase:
    import pysqlite3

    if not url.database or url.database == ":memory:":
        raise EngineError("jobs need a database in a file: sqlite:///path")
    engine = sa.create_engine(url, module=pysqlite3, pool_size=5, max_overflow=15)

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # DBOS reads, then writes in one transaction: without IMMEDIATE the second step fails under contention.
        connection.isolation_level = "IMMEDIATE"
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    return JobDatabase(engine)


def _postgresql(url: sa.URL) -> JobDatabase:
    engine = sa.create_engine(url, pool_size=5, max_overflow=15, pool_pre_ping=True, connect_args=_PATIENCE)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_IN_TRANSACTION_MS}")
        connection.commit()  # a rollback, when the connection goes back to the pool, would undo a bare SET

    @event.listens_for(engine, "handle_error")
    def _mark_as_lost(context: sa.engine.ExceptionContext) -> None:
        # DBOS repeats what failed for want of a connection, but tells that by texts which psycopg 3.3 has changed: an
        # outage at the end of a job would leave it running for ever.
        if context.connection is None:
            context.is_disconnect = True

    return JobDatabase(engine)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the libraries' exceptions into EngineError; `doing` completes the sentence "could not ..."."""
    # Only when something has failed does the import of DBOS (0.7 s) have to be paid for.
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        raise EngineError(f"could not {doing}: {reason}", hint="Is the job database there, and migrated?") from error
    except Exception as error:
        from dbos import error as dbos_errors

        if isinstance(error, dbos_errors.DBOSException):
            raise EngineError(f"could not {doing}: {error}") from error
        raise
