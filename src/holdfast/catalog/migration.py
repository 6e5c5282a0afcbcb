"""Runs the migrations that come with the package, inside the caller's transaction."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

_LOCK = 0x686F6C64  # any constant of ours: one migration at a time on PostgreSQL; SQLite's write lock does it there


def upgrade(conn: sa.Connection) -> None:
    """To the newest schema. A catalog made by a newer Holdfast raises alembic's CommandError."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    if (
        MigrationContext.configure(conn).get_current_revision()
        == ScriptDirectory.from_config(_config()).get_current_head()
    ):
        return
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config
