"""What a running backup has skipped for a cause that its definition declares, until its end: the manifest then has it.

Committed with what was read up to there, so that a crash forgets none of it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from holdfast.catalog.schema import skips, streams
from holdfast.catalog.upsert import insert


class Skip(NamedTuple):
    """A list, a record or a blob that is permanently not to be had."""

    stream: int
    parent_key: str
    """Of the list; empty where there is no parent."""
    record_id: str
    """Empty for a whole list."""
    code: str
    message: str


def put(conn: sa.Connection, run_id: int, found: Sequence[Skip]) -> None:
    """Remember these, over what the run remembers of the same ones."""
    if not found:
        return
    statement = insert(conn, skips)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["run_id", "stream", "parent_key", "record_id"],
            set_={"code": statement.excluded.code, "message": statement.excluded.message},
        ),
        [{"run_id": run_id, **one._asdict()} for one in found],
    )


def of_run(conn: sa.Connection, run_id: int, limit: int) -> list[tuple[str, Skip]]:
    """The first so many, each with its endpoint, in the definition's order, then by parent and id."""
    query = (
        sa.select(streams.c.endpoint, *(skips.c[name] for name in Skip._fields))
        .join(streams, streams.c.id == skips.c.stream)
        .where(skips.c.run_id == run_id)
        .order_by(streams.c.ordinal, skips.c.stream, skips.c.parent_key, skips.c.record_id)
        .limit(limit)
    )
    return [(row[0], Skip(*row[1:])) for row in conn.execute(query)]


def clear(conn: sa.Connection, run_id: int) -> None:
    conn.execute(sa.delete(skips).where(skips.c.run_id == run_id))
