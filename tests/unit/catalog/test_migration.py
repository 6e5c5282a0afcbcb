import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from holdfast.catalog.database import Database
from holdfast.catalog.schema import PARTITIONS, metadata
from holdfast.errors import CatalogError


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
