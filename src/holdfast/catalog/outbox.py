"""Revisions on their way to the vault: written with the change they tell of, sent and forgotten by `operations`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from holdfast import clock
from holdfast.catalog.schema import outbox, revision_numbers
from holdfast.catalog.upsert import insert


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    kind: str
    object_id: int
    number: int
    """1, 2, 3.. within (kind, object id): the greatest is the truth."""
    customer_id: int
    """Whose key encrypts it; 0: the installation's."""
    payload: Mapping[str, Any]
    created_at: datetime


def add(conn: sa.Connection, kind: str, object_id: int, customer_id: int, payload: Mapping[str, Any]) -> int:
    """Queue the newest content of an object (bytes, texts, numbers, lists, mappings). Returns the revision's number."""
    counted = (
        insert(conn, revision_numbers)
        .values(kind=kind, object_id=object_id, number=1)
        .on_conflict_do_update(
            index_elements=["kind", "object_id"], set_={"number": revision_numbers.c.number + 1}
        )
        .returning(revision_numbers.c.number)
    )  # fmt: skip
    number: int = conn.execute(counted).scalar_one()
    conn.execute(sa.insert(outbox).values(
        kind=kind, object_id=object_id, number=number, customer_id=customer_id,
        payload=msgspec.msgpack.encode(payload), created_at=clock.now(),
    ))  # fmt: skip
    return number


def pending(conn: sa.Connection, limit: int = 100, *, after: int = 0) -> list[Entry]:
    """The oldest entries behind the one with the id `after`, in the order they were added."""
    query = sa.select(
        outbox.c.id, outbox.c.kind, outbox.c.object_id, outbox.c.number, outbox.c.customer_id, outbox.c.payload,
        outbox.c.created_at,
    ).where(outbox.c.id > after).order_by(outbox.c.id).limit(limit)  # fmt: skip
    return [
        Entry(id_, kind, object_id, number, customer_id, msgspec.msgpack.decode(payload), created_at)
        for id_, kind, object_id, number, customer_id, payload, created_at in conn.execute(query)
    ]


def sent(conn: sa.Connection, entry_ids: Iterable[int]) -> None:
    """Forget entries that are safe in the vault."""
    conn.execute(sa.delete(outbox).where(outbox.c.id.in_(list(entry_ids))))


def sent_numbers(conn: sa.Connection) -> dict[tuple[str, int], int]:
    """The newest revision of every object by (kind, object id), as far as it is in the vault: not what waits here."""
    numbers = revision_numbers
    waiting = sa.select(outbox.c.id).where(
        outbox.c.kind == numbers.c.kind, outbox.c.object_id == numbers.c.object_id
    )  # fmt: skip
    query = sa.select(numbers.c.kind, numbers.c.object_id, numbers.c.number).where(
        ~sa.exists(waiting), numbers.c.number > 0
    )  # fmt: skip
    return {(kind, object_id): number for kind, object_id, number in conn.execute(query)}


def set_number(conn: sa.Connection, kind: str, object_id: int, number: int) -> None:
    """The number of the newest revision that the vault has: a rebuilt catalog goes on behind it."""
    statement = insert(conn, revision_numbers).values(kind=kind, object_id=object_id, number=number)
    conn.execute(statement.on_conflict_do_update(index_elements=["kind", "object_id"], set_={"number": number}))


def is_pending(conn: sa.Connection, kind: str, object_id: int, number: int) -> bool:
    """Whether a revision waits to be sent."""
    query = sa.select(outbox.c.id).where(
        outbox.c.kind == kind, outbox.c.object_id == object_id, outbox.c.number == number
    )
    return conn.execute(query).one_or_none() is not None
