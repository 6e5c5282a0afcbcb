"""Objects in the vault that the catalog does not know, and since when they have been seen."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog.schema import orphans
from holdfast.catalog.upsert import insert


def see(conn: sa.Connection, prefix: str, object_names: Collection[str], moment: datetime) -> None:
    """These are all there are below the prefix now: new ones are noted, those that are none any more forgotten."""
    found = set(
        conn.execute(sa.select(orphans.c.object_name).where(orphans.c.object_name.startswith(prefix))).scalars()
    )
    for name in found.difference(object_names):
        conn.execute(sa.delete(orphans).where(orphans.c.object_name == name))
    for name in set(object_names) - found:
        statement = insert(conn, orphans).values(object_name=name, seen_at=moment)
        conn.execute(statement.on_conflict_do_nothing())


def older_than(conn: sa.Connection, prefix: str, moment: datetime) -> set[str]:
    """Those below the prefix that were first seen at that time or before."""
    query = sa.select(orphans.c.object_name).where(
        orphans.c.object_name.startswith(prefix), orphans.c.seen_at <= moment
    )
    return set(conn.execute(query).scalars())
