"""The catalog's connections and transactions, and the one place where database errors become Holdfast's.

SQLite needs care that SQLAlchemy does not take by itself: a version without the WAL-reset corruption, one library per
process, write transactions that take the lock when they begin.
"""

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from holdfast.errors import CatalogBusy, CatalogError, HoldfastError, InputError

OLDEST_SQLITE = (3, 51, 3)
"""Older ones can corrupt a WAL database that two connections write and checkpoint."""
_BUSY_TIMEOUT_MS = 30_000
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
    # 8 MB a connection: four times as much makes nothing measurably faster, and there are up to fifteen connections.
    "PRAGMA cache_size = -8192",
    # 16 MB of log instead of 4: a batch of scattered changes (21 us a row instead of 27) rewrites fewer pages twice.
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA temp_store = MEMORY",
    # What is deleted is overwritten within pages that are written anyway: names of erased customers do not linger.
    "PRAGMA secure_delete = FAST",
)
# Every statement here goes by an index, and nearly all rows it needs are in memory. Left to itself the planner, which
# knows neither that nor, before the first ANALYZE, how big a partition is, reads whole ones: to look 10,000 keys up in
# 300,000 it hashed all of them (130 ms), and to show 20 records of an old state it sorted them (70 ms).
_POSTGRESQL_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "jit=off", "enable_seqscan=off", "enable_bitmapscan=off", "enable_hashjoin=off", "enable_mergejoin=off",
        "max_parallel_workers_per_gather=0",
        # A frozen or cut-off worker holds no row locks for longer, or nobody could take its runs over.
        "idle_in_transaction_session_timeout=25s",
    )
)  # fmt: skip
# A plan for any values serves readers who come by the thousand: made for each one's, it costs as much as the reading.
_KEEPS_PLANS = " -c plan_cache_mode=force_generic_plan"
_SINGLES_AT_ONCE = 8
_WRITES = "holdfast_writes"
_POSTGRESQL_PATIENCE = {
    "connect_timeout": 10, "tcp_user_timeout": 15_000,
    "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
}  # fmt: skip
"""A machine that has gone without a word is noticed within half a minute, not after the system's two hours."""
_IS_KEPT = "holdfast_is_kept"


def sqlite_module() -> ModuleType:
    """The SQLite driver of this process. Everything that opens the catalog's file must use this one: two copies of the
    library in one process undo each other's file locks. Raises CatalogError where none is new enough."""
    found: list[str] = []
    for name in ("pysqlite3", "sqlite3"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if module.sqlite_version_info >= OLDEST_SQLITE:
            # Binding a value whose type has no adapter looks for one in vain at every value: 1 us for each bytes or
            # None, which made up two thirds of the 5 us that inserting a record took. Both of these run in C.
            module.register_adapter(bytes, bytearray)
            module.register_adapter(type(None), {}.get)
            return module
        found.append(f"{name} brings {module.sqlite_version}")
    raise CatalogError(
        f"SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer is needed: {', '.join(found)}",
        hint="older versions can corrupt the catalog; install the pysqlite3 wheel, or use PostgreSQL",
        code="sqlite_too_old",
    )


_URLS = "HOLDFAST_DATABASE_URL is sqlite:////path or postgresql://USER:PASSWORD@HOST/NAME"


class Database:
    """One catalog. Thread-safe; connections are pooled, a transaction belongs to one thread."""

    def __init__(self, url: str) -> None:
        """`sqlite:////absolute/path` or `postgresql://...`. Opens nothing yet."""
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise CatalogError("the database URL cannot be read", hint=_URLS, code="database_url_invalid") from error
        self.url = parsed.render_as_string(hide_password=True)
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            self.engine = sa.create_engine(parsed, module=sqlite_module(), pool_timeout=30)
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        elif backend == "postgresql":
            self.engine = sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                pool_size=10,
                max_overflow=20,
                connect_args={"options": _POSTGRESQL_OPTIONS, **_POSTGRESQL_PATIENCE},
            )
        else:
            raise CatalogError(f"{backend} is no database Holdfast knows", hint=_URLS, code="database_url_invalid")
        self._singles: sa.Engine | None = None
        if backend == "postgresql":
            self._singles = sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", pool_reset_on_return=None,
                pool_size=_SINGLES_AT_ONCE, max_overflow=0, pool_timeout=0.2, pool_use_lifo=True,
                connect_args={
                    "options": f"{_POSTGRESQL_OPTIONS} -c default_transaction_read_only=on{_KEEPS_PLANS}",
                    **_POSTGRESQL_PATIENCE,
                },
            )  # fmt: skip
        self._kept: sa.Connection | None = None
        self._kept_lock = threading.Lock()
        self._reads = self.engine.execution_options(**{_WRITES: False})
        if backend == "postgresql":
            # What one read shows belongs to one moment, as it does on SQLite.
            self._reads = self._reads.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def write(self, *, wiping: bool = False) -> Iterator[sa.Connection]:
        """A transaction that may write: committed at the end of the block, rolled back by any exception.

        On SQLite it holds the one write lock from its beginning: keep it under 100 ms. `wiping` overwrites what it
        deletes in the file too, at the cost of writing those pages. Raises CatalogBusy and CatalogError.
        """
        with self._translated(), self.engine.begin() as conn:
            wiping = wiping and self.engine.dialect.name == "sqlite"
            if wiping:
                conn.exec_driver_sql("PRAGMA secure_delete = ON").close()
            try:
                yield conn
            finally:
                if wiping:
                    conn.exec_driver_sql("PRAGMA secure_delete = FAST").close()

    def shorten_log(self) -> None:
        """Bring what SQLite's log still holds into the file and empty it, where nobody reads at this moment."""
        if self.engine.dialect.name == "sqlite":
            with self._translated():
                driver = self.engine.raw_connection()
                try:
                    driver.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
                finally:
                    driver.close()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees the catalog as it is at one moment and writes nothing."""
        with self._translated(), self._reads.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def read_often(self) -> Iterator[sa.Connection]:
        """The same for readers who come by the thousand: on SQLite one connection is kept ready for them, which makes a
        transaction of 130 us one of 15. Whoever finds it in use gets another one."""
        if self.engine.dialect.name != "sqlite" or not self._kept_lock.acquire(blocking=False):
            with self.read() as conn:
                yield conn
            return
        try:
            with self._translated():
                if self._kept is None:
                    self._kept = self._reads.connect().execution_options(**{_IS_KEPT: True})
                driver: Any = self._kept.connection.driver_connection
                driver.execute("BEGIN")
                try:
                    yield self._kept
                finally:
                    if self._kept.in_transaction():  # who asked through SQLAlchemy made it begin one
                        self._kept.rollback()
                    if driver.in_transaction:
                        driver.execute("ROLLBACK")  # `rollback` would have it parsed anew each time
        finally:
            self._kept_lock.release()

    @contextmanager
    def read_once(self) -> Iterator[sa.Connection | None]:
        """For single statements of the driver's own, each of which sees one moment: on PostgreSQL a connection that
        needs no exchange with the server but the statement. None on SQLite, and where none of eight becomes free soon.

        Raises CatalogBusy also where the connection has died while it was idle: `read` gets another one then.
        """
        connected = None
        if self._singles is not None:
            with self._translated(), suppress(sa.exc.TimeoutError):
                connected = self._singles.connect()
        if connected is None:
            yield None
            return
        with self._translated(), connected:
            driver: Any = connected.connection.driver_connection
            try:
                yield connected
            finally:
                if driver.closed:
                    connected.invalidate()

    def migrate(self) -> None:
        """Bring the schema to this version's. Safe to call from several processes at once; does nothing when done."""
        from holdfast.catalog import migration  # alembic takes 100 ms to import, and only this needs it

        with self.write() as conn:
            migration.upgrade(conn)

    def close(self) -> None:
        with self._kept_lock:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
        self.engine.dispose()
        if self._singles is not None:
            self._singles.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        # The bulk modules use the driver's own cursors, so its errors arrive here bare as well as wrapped.
        driver_error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        try:
            yield
        except DBAPIError as error:
            raise _translate(error.orig or error, self.url) from error
        except sa.exc.TimeoutError as error:
            raise CatalogBusy("no free connection to the catalog") from error
        except driver_error as error:
            raise _translate(error, self.url) from error
        except UnicodeEncodeError as error:
            raise InputError("the text holds half a character (a lone surrogate), which no database keeps") from error
        except OverflowError as error:
            raise InputError("the number has more than 64 bits") from error


