"""Copies one instance, as its newest state stands, from a catalog into an empty one: enough to back it up there.

No history, no logs, nothing of other instances. The local numbers stay what they are.
"""

from typing import Any

import sqlalchemy as sa

from holdfast.catalog import schema
from holdfast.catalog.bulk import bulk
from holdfast.catalog.rows import CurrentRow, columns_of

_AT_ONCE = 5_000


def copy_instance(source: sa.Connection, target: sa.Connection, instance_id: int) -> None:
    """Raises nothing of its own: the instance exists, and the target has none of its rows."""
    instances, customers, streams = schema.instances, schema.customers, schema.streams
    customer_id, definition_id, vendor_id = source.execute(
        sa.select(instances.c.customer_id, instances.c.definition_id, customers.c.vendor_id)
        .join(customers, customers.c.id == instances.c.customer_id)
        .where(instances.c.id == instance_id)
    ).one()
    owner = sa.select(schema.definitions.c.vendor_id).where(schema.definitions.c.id == definition_id)
    of_streams = sa.select(streams.c.id).where(streams.c.instance_id == instance_id)
    chosen: dict[sa.Table, sa.ColumnElement[bool]] = {
        schema.vendors: sa.or_(schema.vendors.c.id == vendor_id, schema.vendors.c.id.in_(owner)),
        customers: customers.c.id == customer_id,
        schema.definitions: schema.definitions.c.id == definition_id,
        schema.definition_revisions: schema.definition_revisions.c.definition_id == definition_id,
        instances: instances.c.id == instance_id,
        streams: streams.c.instance_id == instance_id,
        schema.blobs: schema.blobs.c.instance_id == instance_id,
    }
    for table in (schema.instance_variables, schema.runs, schema.packs):
        chosen[table] = table.c.instance_id == instance_id
    for table in (schema.scopes, schema.debts):
        chosen[table] = table.c.stream.in_(of_streams)
    for table in schema.metadata.sorted_tables:
        if table in chosen:
            for rows in _rows(source, sa.select(table).where(chosen[table])):
                target.execute(sa.insert(table), [dict(row._mapping) for row in rows])
    for stream in source.execute(of_streams).scalars().all():
        columns = [schema.current.c[name] for name in CurrentRow._fields]
        for rows in _rows(source, sa.select(*columns).where(schema.current.c.stream == stream)):
            bulk(target).insert(target, stream, columns_of(rows))


def _rows(source: sa.Connection, query: sa.Select[Any]) -> Any:
    """Batches of rows; what is read is never all in memory."""
    return source.execute(query, execution_options={"yield_per": _AT_ONCE}).partitions()
