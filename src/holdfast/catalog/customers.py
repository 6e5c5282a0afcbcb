"""A vendor's customers."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.schema import customers
from holdfast.catalog.upsert import insert
from holdfast.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Customer:
    id: int
    vendor_id: int
    name: str
    """The vendor's own identifier for it, unique among the vendor's customers that are not deleted."""
    email: str | None
    created_at: datetime
    deleted_at: datetime | None


_CUSTOMER = tuple(customers.c[name] for name in Customer.__dataclass_fields__)


def create(
    conn: sa.Connection, vendor_id: int, name: str, email: str | None, *,
    customer_id: int | None = None, created_at: datetime | None = None, deleted_at: datetime | None = None,
) -> Customer:  # fmt: skip
    """Raises Conflict where the vendor has a customer of that name."""
    customer = Customer(customer_id or ids.new_id(), vendor_id, name, email, created_at or clock.now(), deleted_at)
    added = conn.execute(insert(conn, customers).values(
        id=customer.id, vendor_id=vendor_id, name=name, email=email, created_at=customer.created_at,
        deleted_at=deleted_at,
    ).on_conflict_do_nothing().returning(customers.c.id))  # fmt: skip
    if added.one_or_none() is None:
        raise Conflict(f"there is a customer named {name!r} already", field="name", code="taken")
    return customer


def get(conn: sa.Connection, customer_id: int, *, vendor_id: int | None = None, deleted: bool = False) -> Customer:
    """Raises NotFound, also for another vendor's where `vendor_id` is given."""
    row = conn.execute(sa.select(*_CUSTOMER).where(customers.c.id == customer_id)).one_or_none()
    if (
        row is None
        or (vendor_id is not None and row.vendor_id != vendor_id)
        or (row.deleted_at is not None and not deleted)
    ):
        raise NotFound(f"no customer {customer_id}", field="customer_id")
    return Customer(*row)


def find(conn: sa.Connection, vendor_id: int, name: str) -> Customer | None:
    row = conn.execute(
        sa.select(*_CUSTOMER).where(
            customers.c.vendor_id == vendor_id, customers.c.name == name, customers.c.deleted_at.is_(None)
        )
    ).one_or_none()
    return None if row is None else Customer(*row)


def of_vendor(conn: sa.Connection, vendor_id: int, page: PageRequest) -> Listing[Customer]:
    query = sa.select(*_CUSTOMER).where(customers.c.vendor_id == vendor_id, customers.c.deleted_at.is_(None))
    return listed(conn, query, customers.c.id, page, Customer)


def every(conn: sa.Connection) -> list[Customer]:
    """Of every vendor, ascending by id."""
    query = sa.select(*_CUSTOMER).where(customers.c.deleted_at.is_(None)).order_by(customers.c.id)
    return [Customer(*row) for row in conn.execute(query)]


def change(conn: sa.Connection, customer_id: int, *, name: str, email: str | None) -> None:
    """Raises Conflict where the vendor has another customer of that name."""
    customer = get(conn, customer_id)
    other = find(conn, customer.vendor_id, name)
    if other is not None and other.id != customer_id:
        raise Conflict(f"there is a customer named {name!r} already", field="name", code="taken")
    conn.execute(sa.update(customers).where(customers.c.id == customer_id).values(name=name, email=email))


def mark_deleted(conn: sa.Connection, customer_id: int, moment: datetime) -> None:
    conn.execute(sa.update(customers).where(customers.c.id == customer_id).values(deleted_at=moment))
