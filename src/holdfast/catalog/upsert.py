"""INSERT ... ON CONFLICT, which both databases have and SQLAlchemy keeps in each one's dialect."""

from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert(conn: sa.Connection, table: sa.Table) -> sqlite.Insert:
    """An insert that can say `on_conflict_do_nothing` and `on_conflict_do_update`: the same methods on both databases.

    A statement that fails would end PostgreSQL's transaction; one that does nothing can be asked for its row count.
    """
    if conn.dialect.name == "postgresql":
        # The two classes share these methods, but no ancestor that has them.
        return cast(sqlite.Insert, postgresql.insert(table))
    return sqlite.insert(table)
