"""Retention policies as rules by name, of a vendor, a customer or an instance. What they mean, `operations` knows."""

from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa

from holdfast import clock
from holdfast.catalog.schema import customers, instances, retention_policies
from holdfast.catalog.upsert import insert

Owner = Literal["vendor", "customer", "instance"]


def set_rules(conn: sa.Connection, owner: Owner, object_id: int, rules: Mapping[str, Any] | None) -> None:
    """The owner's rules from now on; None: it has none of its own any more."""
    if rules is None:
        conn.execute(
            sa.delete(retention_policies).where(
                retention_policies.c.kind == owner, retention_policies.c.object_id == object_id
            )
        )
        return
    values = {"rules": dict(rules), "changed_at": clock.now()}
    statement = insert(conn, retention_policies).values(kind=owner, object_id=object_id, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["kind", "object_id"], set_=values))


def get_rules(conn: sa.Connection, owner: Owner, object_id: int) -> Mapping[str, Any] | None:
    """The owner's own rules; None: it has none."""
    query = sa.select(retention_policies.c.rules).where(
        retention_policies.c.kind == owner, retention_policies.c.object_id == object_id
    )
    found: Mapping[str, Any] | None = conn.execute(query).scalar_one_or_none()
    return found


def every(conn: sa.Connection) -> list[tuple[Owner, int, Mapping[str, Any]]]:
    """Every policy there is with its owner, vendors' before customers' before instances'."""
    query = sa.select(retention_policies.c.kind, retention_policies.c.object_id, retention_policies.c.rules)
    order: tuple[Owner, ...] = ("vendor", "customer", "instance")
    found = [(kind, object_id, rules) for kind, object_id, rules in conn.execute(query)]
    return sorted(found, key=lambda one: (order.index(one[0]), one[1]))


def of_instance(conn: sa.Connection, instance_id: int) -> tuple[Owner, Mapping[str, Any]] | None:
    """The rules that hold for an instance, and whose they are: its own, else its customer's, else its vendor's."""
    customer_id, vendor_id = conn.execute(
        sa.select(customers.c.id, customers.c.vendor_id)
        .join(instances, instances.c.customer_id == customers.c.id)
        .where(instances.c.id == instance_id)
    ).one()
    owners: tuple[tuple[Owner, int], ...] = (
        ("instance", instance_id), ("customer", customer_id), ("vendor", vendor_id)
    )  # fmt: skip
    for owner, object_id in owners:
        rules = get_rules(conn, owner, object_id)
        if rules is not None:
            return owner, rules
    return None
