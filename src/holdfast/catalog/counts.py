"""What a run found at each endpoint: outcome, numbers, and the state's sum, which a rebuild must reproduce."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from holdfast.catalog.schema import endpoint_counts, streams
from holdfast.catalog.upsert import insert

Outcome = Literal["complete", "partial", "carried", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCounts:
    run_id: int
    stream: int
    sequence: int
    ordinal: int
    outcome: Outcome
    live: int
    listed: int = 0
    """Records that pages showed: each is new, changed, unchanged, repeated (read before in this run), a tombstone,
    skipped or lost."""
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    moved: int = 0
    """Those repeated ones that one listing showed on two pages."""
    tombstones: int = 0
    deleted: int = 0
    held: int = 0
    skipped: int = 0
    """Listed records that are never to be had, for a cause that the definition declares."""
    lost: int = 0
    """Listed records that could not be read: the run has failed."""
    absent: int = 0
    """Lists and blobs that are not there, for a cause that the definition declares."""
    pages: int = 0
    requests: int = 0
    bytes_read: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    state_sum: bytes
    first_key: str | None = None
    """`records.key_range` when the run ended; readers of old states look no further. Wrong ones would hide records, so
    leave both None where the stream no longer stands as the run left it."""
    last_key: str | None = None


_NAMES = tuple(EndpointCounts.__dataclass_fields__)


def put(conn: sa.Connection, counts: EndpointCounts) -> None:
    """Write a run's counts of one endpoint, over those it wrote before."""
    values = {name: getattr(counts, name) for name in _NAMES}
    statement = insert(conn, endpoint_counts).values(**values)
    conn.execute(statement.on_conflict_do_update(index_elements=["run_id", "stream"], set_=values))


def of_run(conn: sa.Connection, run_id: int) -> dict[str, EndpointCounts]:
    """By endpoint, in the definition's order of that run."""
    query = (
        sa.select(streams.c.endpoint, *(endpoint_counts.c[name] for name in _NAMES))
        .join(streams, streams.c.id == endpoint_counts.c.stream)
        .where(endpoint_counts.c.run_id == run_id)
        .order_by(endpoint_counts.c.ordinal, endpoint_counts.c.stream)
    )
    return {row[0]: EndpointCounts(**dict(zip(_NAMES, row[1:], strict=True))) for row in conn.execute(query)}


def before(conn: sa.Connection, stream: int, sequence: int, limit: int) -> list[EndpointCounts]:
    """Of the newest runs before a sequence, ascending."""
    query = (
        sa.select(*(endpoint_counts.c[name] for name in _NAMES))
        .where(endpoint_counts.c.stream == stream, endpoint_counts.c.sequence < sequence)
        .order_by(endpoint_counts.c.sequence.desc())
        .limit(limit)
    )
    return [EndpointCounts(**dict(zip(_NAMES, row, strict=True))) for row in conn.execute(query)][::-1]


def of_stream(conn: sa.Connection, stream: int) -> list[EndpointCounts]:
    """Over all runs, ascending by sequence."""
    query = (
        sa.select(*(endpoint_counts.c[name] for name in _NAMES))
        .where(endpoint_counts.c.stream == stream)
        .order_by(endpoint_counts.c.sequence)
    )
    return [EndpointCounts(**dict(zip(_NAMES, row, strict=True))) for row in conn.execute(query)]
