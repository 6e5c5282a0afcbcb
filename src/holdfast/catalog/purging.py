"""Deletes everything the catalog knows of a customer, whichever table it stands in: found by the names of columns.

So a table that is added later is covered, as long as it calls its columns customer_id, instance_id, stream or run_id.
"""

from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa

from holdfast.catalog import schema
from holdfast.catalog.schema import metadata

_KEPT = frozenset({"audit_entries", "erasures"})
"""The audit log only ever grows, and holds ids alone; an erasure is what proves that one has taken place."""
_ROWS_AT_ONCE = 5_000


def statements(conn: sa.Connection, customer_id: int) -> Iterator[tuple[str, sa.Delete]]:
    """(table, statement): each deletes some of the customer's rows and is to be run, in a transaction of its own, until
    it deletes none; in this order, so that no row is left that others refer to."""
    instances = sa.select(schema.instances.c.id).where(schema.instances.c.customer_id == customer_id)
    streams = sa.select(schema.streams.c.id).where(schema.streams.c.instance_id.in_(instances))
    runs = sa.select(schema.runs.c.id).where(schema.runs.c.instance_id.in_(instances))
    packs = sa.select(schema.packs.c.id).where(schema.packs.c.customer_id == customer_id)
    deliveries = _deliveries(conn, customer_id)
    objects = (
        sa.select(schema.legal_holds.c.id).where(schema.legal_holds.c.customer_id == customer_id),
        sa.select(schema.alarms.c.id).where(schema.alarms.c.instance_id.in_(instances)),
    )
    """Whose revisions are the customer's, beside its own and its instances'."""
    # Tables without foreign keys are found through those with: they go first.
    dependent_first = metadata.sorted_tables[::-1]
    for table in sorted(dependent_first, key=lambda table: bool(table.foreign_keys)):
        if table.name in _KEPT:
            continue
        columns = table.c
        if table is schema.packs or table is schema.customers:
            continue
        if "customer_id" in columns:
            mine = columns.customer_id == customer_id
        elif "instance_id" in columns:
            mine = columns.instance_id.in_(instances)
        elif "stream" in columns:
            mine = columns.stream.in_(streams)
        elif "run_id" in columns:
            mine = columns.run_id.in_(runs)
        elif table is schema.pack_references:
            mine = columns.pack.in_(packs)
        elif table is schema.webhook_deliveries:
            mine = columns.id.in_(deliveries)
        elif table in (schema.revision_numbers, schema.retention_policies):
            # Ids are unique over all kinds of objects, but an erasure has its customer's.
            mine = sa.and_(
                columns.kind != "erasure",
                sa.or_(
                    columns.object_id == customer_id,
                    columns.object_id.in_(instances),
                    *(columns.object_id.in_(ids) for ids in objects),
                ),
            )
        else:
            continue
        yield table.name, _some(table, mine)
    yield "packs", _some(schema.packs, schema.packs.c.customer_id == customer_id)
    yield "customers", _some(schema.customers, schema.customers.c.id == customer_id)


def of_streams(streams: Sequence[int]) -> Iterator[tuple[str, sa.Delete]]:
    """As `statements`, for everything that hangs on streams, and the streams themselves."""
    for table in metadata.sorted_tables[::-1]:
        if "stream" in table.c:
            yield table.name, _some(table, table.c.stream.in_(streams))
    yield schema.streams.name, _some(schema.streams, schema.streams.c.id.in_(streams))


def _some(table: sa.Table, mine: sa.ColumnElement[bool]) -> sa.Delete:
    keys = list(table.primary_key.columns)
    some = sa.select(*keys).where(mine).limit(_ROWS_AT_ONCE)
    if len(keys) == 1:
        return sa.delete(table).where(keys[0].in_(some))
    return sa.delete(table).where(sa.tuple_(*keys).in_(some))


def _deliveries(conn: sa.Connection, customer_id: int) -> list[int]:
    """Webhook deliveries that tell of the customer, by name."""
    table = schema.webhook_deliveries
    vendor = sa.select(schema.customers.c.vendor_id).where(schema.customers.c.id == customer_id).scalar_subquery()
    query = (
        sa.select(table.c.id, table.c.payload)
        .join(schema.webhooks, schema.webhooks.c.id == table.c.webhook_id)
        .where(schema.webhooks.c.vendor_id == vendor)
    )
    found = []
    for delivery_id, payload in conn.execute(query):
        data = msgspec.json.decode(payload).get("data")
        if isinstance(data, dict) and data.get("customer_id") == customer_id:
            found.append(delivery_id)
    return found
