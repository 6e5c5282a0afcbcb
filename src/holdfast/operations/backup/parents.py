"""The parents of a child endpoint: the records of the parent endpoints' current sets, a group at a time, decoded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import records, scopes
from holdfast.catalog.records import CurrentRow, RecordRow
from holdfast.definitions.identity import child_key, split_child_key
from holdfast.errors import NotFound
from holdfast.operations.backup.state import RunContext, Stream
from holdfast.sources.page import Parent
from holdfast.sources.splitter import decode_leniently
from holdfast.vault import Place

_PARENTS_AT_ONCE = 500


@dataclass(frozen=True)
class ParentRecord(Parent):
    """A parent as it is stored."""

    raw: bytes = b""
    changed_in: int = 0
    """Sequence of the run that wrote this version of it."""


class Parents:
    """The parents of one endpoint. Where several endpoints are its parents, a parent's key begins with its endpoint's
    name: an issue 7 and a pull request 7 are two.
    """

    def __init__(
        self, context: RunContext, streams: Sequence[Stream], above: "Mapping[str, Parents] | None" = None
    ) -> None:  # fmt: skip
        """`streams` are those of the parent endpoints; none for an endpoint without parents. `above` are the parents of
        theirs, by name, where the endpoint needs to know them."""
        self._context = context
        self._streams = {stream.name: stream for stream in streams}
        self._above = above or {}

    def __bool__(self) -> bool:
        return bool(self._streams)

    @property
    def live(self) -> int:
        """How many there are."""
        return sum(stream.live for stream in self._streams.values())

    def groups(self) -> Iterator[list[ParentRecord]]:
        """All parents, ascending by key within each parent endpoint."""
        for stream in self._streams.values():
            after: str | None = None
            while group := self._group(stream, after):
                yield group
                after = self._split(group[-1].key)[1]

    def get(self, key: str) -> ParentRecord:
        """One parent by its key. Raises NotFound where it is gone."""
        stream, record_key = self._split(key)
        with self._context.services.database.read() as connection:
            row = records.get(connection, stream.id, record_key)
            if row is None:
                raise NotFound(f"{stream.name} has no record {record_key}")
            place = place_of(self._context, row)
        (found,) = self._records(stream, [row], [self._context.customer.read(place)])
        return found

    def present(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        """Which of these parents exist."""
        by_stream: dict[str, dict[str, str]] = {}
        for key in keys:
            stream, record_key = self._split(key)
            by_stream.setdefault(stream.name, {})[record_key] = key
        found: set[str] = set()
        for name, wanted in by_stream.items():
            found.update(wanted[key] for key in records.lookup(connection, self._streams[name].id, list(wanted)))
        return found

    def _group(self, stream: Stream, after: str | None) -> list[ParentRecord]:
        with self._context.services.database.read() as connection:
            rows = records.page(connection, stream.id, after=after, limit=_PARENTS_AT_ONCE)
            places = [place_of(self._context, row) for row in rows]
        return self._records(stream, rows, self._context.customer.read_many(places))

    def _records(self, stream: Stream, rows: Sequence[RecordRow], raws: Sequence[bytes]) -> list[ParentRecord]:
        keys = [row.record_key for row in rows]
        if len(self._streams) > 1:
            keys = [child_key(stream.name, key) for key in keys]
        above = self._parents_of(stream, rows)
        return [
            ParentRecord(key, fields_of(raw), raw, row.run_from, parent=parent)
            for key, row, raw, parent in zip(keys, rows, raws, above, strict=True)
        ]

    def _parents_of(self, stream: Stream, rows: Sequence[RecordRow]) -> list[ParentRecord | None]:
        """The parents of these records themselves; None for each where nobody needs them."""
        above = self._above.get(stream.name)
        if above is None:
            return [None] * len(rows)
        with self._context.services.database.read() as connection:
            keys = scopes.parent_keys(connection, {row.scope for row in rows if row.scope is not None})
        found = {key: above.get(key) for key in set(keys.values())}
        return [None if row.scope is None else found[keys[row.scope]] for row in rows]

    def _split(self, key: str) -> tuple[Stream, str]:
        """The parent endpoint's stream and the key within it."""
        if len(self._streams) == 1:
            return next(iter(self._streams.values())), key
        name, record_key = split_child_key(key)
        return self._streams[name], record_key


def parents_of(context: RunContext, stream: Stream, by_name: Mapping[str, Stream]) -> Parents:
    """The parents of an endpoint, with theirs where it needs them."""
    names = stream.endpoint.parents
    above: dict[str, Parents] = {}
    if stream.endpoint.uses_grandparent:
        for name in names:
            above[name] = Parents(context, [by_name[higher] for higher in by_name[name].endpoint.parents])
    return Parents(context, [by_name[name] for name in names], above)


def fields_of(raw: bytes) -> Mapping[str, Any]:
    """A stored record, decoded; bytes that are no UTF-8 become U+FFFD. Records are objects: `sources` lets nothing else
    through."""
    fields = decode_leniently(raw)
    assert isinstance(fields, dict)
    return fields


def place_of(context: RunContext, row: CurrentRow | RecordRow) -> Place:
    """Where the row's record lies in the vault."""
    return Place(context.packs.name(row.pack), row.frame, row.start, row.length)
