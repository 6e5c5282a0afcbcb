"""What each instance has used, by UTC day: what a vendor bills or watches."""

from dataclasses import dataclass, fields
from datetime import date

import sqlalchemy as sa

from holdfast.catalog.schema import customers, instances, usage
from holdfast.catalog.upsert import insert


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    runs: int = 0
    requests: int = 0
    records_read: int = 0
    bytes_read: int = 0
    bytes_stored: int = 0


@dataclass(frozen=True, slots=True)
class InstanceUsage:
    customer_id: int
    instance_id: int
    amounts: Amounts


_NAMES = tuple(field.name for field in fields(Amounts))


def add(conn: sa.Connection, instance_id: int, day: date, amounts: Amounts) -> None:
    """Add to what the instance has used that day; in the transaction that commits the work."""
    values = {name: getattr(amounts, name) for name in _NAMES}
    statement = insert(conn, usage).values(instance_id=instance_id, day=day.isoformat(), **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["instance_id", "day"],
            set_={name: usage.c[name] + statement.excluded[name] for name in _NAMES},
        )
    )


def of_vendor(
    conn: sa.Connection, vendor_id: int, first_day: date, last_day: date, *, customer_id: int | None = None,
    instance_id: int | None = None,
) -> list[InstanceUsage]:  # fmt: skip
    """The sums over these days (both included) of each instance that used anything, deleted ones too; by customer and
    instance."""
    query = (
        sa.select(customers.c.id, instances.c.id, *(sa.func.sum(usage.c[name]) for name in _NAMES))
        .join(instances, instances.c.id == usage.c.instance_id)
        .join(customers, customers.c.id == instances.c.customer_id)
        .where(
            customers.c.vendor_id == vendor_id,
            usage.c.day >= first_day.isoformat(),
            usage.c.day <= last_day.isoformat(),
        )
        .group_by(customers.c.id, instances.c.id)
        .order_by(customers.c.id, instances.c.id)
    )
    if customer_id is not None:
        query = query.where(customers.c.id == customer_id)
    if instance_id is not None:
        query = query.where(instances.c.id == instance_id)
    return [
        InstanceUsage(
            customer, instance, Amounts(**{name: int(value) for name, value in zip(_NAMES, sums, strict=True)})
        )
        for customer, instance, *sums in conn.execute(query)
    ]
