"""The parents of a child endpoint: the records of the parent endpoint's current set, decoded, a group at a time."""

from collections.abc import Mapping
from typing import Any

from holdfast.catalog import records
from holdfast.catalog.records import CurrentRow, RecordRow
from holdfast.definitions.values import decode
from holdfast.errors import NotFound
from holdfast.operations.backup.state import RunContext, Stream
from holdfast.sources.page import Parent
from holdfast.vault import Place

PARENTS_AT_ONCE = 500


def parents_after(context: RunContext, stream: Stream, after: str | None) -> list[Parent]:
    """The next parents in key order; an empty list at the end."""
    with context.services.database.read() as connection:
        rows = records.page(connection, stream.id, after=after, limit=PARENTS_AT_ONCE)
        places = [place_of(context, row) for row in rows]
    raws = context.customer.read_many(places)
    return [Parent(row.record_key, fields_of(raw)) for row, raw in zip(rows, raws, strict=True)]


def parent_of(context: RunContext, stream: Stream, key: str) -> Parent:
    """One parent by its record key. Raises NotFound where it is gone."""
    with context.services.database.read() as connection:
        row = records.get(connection, stream.id, key)
        if row is None:
            raise NotFound(f"{stream.name} has no record {key}")
        place = place_of(context, row)
    return Parent(key, fields_of(context.customer.read(place)))


def fields_of(raw: bytes) -> Mapping[str, Any]:
    """A stored record, decoded. Records are objects: `sources` lets nothing else through."""
    fields = decode(raw)
    assert isinstance(fields, dict)
    return fields


def place_of(context: RunContext, row: CurrentRow | RecordRow) -> Place:
    """Where the row's record lies in the vault."""
    return Place(context.packs.name(row.pack), row.frame, row.start, row.length)
