"""Legal holds: what must be kept whatever a retention policy or anybody's wish says, until the hold is released."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.schema import legal_holds
from holdfast.errors import NotFound


@dataclass(frozen=True, slots=True)
class Hold:
    id: int
    customer_id: int
    instance_id: int | None
    """None: all of the customer's."""
    run_id: int | None
    """None: every backup."""
    reason: str
    placed_at: datetime
    released_at: datetime | None


_HOLD = tuple(legal_holds.c[name] for name in Hold.__dataclass_fields__)


def place(
    conn: sa.Connection, customer_id: int, reason: str, *, instance_id: int | None = None, run_id: int | None = None,
    hold_id: int | None = None, placed_at: datetime | None = None, released_at: datetime | None = None,
) -> Hold:  # fmt: skip
    """A new hold; a rebuild gives its old id and times."""
    hold = Hold(
        hold_id or ids.new_id(), customer_id, instance_id, run_id, reason, placed_at or clock.now(), released_at
    )  # fmt: skip
    conn.execute(sa.insert(legal_holds).values({name: getattr(hold, name) for name in Hold.__dataclass_fields__}))
    return hold


def get(conn: sa.Connection, hold_id: int) -> Hold:
    """Raises NotFound."""
    row = conn.execute(sa.select(*_HOLD).where(legal_holds.c.id == hold_id)).one_or_none()
    if row is None:
        raise NotFound(f"no legal hold {hold_id}", field="hold_id")
    return Hold(*row)


def active(conn: sa.Connection, customer_id: int) -> list[Hold]:
    """The holds on a customer or any part of it that are not released, oldest first."""
    query = (
        sa.select(*_HOLD)
        .where(legal_holds.c.customer_id == customer_id, legal_holds.c.released_at.is_(None))
        .order_by(legal_holds.c.id)
    )
    return [Hold(*row) for row in conn.execute(query)]


def every(conn: sa.Connection, *, released: bool = False) -> list[Hold]:
    """Of every customer, oldest first; those released only on request."""
    query = sa.select(*_HOLD).order_by(legal_holds.c.id)
    if not released:
        query = query.where(legal_holds.c.released_at.is_(None))
    return [Hold(*row) for row in conn.execute(query)]


def release(conn: sa.Connection, hold_id: int, moment: datetime) -> None:
    """Released again, nothing changes."""
    conn.execute(
        sa.update(legal_holds)
        .where(legal_holds.c.id == hold_id, legal_holds.c.released_at.is_(None))
        .values(released_at=moment)
    )
