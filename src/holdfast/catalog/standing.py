"""What stands in single packs, version by version, for whoever finds one damaged. Walks whole tables."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from holdfast.catalog.schema import chunks, current, endpoint_counts, history, packs, streams

_MANY = 500


class Version(NamedTuple):
    """One version of a record of an instance."""

    stream: int
    endpoint: str
    record_key: str
    scope: int | None
    run_from: int
    run_to: int | None
    """None: it is the newest."""
    digest: bytes
    pack: int
    frame: int
    start: int
    length: int
    blob: int | None


def versions_in(conn: sa.Connection, pack: int) -> list[Version]:
    """Every version whose bytes stand in the pack, in the order in which they stand."""
    return _versions(conn, lambda table: table.c.pack == pack)


def versions_with(conn: sa.Connection, blobs: Collection[int]) -> list[Version]:
    """Every version that has one of these blobs."""
    wanted = sorted(blobs)
    found: list[Version] = []
    for begin in range(0, len(wanted), _MANY):
        some = wanted[begin : begin + _MANY]
        found += _versions(conn, lambda table, some=some: table.c.blob.in_(some))
    return found


def places_of(conn: sa.Connection, stream: int, record_key: str, digest: bytes) -> list[tuple[str, int, int, int]]:
    """Where the same content of a record stands: (pack's name in the vault, frame, start, length) of all versions."""
    found: list[tuple[str, int, int, int]] = []
    for table in (current, history):
        query = (
            sa.select(packs.c.object_id, table.c.frame, table.c.start, table.c.length)
            .join(packs, packs.c.id == table.c.pack)
            .where(table.c.stream == stream, table.c.record_key == record_key, table.c.digest == digest)
            .distinct()
        )
        found += [tuple(row) for row in conn.execute(query)]
    return found


def forget_chunks(conn: sa.Connection, customer_id: int, pack: int, digests: Sequence[bytes]) -> None:
    """These chunks of a pack cannot be read: they are stored nowhere until somebody stores them again."""
    for begin in range(0, len(digests), _MANY):
        conn.execute(
            sa.delete(chunks).where(
                chunks.c.customer_id == customer_id, chunks.c.pack == pack,
                chunks.c.digest.in_(digests[begin : begin + _MANY]),
            )
        )  # fmt: skip


def drop(conn: sa.Connection, version: Version) -> None:
    """Nobody can read this version any more: the record was not there while it stood."""
    table = current if version.run_to is None else history
    conn.execute(
        sa.delete(table).where(
            table.c.stream == version.stream, table.c.record_key == version.record_key,
            table.c.run_from == version.run_from,
        )
    )  # fmt: skip


def drop_blob(conn: sa.Connection, version: Version) -> None:
    """Nobody can read the version's blob any more: it has none."""
    table = current if version.run_to is None else history
    conn.execute(
        sa.update(table)
        .where(
            table.c.stream == version.stream, table.c.record_key == version.record_key,
            table.c.run_from == version.run_from,
        )
        .values(blob=None)
    )  # fmt: skip


def set_counts(conn: sa.Connection, run_id: int, stream: int, *, live: int, state_sum: bytes) -> None:
    """What a run's state has, now that something of it was lost."""
    conn.execute(
        sa.update(endpoint_counts)
        .where(endpoint_counts.c.run_id == run_id, endpoint_counts.c.stream == stream)
        .values(live=live, state_sum=state_sum)
    )


def _versions(conn: sa.Connection, condition: Any) -> list[Version]:
    found: list[Version] = []
    for table in (current, history):
        run_to: sa.ColumnElement[Any] = sa.null() if table is current else history.c.run_to
        columns = table.c
        query = (
            sa.select(
                columns.stream, streams.c.endpoint, columns.record_key, columns.scope, columns.run_from, run_to,
                columns.digest, columns.pack, columns.frame, columns.start, columns.length, columns.blob,
            )
            .join(streams, streams.c.id == columns.stream)
            .where(condition(table))
        )  # fmt: skip
        found += [Version._make((*row[:6], bytes(row[6]), *row[7:])) for row in conn.execute(query)]
    return sorted(found, key=lambda one: (one.pack, one.frame, one.start, one.run_from))