def _prepare_sqlite(connection: Any, record: Any) -> None:  # noqa: ARG001
    connection.isolation_level = None  # the driver would begin by itself, deferred: `_begin_sqlite` does it instead
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin_sqlite(conn: sa.Connection) -> None:
    options = conn.get_execution_options()
    if options.get(_IS_KEPT):
        return  # `read_often` has begun it
    # A deferred transaction that reads and then writes loses updates or fails at once: 738 of 2,000 in a test.
    conn.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES, True) else "BEGIN")


def _translate(error: BaseException, url: str) -> HoldfastError:
    text = str(error).strip()
    state = getattr(error, "sqlstate", None)
    if state in {"22003", "22021"} or "NUL (0x00)" in text:
        return InputError(f"the database cannot keep this: {text}")
    if "is locked" in text or state in {"40001", "40P01", "55P03"}:
        return CatalogBusy(f"the catalog is busy: {text}")
    if "disk is full" in text or state == "53100":
        return CatalogError("the catalog's disk is full", code="catalog_full", hint="free some space; nothing was lost")
    if "unable to open database file" in text:
        folder = Path(sa.make_url(url).database or "").parent
        return CatalogError(f"the catalog cannot be opened: {url}", hint=f"does {folder} exist, and may it be written?")
    if "readonly database" in text:
        return CatalogError(
            f"the catalog may not be written: {url}", hint="check the file's and its folder's owner and mode"
        )
    if "malformed" in text or "not a database" in text:
        file = sa.make_url(url).database
        return CatalogError(
            f"the catalog is damaged: {text}", code="catalog_damaged",
            hint=f"move {file} away and run `holdfast rebuild`: the vault has everything",
        )  # fmt: skip
    if "no such table" in text or state == "42P01":
        return CatalogError("the catalog has no such table: it was never migrated", code="catalog_not_migrated")
    is_gone = state is None or state.startswith(("08", "57P")) or state == "25P03"
    if is_gone and type(error).__module__.startswith("psycopg"):
        # It may be back in a moment: nothing ends by it for good.
        return CatalogBusy(f"the catalog's database cannot be reached: {text}", code="catalog_unreachable")
    return CatalogError(f"the catalog refused: {text}")
