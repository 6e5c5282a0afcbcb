"""Runs the migrations that come with the package, inside the caller's transaction."""

import threading
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from holdfast.errors import CatalogError

_LOCK = 0x686F6C64  # any constant of ours: one migration at a time on PostgreSQL; SQLite's write lock does it there

_one_at_a_time = threading.Lock()
"""Alembic keeps what it is at in the process: two catalogs migrated by two threads would take each other's."""


def upgrade(conn: sa.Connection) -> None:
    """To the newest schema. Raises CatalogError for a catalog that a newer Holdfast has migrated."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(conn).get_current_revision()
    if found == scripts.get_current_head():
        return
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise CatalogError(
            f"the catalog was made by a newer Holdfast (schema {found})", code="catalog_newer",
            hint="install that version again: an older one cannot use this catalog",
        )  # fmt: skip
    config.attributes["connection"] = conn
    with _one_at_a_time:
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config
