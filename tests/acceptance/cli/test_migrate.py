"""`holdfast migrate`, killed (SIGKILL) while the vault is copied and while the catalog is: the next one goes on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.storage import open_storage
from tests.support.command_line import PATIENCE_S, CommandLine
from tests.support.hostile_source import HostileSource, make_record
from tests.support.postgresql import PostgreSQL


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> Iterator[str]:
    url = postgresql.create()
    yield url
    postgresql.drop(url)


def _objects(storage_url: str) -> int:
    return sum(1 for _ in open_storage(storage_url).list(""))


def test_a_killed_migration_goes_on_and_moves_everything(
    shop: CommandLine, api: HostileSource, database_url: str, bucket_url: str | None, tmp_path: Path
) -> None:
    """To a bucket of a real server where there is one, as in CI, else to a folder."""
    for number in range(6):
        api.put("items", make_record(1000 + number))
        shop.good("backup", "shop")
    before = shop.good("records", "shop", "items", "--backup", "6", "--limit", "1000")
    vault, elsewhere = str(shop.home / "vault"), bucket_url or str(tmp_path / "elsewhere")
    moving = ("migrate", "--database-url", database_url, "--storage-url", elsewhere)

    # While the vault is copied.
    program = shop.start(*moving)
    deadline = time.monotonic() + PATIENCE_S
    while _objects(elsewhere) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    program.kill()
    program.communicate(timeout=PATIENCE_S)
    assert program.returncode == -9 and 4 <= _objects(elsewhere) <= _objects(vault)

    # While the catalog is: somebody holds a table that the copy needs, so that it stands in its middle.
    engine = sa.create_engine(sa.make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as holder, engine.connect() as looker:
        looker = looker.execution_options(isolation_level="AUTOCOMMIT")
        holder.exec_driver_sql("LOCK TABLE current IN ACCESS EXCLUSIVE MODE")
        program = shop.start(*moving)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not looker.exec_driver_sql(waits).scalar_one() and time.monotonic() < deadline:
            time.sleep(0.01)
        program.kill()
        program.communicate(timeout=PATIENCE_S)
        assert program.returncode == -9
        holder.rollback()
        assert looker.exec_driver_sql("SELECT count(*) FROM instances").scalar_one() == 0, "all of it or nothing"
    engine.dispose()
    shop.good("backup", "shop")  # the old installation works on until it has moved

    shop.good(*moving)
    assert shop("backups", "shop").code != 0, "the old one refuses from now on"
    shop.set(HOLDFAST_DATABASE_URL=database_url, HOLDFAST_STORAGE_URL=elsewhere)
    assert shop.good("records", "shop", "items", "--backup", "6", "--limit", "1000") == before
    assert shop.good("verify")["findings"] == []
    assert shop.good("backup", "shop")["endpoints"][0]["unchanged"] == 256, "it goes on from there"
