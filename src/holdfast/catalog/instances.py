"""Backup instances and the sealed values of their variables. When they are due, `schedules` knows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.schema import customers, instance_variables, instances
from holdfast.catalog.upsert import insert
from holdfast.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Instance:
    id: int
    customer_id: int
    definition_id: int
    label: str | None
    """Its name on the command line, unique among the customer's instances that are not deleted."""
    frequency: str
    """off, hourly, daily, weekly or cron."""
    cron: str | None
    time_zone: str | None
    next_due_at: datetime | None
    created_at: datetime
    deleted_at: datetime | None


_INSTANCE = tuple(instances.c[name] for name in Instance.__dataclass_fields__)
_ALIVE = instances.c.deleted_at.is_(None)


def create(
    conn: sa.Connection, customer_id: int, definition_id: int, *, label: str | None = None, frequency: str = "off",
    cron: str | None = None, time_zone: str | None = None, next_due_at: datetime | None = None,
    instance_id: int | None = None, created_at: datetime | None = None, deleted_at: datetime | None = None,
) -> Instance:  # fmt: skip
    """Raises Conflict where the customer has an instance of that label."""
    made = Instance(
        instance_id or ids.new_id(), customer_id, definition_id, label, frequency, cron, time_zone, next_due_at,
        created_at or clock.now(), deleted_at,
    )  # fmt: skip
    added = conn.execute(insert(conn, instances).values(
        id=made.id, customer_id=customer_id, definition_id=definition_id, label=label, frequency=frequency, cron=cron,
        time_zone=time_zone, next_due_at=next_due_at, created_at=made.created_at, deleted_at=deleted_at,
    ).on_conflict_do_nothing().returning(instances.c.id))  # fmt: skip
    if added.one_or_none() is None:
        raise Conflict(f"there is an instance named {label!r} already", field="label", code="taken")
    return made


def get(
    conn: sa.Connection, instance_id: int, *, vendor_id: int | None = None, customer_id: int | None = None,
    deleted: bool = False,
) -> Instance:  # fmt: skip
    """Raises NotFound, also for one of another vendor or customer where these are given."""
    query = _get_query(vendor_id is not None, customer_id is not None, deleted)
    row = conn.execute(query, {"id": instance_id, "vendor_id": vendor_id, "customer_id": customer_id}).one_or_none()
    if row is None:
        raise NotFound(f"no backup instance {instance_id}", field="backup_instance_id")
    return Instance(*row)


@cache  # asked for with every record page: building the statement takes longer than running it
def _get_query(of_vendor: bool, of_customer: bool, deleted: bool) -> sa.Select[Any]:
    query = sa.select(*_INSTANCE).where(instances.c.id == sa.bindparam("id"))
    if of_vendor:
        query = query.join(customers, customers.c.id == instances.c.customer_id).where(
            customers.c.vendor_id == sa.bindparam("vendor_id"), customers.c.deleted_at.is_(None)
        )
    if of_customer:
        query = query.where(instances.c.customer_id == sa.bindparam("customer_id"))
    return query if deleted else query.where(_ALIVE)


def find(conn: sa.Connection, customer_id: int, label: str) -> Instance | None:
    row = conn.execute(
        sa.select(*_INSTANCE).where(instances.c.customer_id == customer_id, instances.c.label == label, _ALIVE)
    ).one_or_none()
    return None if row is None else Instance(*row)


def all_of_customer(conn: sa.Connection, customer_id: int) -> list[Instance]:
    """Ascending by id."""
    query = sa.select(*_INSTANCE).where(instances.c.customer_id == customer_id, _ALIVE).order_by(instances.c.id)
    return [Instance(*row) for row in conn.execute(query)]


def known(conn: sa.Connection, instance_ids: Iterable[int | None]) -> set[int]:
    """Those of these that there are, deleted ones too."""
    wanted = [one for one in instance_ids if one is not None]
    return set(conn.execute(sa.select(instances.c.id).where(instances.c.id.in_(wanted))).scalars())


def every(conn: sa.Connection) -> list[Instance]:
    """Of every customer, deleted ones too, ascending by customer and id."""
    query = sa.select(*_INSTANCE).order_by(instances.c.customer_id, instances.c.id)
    return [Instance(*row) for row in conn.execute(query)]


def every_of_customer(conn: sa.Connection, customer_id: int) -> list[Instance]:
    """Deleted ones too, ascending by id: their backups are still there."""
    query = sa.select(*_INSTANCE).where(instances.c.customer_id == customer_id).order_by(instances.c.id)
    return [Instance(*row) for row in conn.execute(query)]


def of_customer(conn: sa.Connection, customer_id: int, page: PageRequest) -> Listing[Instance]:
    query = sa.select(*_INSTANCE).where(instances.c.customer_id == customer_id, _ALIVE)
    return listed(conn, query, instances.c.id, page, Instance)


def of_definition(
    conn: sa.Connection, definition_id: int, page: PageRequest, *, vendor_id: int, customer_id: int | None = None
) -> Listing[Instance]:
    """The vendor's own customers' instances of a definition, whoever owns that."""
    query = (
        sa.select(*_INSTANCE)
        .join(customers, customers.c.id == instances.c.customer_id)
        .where(
            instances.c.definition_id == definition_id, customers.c.vendor_id == vendor_id,
            customers.c.deleted_at.is_(None), _ALIVE,
        )
    )  # fmt: skip
    if customer_id is not None:
        query = query.where(instances.c.customer_id == customer_id)
    return listed(conn, query, instances.c.id, page, Instance)


def mark_deleted(conn: sa.Connection, instance_id: int, moment: datetime) -> None:
    """It is never due again and no listing shows it; its backups stay until they are pruned."""
    conn.execute(sa.update(instances).where(instances.c.id == instance_id).values(deleted_at=moment, next_due_at=None))


def variables(conn: sa.Connection, instance_id: int) -> dict[str, bytes]:
    """The sealed values by key, ascending by key; defaults are not among them."""
    query = sa.select(instance_variables.c.key, instance_variables.c.sealed).where(
        instance_variables.c.instance_id == instance_id
    )
    return {key: bytes(sealed) for key, sealed in conn.execute(query.order_by(instance_variables.c.key))}


def set_variables(conn: sa.Connection, instance_id: int, sealed: Mapping[str, bytes]) -> None:
    """Set these, keep the others."""
    if not sealed:
        return
    statement = insert(conn, instance_variables)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["instance_id", "key"], set_={"sealed": statement.excluded.sealed}
        ),
        [{"instance_id": instance_id, "key": key, "sealed": value} for key, value in sealed.items()],
    )


def remove_variable(conn: sa.Connection, instance_id: int, key: str) -> bool:
    """Whether there was one."""
    done = conn.execute(
        sa.delete(instance_variables).where(
            instance_variables.c.instance_id == instance_id, instance_variables.c.key == key
        )
    )
    return done.rowcount > 0
