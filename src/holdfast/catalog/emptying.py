"""What still stands in packs that are condemned, and moving it: records, chunks, descriptions of blobs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.schema import blobs, chunks, current, history, packs, scopes

_MANY = 5_000


class StandingRow(NamedTuple):
    """A record version whose bytes stand in a condemned pack."""

    record_key: str
    scope: int | None
    run_from: int
    digest: bytes
    compare: bytes | None
    pack: int
    frame: int
    start: int
    length: int
    blob: int | None


class Move(NamedTuple):
    """Bytes of a record that stand elsewhere now: from (pack, frame, start) to these."""

    record_key: str
    pack: int
    frame: int
    start: int
    to_pack: int
    to_frame: int
    to_start: int


def records_in(
    conn: sa.Connection, instance_id: int, stream: int, after_run: int, last_run: int, *, after: str | None, limit: int
) -> list[StandingRow]:
    """Versions that a run after `after_run` and up to `last_run` wrote, whose bytes stand in a condemned pack of the
    instance; ascending by key, on from the key `after`."""
    condemned = sa.select(packs.c.id).where(packs.c.instance_id == instance_id, packs.c.condemned_at.is_not(None))
    parts = []
    for table in (current, history):
        compare: sa.ColumnElement[Any] = current.c["compare"] if table is current else sa.null()
        columns = table.c
        query = sa.select(
            columns.record_key, columns.scope, columns.run_from, columns.digest, compare.label("compare"),
            columns.pack, columns.frame, columns.start, columns.length, columns.blob,
        ).where(
            columns.stream == stream, columns.run_from > after_run, columns.run_from <= last_run,
            columns.pack.in_(condemned),
        )  # fmt: skip
        parts.append(query if after is None else query.where(columns.record_key > after))
    # Both parts come in key order: a merge that stops at the limit.
    rows = conn.execute(sa.union_all(*parts).order_by(sa.column("record_key")).limit(limit))
    return [
        StandingRow(row[0], row[1], row[2], bytes(row[3]), None if row[4] is None else bytes(row[4]), *row[5:])
        for row in rows
    ]


def ended_in(conn: sa.Connection, stream: int, after_run: int, last_run: int) -> list[str]:
    """The keys of records of which a version ended in a run after `after_run` and up to `last_run`."""
    query = (
        sa.select(history.c.record_key)
        .where(history.c.stream == stream, history.c.run_to > after_run, history.c.run_to <= last_run)
        .distinct()
        .order_by(history.c.record_key)
    )
    return list(conn.execute(query).scalars())


def written_in(conn: sa.Connection, stream: int, after_run: int, last_run: int) -> list[StandingRow]:
    """The versions that a run after `after_run` and up to `last_run` wrote and that stand at its end, by key."""
    parts = []
    for table in (current, history):
        compare: sa.ColumnElement[Any] = current.c["compare"] if table is current else sa.null()
        columns = table.c
        query = sa.select(
            columns.record_key, columns.scope, columns.run_from, columns.digest, compare.label("compare"),
            columns.pack, columns.frame, columns.start, columns.length, columns.blob,
        ).where(columns.stream == stream, columns.run_from > after_run, columns.run_from <= last_run)  # fmt: skip
        parts.append(query if table is current else query.where(history.c.run_to > last_run))
    return [
        StandingRow(row[0], row[1], row[2], bytes(row[3]), None if row[4] is None else bytes(row[4]), *row[5:])
        for row in conn.execute(sa.union_all(*parts).order_by(sa.column("record_key")))
    ]


def move_records(conn: sa.Connection, stream: int, moves: Sequence[Move]) -> None:
    """Every version of these records that has the bytes: the one that wrote them, and later ones that refer to them."""
    if not moves:
        return
    parameters = [
        {"key": move.record_key, "old_pack": move.pack, "old_frame": move.frame, "old_start": move.start,
         "new_pack": move.to_pack, "new_frame": move.to_frame, "new_start": move.to_start}
        for move in moves
    ]  # fmt: skip
    for table in (current, history):
        columns = table.c
        conn.execute(
            sa.update(table)
            .where(
                columns.stream == stream, columns.record_key == sa.bindparam("key"),
                columns.pack == sa.bindparam("old_pack"), columns.frame == sa.bindparam("old_frame"),
                columns.start == sa.bindparam("old_start"),
            )
            .values(pack=sa.bindparam("new_pack"), frame=sa.bindparam("new_frame"), start=sa.bindparam("new_start")),
            parameters,
        )  # fmt: skip


def chunks_in(
    conn: sa.Connection, customer_id: int, pack: int, *, after: bytes = b"", limit: int
) -> list[tuple[bytes, ChunkPlace]]:
    """The chunks that stand in a pack, ascending by digest, on from one."""
    query = (
        sa.select(chunks.c.digest, chunks.c.pack, chunks.c.frame, chunks.c.start, chunks.c.length)
        .where(chunks.c.customer_id == customer_id, chunks.c.pack == pack, chunks.c.digest > after)
        .order_by(chunks.c.digest)
        .limit(limit)
    )
    return [(bytes(digest), ChunkPlace(*place)) for digest, *place in conn.execute(query)]


def move_chunks(conn: sa.Connection, customer_id: int, moved: Mapping[bytes, tuple[ChunkPlace, ChunkPlace]]) -> None:
    """From one place to another, by digest; one that a backup has stored anew meanwhile stays where it is."""
    if not moved:
        return
    columns = chunks.c
    conn.execute(
        sa.update(chunks)
        .where(
            columns.customer_id == customer_id, columns.digest == sa.bindparam("of_digest"),
            columns.pack == sa.bindparam("old_pack"),
        )
        .values(pack=sa.bindparam("new_pack"), frame=sa.bindparam("new_frame"), start=sa.bindparam("new_start")),
        [
            {"of_digest": digest, "old_pack": old.pack, "new_pack": new.pack, "new_frame": new.frame,
             "new_start": new.start}
            for digest, (old, new) in moved.items()
        ],
    )  # fmt: skip


def described_in(conn: sa.Connection, pack: int) -> dict[str, int]:
    """The local numbers of the blobs that a pack describes, by their ids in the vault."""
    query = sa.select(blobs.c.object_id, blobs.c.id).where(blobs.c.pack == pack)
    return {row.object_id: row.id for row in conn.execute(query)}


def move_descriptions(conn: sa.Connection, numbers: Sequence[int], pack: int) -> None:
    """These blobs are described by another pack now."""
    if numbers:
        conn.execute(sa.update(blobs).where(blobs.c.id.in_(numbers)).values(pack=pack))


def parent_keys(conn: sa.Connection, scope_ids: Iterable[int]) -> dict[int, str]:
    """The record keys of the parents that scopes belong to, by scope id."""
    wanted = sorted(set(scope_ids))
    found: dict[int, str] = {}
    for begin in range(0, len(wanted), _MANY):
        query = sa.select(scopes.c.id, scopes.c.parent_key).where(scopes.c.id.in_(wanted[begin : begin + _MANY]))
        found.update((row.id, row.parent_key) for row in conn.execute(query))
    return found
