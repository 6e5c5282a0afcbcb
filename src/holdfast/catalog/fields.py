"""Which fields a stream's records are known to have, and which record had each first, in the order of the change feed.

Fields are digests here: what they are called stands in the records alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from holdfast.catalog.schema import fields_learned, known_fields
from holdfast.catalog.upsert import insert


class KnownField(NamedTuple):
    field: bytes
    parent: bytes
    run: int
    """Sequence of the run that brought it first."""
    record_key: str


class Learned(NamedTuple):
    """Up to where a stream's changes have been looked through: this run's up to this key, or all of them (None)."""

    run: int
    record_key: str | None


NOTHING = Learned(0, None)


def learned(conn: sa.Connection, stream: int) -> Learned:
    row = conn.execute(
        sa.select(fields_learned.c.run, fields_learned.c.record_key).where(fields_learned.c.stream == stream)
    ).one_or_none()
    return NOTHING if row is None else Learned(*row)


def known(conn: sa.Connection, stream: int) -> list[tuple[bytes, bytes]]:
    """(field, parent) of every field that is known."""
    query = sa.select(known_fields.c.field, known_fields.c.parent).where(known_fields.c.stream == stream)
    return [(bytes(field), bytes(parent)) for field, parent in conn.execute(query)]


def learn(
    conn: sa.Connection, stream: int, was: Learned, now: Learned, found: Sequence[KnownField]
) -> bool:  # fmt: skip
    """Add what was found from `was` on to `now`. False, and nothing is added, where somebody else has gone on from
    there meanwhile."""
    if was == NOTHING:
        made = insert(conn, fields_learned).values(stream=stream, run=now.run, record_key=now.record_key)
        moved = len(conn.execute(made.on_conflict_do_nothing().returning(fields_learned.c.stream)).all())
    else:
        same_key = (
            fields_learned.c.record_key.is_(None)
            if was.record_key is None
            else fields_learned.c.record_key == was.record_key
        )
        moved = conn.execute(
            sa.update(fields_learned)
            .where(fields_learned.c.stream == stream, fields_learned.c.run == was.run, same_key)
            .values(run=now.run, record_key=now.record_key)
        ).rowcount
    if not moved:
        return False
    if found:
        conn.execute(sa.insert(known_fields), [{"stream": stream, **one._asdict()} for one in found])
    return True


def brought_by(
    conn: sa.Connection, stream: int, after_run: int, last_run: int, first_key: str, last_key: str
) -> list[KnownField]:
    """Fields that records of these keys, both included, brought in a run behind `after_run` and up to `last_run`."""
    query = sa.select(
        known_fields.c.field, known_fields.c.parent, known_fields.c.run, known_fields.c.record_key
    ).where(
        known_fields.c.stream == stream, known_fields.c.run > after_run, known_fields.c.run <= last_run,
        known_fields.c.record_key >= first_key, known_fields.c.record_key <= last_key,
    )  # fmt: skip
    return [KnownField(bytes(field), bytes(parent), *rest) for field, parent, *rest in conn.execute(query)]
