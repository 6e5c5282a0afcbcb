"""Erasures of customers: which were asked for, how far each has come, the certificate at the end. Only ids remain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast.catalog.schema import erasures
from holdfast.catalog.upsert import insert


@dataclass(frozen=True, slots=True)
class Erasure:
    customer_id: int
    vendor_id: int
    requested_at: datetime
    destroyed: Sequence[Mapping[str, Any]]
    """The key objects that were found, each with the time of its destruction: storage, object, sha256, destroyed_at."""
    ended_at: datetime | None
    certificate: bytes | None


_ERASURE = tuple(erasures.c[name] for name in Erasure.__dataclass_fields__)


def begin(conn: sa.Connection, customer_id: int, vendor_id: int, requested_at: datetime) -> bool:
    """Note that the customer is to be erased. False: that was asked for before."""
    statement = insert(conn, erasures).values(
        customer_id=customer_id, vendor_id=vendor_id, requested_at=requested_at, destroyed=[]
    )
    added = conn.execute(statement.on_conflict_do_nothing().returning(erasures.c.customer_id))
    return added.one_or_none() is not None


def find(conn: sa.Connection, customer_id: int) -> Erasure | None:
    row = conn.execute(sa.select(*_ERASURE).where(erasures.c.customer_id == customer_id)).one_or_none()
    return None if row is None else Erasure(*row)


def all_erasures(conn: sa.Connection, *, pending: bool = False) -> list[Erasure]:
    """Oldest first; with `pending` those that have not come to their end."""
    query = sa.select(*_ERASURE).order_by(erasures.c.requested_at)
    if pending:
        query = query.where(erasures.c.ended_at.is_(None))
    return [Erasure(*row) for row in conn.execute(query)]


def set_destroyed(conn: sa.Connection, customer_id: int, destroyed: Sequence[Mapping[str, Any]]) -> None:
    conn.execute(
        sa.update(erasures)
        .where(erasures.c.customer_id == customer_id)
        .values(destroyed=[dict(one) for one in destroyed])
    )


def end(conn: sa.Connection, customer_id: int, certificate: bytes, ended_at: datetime) -> None:
    conn.execute(
        sa.update(erasures)
        .where(erasures.c.customer_id == customer_id)
        .values(ended_at=ended_at, certificate=certificate)
    )
