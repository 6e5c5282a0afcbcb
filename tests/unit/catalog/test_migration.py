import ast
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from holdfast.catalog import instances, migration, runs
from holdfast.catalog.database import Database
from holdfast.catalog.schema import PARTITIONS, metadata
from holdfast.errors import CatalogError
from tests.support.postgresql import PostgreSQL

VERSIONS = Path(migration.__file__).with_name("migrations") / "versions"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/catalog.db"
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.create()
    database = Database(url)
    yield database
    database.close()


def test_catalogs_are_migrated_beside_each_other(tmp_path: Path) -> None:
    databases = [Database(f"sqlite:///{tmp_path}/{number}.db") for number in range(3)]
    with ThreadPoolExecutor(len(databases)) as threads:
        list(threads.map(Database.migrate, databases))
    for database in databases:
        with database.read() as connection:
            assert instances.every(connection) == []
        database.close()


def test_the_migrations_make_the_schema(conn: sa.Connection) -> None:
    context = MigrationContext.configure(conn, opts={"include_object": _no_partition, "compare_type": True})
    assert compare_metadata(context, metadata) == []


def _no_partition(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(("current_", "history_")))


def test_migrating_again_changes_nothing(database: Database) -> None:
    database.migrate()
    database.migrate()


def test_a_catalog_of_a_newer_holdfast_is_refused(database: Database) -> None:
    with database.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogError, match="newer"):
        database.migrate()


def test_the_big_tables_are_partitioned(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.read() as conn:
        for table in ("current", "history"):
            partitions = sa.text("SELECT count(*) FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)")
            assert conn.execute(partitions, {"table": f'"{table}"'}).scalar_one() == PARTITIONS
    database.close()


def test_migrations_only_add_so_that_older_processes_work_on_beside_newer_ones() -> None:
    allowed = {"create_table", "create_index", "add_column", "f", "execute", "get_bind"}
    for file in sorted(VERSIONS.glob("0*.py"))[1:]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "op":
                assert node.attr in allowed, f"{file.name}: op.{node.attr}"


def test_a_catalog_of_the_first_release_is_migrated_with_what_it_has(empty_database: Database) -> None:
    with empty_database.write() as conn:
        config = migration._config()
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO vendors (id, name, client_id, created_at) VALUES (1, 'v', 'c', 0)",
            "INSERT INTO customers (id, vendor_id, name, created_at) VALUES (2, 1, 'c', 0)",
            "INSERT INTO definitions (id, vendor_id, name, description, published, created_at)"
            " VALUES (3, 1, 'd', '', false, 0)",
            "INSERT INTO instances (id, customer_id, definition_id, frequency, created_at) VALUES (4, 2, 3, 'off', 0)",
            "INSERT INTO runs (id, instance_id, sequence, status, queued_at, options, failures, counters)"
            " VALUES (5, 4, 1, 'queued', 0, '{}', '[]', '{}')",
        ):
            conn.exec_driver_sql(statement)
    empty_database.migrate()
    with empty_database.read() as conn:
        run = runs.get(conn, 5)
        assert (run.sequence, run.turn, run.gave_way) == (1, 0, 0)
        assert instances.get(conn, 4).customer_id == 2
