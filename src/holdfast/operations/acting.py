"""Who does what an operation does, and the audit log's entry about it.

API, command line and schedule say who acts; an operation notes what it did in the transaction that does it.
"""

from contextvars import ContextVar

from sqlalchemy import Connection

from holdfast.catalog import audit, customers, instances

OPERATOR = "operator"
"""Whoever has the command line."""
SCHEDULE = "schedule"

_actor: ContextVar[str] = ContextVar("holdfast_actor", default=OPERATOR)


def act_as(actor: str) -> None:
    """From now on, in this request or this thread, this one acts: `client ADDRESS`, `customer ID ADDRESS`."""
    _actor.set(actor)


def actor() -> str:
    return _actor.get()


def note(
    connection: Connection, vendor_id: int, action: str, object_kind: str, object_id: int | None, **fields: object
) -> None:
    """Add to the audit log. `action` is `noun.verb`; no secrets in `fields`."""
    audit.add(connection, vendor_id, _actor.get(), action, object_kind, object_id, fields)


def note_of_instance(
    connection: Connection, instance_id: int, action: str, object_kind: str, object_id: int, **fields: object
) -> None:
    """The same for what happens to an instance: its vendor is looked up."""
    instance = instances.get(connection, instance_id, deleted=True)
    vendor_id = customers.get(connection, instance.customer_id, deleted=True).vendor_id
    about = {} if object_kind == "instance" else {"instance_id": instance_id}
    note(connection, vendor_id, action, object_kind, object_id, **about, **fields)
