"""Signs of life of the processes that run jobs, by the database's clock."""

from datetime import timedelta

import sqlalchemy as sa

from holdfast.catalog.columns import database_now
from holdfast.catalog.schema import heartbeats
from holdfast.catalog.upsert import insert

_beat_at = sa.type_coerce(heartbeats.c.beat_at, sa.BigInteger)


def beat(conn: sa.Connection, executor_id: str) -> None:
    """This process is alive now."""
    now = sa.type_coerce(database_now(), heartbeats.c.beat_at.type)
    statement = insert(conn, heartbeats).values(executor_id=executor_id, beat_at=now)
    conn.execute(statement.on_conflict_do_update(index_elements=["executor_id"], set_={"beat_at": now}))


def silent(conn: sa.Connection, since: timedelta) -> list[str]:
    """The processes whose last beat is longer ago than this."""
    limit = database_now() - since // timedelta(microseconds=1)
    query = sa.select(heartbeats.c.executor_id).where(_beat_at < limit).order_by(heartbeats.c.executor_id)
    return list(conn.execute(query).scalars())


def forget(conn: sa.Connection, executor_id: str) -> None:
    """The process has stopped in good order, or others have taken over what it was doing."""
    conn.execute(sa.delete(heartbeats).where(heartbeats.c.executor_id == executor_id))
