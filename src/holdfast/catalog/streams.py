"""Streams: one endpoint of one instance, as the big tables know it, with its counters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog.schema import streams
from holdfast.catalog.upsert import insert

NO_SUM = bytes(16)
"""The state sum of no records."""


@dataclass(frozen=True, slots=True)
class Stream:
    id: int
    instance_id: int
    endpoint: str
    ordinal: int
    """Place in the definition's order."""
    description: str | None
    next_slot: int
    live: int
    """Records in the newest state, a running backup's included."""
    state_sum: bytes
    """Additive sum of their digests (`vault.digests`)."""
    first_run: int
    """Sequence of the run that made it."""
    last_run: int
    """Sequence of the last run that changed a record; 0: none did."""


_STREAM = tuple(streams.c[name] for name in Stream.__dataclass_fields__)
_FIND = sa.select(*_STREAM).where(
    streams.c.instance_id == sa.bindparam("instance_id"), streams.c.endpoint == sa.bindparam("endpoint")
)


def ensure(
    conn: sa.Connection, instance_id: int, endpoints: Sequence[tuple[str, str | None]], sequence: int
) -> dict[str, Stream]:
    """The streams of these (endpoint, description), in the definition's order; new ones are made for the run
    `sequence`. Endpoints that the definition no longer has keep their streams and come behind."""
    statement = insert(conn, streams)
    if endpoints:
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["instance_id", "endpoint"],
                set_={"ordinal": statement.excluded.ordinal, "description": statement.excluded.description},
            ),
            [
                {"instance_id": instance_id, "endpoint": name, "description": description, "ordinal": ordinal,
                 "next_slot": 0, "live": 0, "state_sum": NO_SUM, "first_run": sequence, "last_run": 0}
                for ordinal, (name, description) in enumerate(endpoints)
            ],
        )  # fmt: skip
    names = [name for name, _ in endpoints]
    conn.execute(
        sa.update(streams)
        .where(streams.c.instance_id == instance_id, streams.c.endpoint.not_in(names), streams.c.ordinal < len(names))
        .values(ordinal=len(names) + streams.c.ordinal)
    )
    return {stream.endpoint: stream for stream in of_instance(conn, instance_id)}


def add_behind(conn: sa.Connection, instance_id: int, endpoint: str, sequence: int) -> Stream:
    """The stream of an endpoint that the definition no longer has, made behind the others. For a rebuild."""
    last = sa.select(sa.func.coalesce(sa.func.max(streams.c.ordinal), -1)).where(streams.c.instance_id == instance_id)
    conn.execute(sa.insert(streams).values(
        instance_id=instance_id, endpoint=endpoint, description=None, ordinal=conn.execute(last).scalar_one() + 1,
        next_slot=0, live=0, state_sum=NO_SUM, first_run=sequence, last_run=0,
    ))  # fmt: skip
    found = find(conn, instance_id, endpoint)
    assert found is not None, "it was just made"
    return found


def of_instance(conn: sa.Connection, instance_id: int) -> list[Stream]:
    """In the definition's order."""
    query = sa.select(*_STREAM).where(streams.c.instance_id == instance_id).order_by(streams.c.ordinal, streams.c.id)
    return [Stream(*row) for row in conn.execute(query)]


def find(conn: sa.Connection, instance_id: int, endpoint: str) -> Stream | None:
    row = conn.execute(_FIND, {"instance_id": instance_id, "endpoint": endpoint}).one_or_none()
    return None if row is None else Stream(*row)


def get(conn: sa.Connection, stream: int) -> Stream:
    return Stream(*conn.execute(sa.select(*_STREAM).where(streams.c.id == stream)).one())


def allocate_slots(conn: sa.Connection, stream: int, count: int) -> int:
    """The first of `count` slots that follow one another and were never used before."""
    statement = sa.update(streams).where(streams.c.id == stream).values(next_slot=streams.c.next_slot + count)
    following: int = conn.execute(statement.returning(streams.c.next_slot)).scalar_one()
    return following - count


def advance(conn: sa.Connection, stream: int, *, live: int, state_sum: bytes) -> None:
    """What the stream holds after a batch: the number of live records and their state sum."""
    conn.execute(sa.update(streams).where(streams.c.id == stream).values(live=live, state_sum=state_sum))


def oldest_blob_at(conn: sa.Connection, stream: int) -> datetime | None:
    """No blob of the stream's records was asked for before this moment; None: nobody has looked yet."""
    found: datetime | None = conn.execute(
        sa.select(streams.c.oldest_blob_at).where(streams.c.id == stream)
    ).scalar_one()  # fmt: skip
    return found


def blob_declaration(conn: sa.Connection, stream: int) -> tuple[str | None, int]:
    """What was noted of how the definition declares the blobs (None: nothing yet), and the stream's first run."""
    noted, first_run = conn.execute(
        sa.select(streams.c.blob_declaration, streams.c.first_run).where(streams.c.id == stream)
    ).one()
    return noted, first_run


def set_blob_declaration(conn: sa.Connection, stream: int, declared: str) -> None:
    conn.execute(sa.update(streams).where(streams.c.id == stream).values(blob_declaration=declared))


def set_oldest_blob_at(conn: sa.Connection, stream: int, moment: datetime) -> None:
    conn.execute(sa.update(streams).where(streams.c.id == stream).values(oldest_blob_at=moment))
