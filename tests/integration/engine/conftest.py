"""Job databases of both kinds, and worker processes that can be killed."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pysqlite3
import pytest
import sqlalchemy as sa

from holdfast.engine import Engine
from tests.support.postgresql import PostgreSQL

PATIENCE_S = 60.0
"""Long enough for the slowest machine: who waits for it has failed."""
WORKER = Path(__file__).with_name("worker.py")


def until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> float:
    """Wait until the condition holds and return how long that took; fail if it never does."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout_s:
            pytest.fail(f"{what}: not within {timeout_s} s")
        time.sleep(0.01)
    return time.monotonic() - begun


class Catalog:
    """Stands for the catalog: its own connections to the database the jobs are in, and a table of its own."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite"):
            self._engine = sa.create_engine(url, module=pysqlite3)
            sa.event.listen(self._engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
            sa.event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        else:
            self._engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with self._engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE runs (id INTEGER)")

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            yield connection

    def runs(self) -> list[int]:
        with self._engine.connect() as connection:
            return list(connection.execute(sa.text("SELECT id FROM runs ORDER BY id")).scalars())

    def close(self) -> None:
        self._engine.dispose()


class Workers:
    """Starts worker processes on one database and reads what they did."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, beat_s: float = 0.5, dead_after_s: float = 2.0, *new_kinds: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(WORKER), self._url, str(self._folder), str(beat_s), str(dead_after_s), *new_kinds],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def ready(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def log(self) -> list[tuple[str, int, int]]:
        """What the handlers wrote: event, subject, process id."""
        path = self._folder / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(event, int(subject), int(pid)) for event, subject, pid in map(str.split, lines)]

    def release(self, subject_id: int) -> None:
        (self._folder / f"release-{subject_id}").touch()

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def migrated(postgresql: PostgreSQL) -> str:
    """A database with empty tables, to make copies of: that takes a tenth of the time of migrating."""
    url = postgresql.create()
    with Engine(url) as engine:
        engine.migrate()
    return url


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL, migrated: str) -> Iterator[str]:
    url = postgresql.create(template=migrated)
    yield url
    postgresql.drop(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/catalog.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Each test with it runs on both databases."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A migrated engine, not started."""
    with Engine(url, poll_s=0.02) as engine:
        engine.migrate()
        yield engine


@pytest.fixture
def catalog(url: str, engine: Engine) -> Iterator[Catalog]:
    catalog = Catalog(url)
    yield catalog
    catalog.close()
