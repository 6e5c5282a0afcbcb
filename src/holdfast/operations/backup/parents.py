"""The parents of a child endpoint: the records of the parent endpoints' current sets, a group at a time, decoded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import records
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

    def __init__(self, context: RunContext, streams: Sequence[Stream]) -> None:
        """`streams` are those of the parent endpoints; none for an endpoint without parents."""
        self._context = context
        self._streams = {stream.name: stream for stream in streams}

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
        return self._record(stream, row, self._context.customer.read(place))

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
        raws = self._context.customer.read_many(places)
        return [self._record(stream, row, raw) for row, raw in zip(rows, raws, strict=True)]

    def _record(self, stream: Stream, row: RecordRow, raw: bytes) -> ParentRecord:
        key = row.record_key if len(self._streams) == 1 else child_key(stream.name, row.record_key)
        return ParentRecord(key, fields_of(raw), raw, row.run_from)

    def _split(self, key: str) -> tuple[Stream, str]:
        """The parent endpoint's stream and the key within it."""
        if len(self._streams) == 1:
            return next(iter(self._streams.values())), key
        name, record_key = split_child_key(key)
        return self._streams[name], record_key


def fields_of(raw: bytes) -> Mapping[str, Any]:
    """A stored record, decoded; bytes that are no UTF-8 become U+FFFD. Records are objects: `sources` lets nothing else
    through."""
    fields = decode_leniently(raw)
    assert isinstance(fields, dict)
    return fields


def place_of(context: RunContext, row: CurrentRow | RecordRow) -> Place:
    """Where the row's record lies in the vault."""
    return Place(context.packs.name(row.pack), row.frame, row.start, row.length)
