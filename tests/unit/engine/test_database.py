from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.engine.database import job_database, translated
from holdfast.errors import EngineError


def test_sqlite_is_made_safe_and_patient(tmp_path: Path) -> None:
    database = job_database(f"sqlite:///{tmp_path}/jobs.db")
    with database.engine.connect() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
        version = connection.exec_driver_sql("SELECT sqlite_version()").scalar()
    database.close()
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1}
    assert tuple(map(int, str(version).split("."))) >= (3, 51, 3), "older ones can corrupt a WAL database"


def test_the_databases_clock_has_fractions_of_seconds(tmp_path: Path) -> None:
    database = job_database(f"sqlite:///{tmp_path}/jobs.db")
    with database.engine.connect() as connection:
        first, second = connection.execute(sa.select(database.now(), database.now())).one()
    database.close()
    assert first > 1_700_000_000 and 0 <= second - first < 1


def test_a_closed_database_opens_no_connection(tmp_path: Path) -> None:
    database = job_database(f"sqlite:///{tmp_path}/jobs.db")
    database.close()
    with pytest.raises(EngineError, match="closed"):
        database.engine.connect()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/name"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(EngineError):
        job_database(url)


def test_plain_postgresql_urls_use_psycopg_3() -> None:
    assert job_database("postgresql://host/name").engine.url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/name", "postgresql:///name?host=/nowhere"])
def test_a_server_that_does_not_answer_counts_as_a_lost_connection(url: str) -> None:
    """By this DBOS tells what to repeat; otherwise a job that ends during an outage would stay running for ever."""
    with pytest.raises(sa.exc.OperationalError) as raised:
        job_database(url).engine.connect()
    assert raised.value.connection_invalidated


def test_a_librarys_exception_becomes_ours(tmp_path: Path) -> None:
    database = job_database(f"sqlite:///{tmp_path}/missing/jobs.db")
    with pytest.raises(EngineError, match="could not read: unable to open database file"), translated("read"):
        database.engine.connect()
    with pytest.raises(ZeroDivisionError), translated("divide"):
        1 / 0  # noqa: B018
