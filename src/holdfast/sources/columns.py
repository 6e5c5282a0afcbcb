"""What is read of every record on a page: id, incremental field, tombstone. In bulk where they are plain paths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from holdfast.definitions import identity
from holdfast.definitions.document import Endpoint
from holdfast.definitions.selectors import selector
from holdfast.definitions.values import NumberToken, kind_of
from holdfast.errors import PageUnreadable
from holdfast.sources import scanner
from holdfast.sources.cursors import greatest
from holdfast.sources.judging import equals
from holdfast.sources.splitter import decode_leniently
from holdfast.sources.structs import getter, nested
from holdfast.sources.wrapping import Wrapping

__all__ = ["Columns", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Side by side with the records: id, and whether a tombstone (None: the endpoint has none); the greatest cursor."""

    ids: list[str]
    deleted: list[bool] | None
    cursor: str | None


class Columns:
    """Reads the records of one endpoint. Immutable, safe between threads."""

    def __init__(self, endpoint: Endpoint, records: str) -> None:
        """`records` is the selector of the list, where it is plain; bulk reading decodes the body with it."""
        self._ids = [selector(text) for text in endpoint.id]
        field = endpoint.incremental.field if endpoint.incremental else ""
        self._cursor = selector(field) if field else None
        self._deleted = selector(endpoint.tombstones.field) if endpoint.tombstones else None
        self._equals = endpoint.tombstones.equals if endpoint.tombstones else None
        # What is wrapped does not stand in the body as it is read.
        self._bulk = None if Wrapping.of(endpoint) else self._bulk_reader(records)

    def read(self, body: bytes, raws: Sequence[bytes]) -> Rows:
        """Read all records of a page. Raises PageUnreadable, naming the record by its place on the page."""
        if self._bulk is not None:
            rows = self._bulk(body)
            if rows is not None and len(rows.ids) == len(raws):
                return rows
        ids: list[str] = []
        cursors: list[str] = []
        deleted: list[bool] = []
        for index, raw in enumerate(raws):
            try:
                record_id, cursor, is_deleted = self._read_one(raw)
            except PageUnreadable as error:
                raise PageUnreadable(f"record {index + 1}: {error}", hint=error.hint) from error
            ids.append(record_id)
            deleted.append(is_deleted)
            if cursor is not None:
                cursors.append(cursor)
        return Rows(ids, deleted if self._deleted else None, greatest(cursors))

    def read_one(self, raw: bytes) -> tuple[str, bool]:
        """One record's id and whether it is a tombstone. Raises PageUnreadable."""
        record_id, _, is_deleted = self._read_one(raw)
        return record_id, is_deleted

    def id_of(self, fields: Any) -> str:
        """The id in a decoded record. Raises PageUnreadable."""
        return identity.join([identity.part(one.find(fields)) for one in self._ids])

    def _read_one(self, raw: bytes) -> tuple[str, str | None, bool]:
        if raw.lstrip()[:1] != b"{":
            raise PageUnreadable(
                f"it is no object, but {kind_of(decode_leniently(raw))}",
                hint="If that is all there is, `values` in the definition makes records of it.",
            )
        find = _finder(raw)
        record_id = identity.join([identity.part(find(one.text)) for one in self._ids])
        cursor = None
        if self._cursor:
            cursor = _cursor_text(find(self._cursor.text))
        return (
            record_id,
            cursor,
            bool(self._deleted) and self._is_deleted(find(self._deleted.text if self._deleted else "")),
        )

    def _is_deleted(self, value: object) -> bool:
        return equals(value, self._equals)

    def _bulk_reader(self, records: str) -> Callable[[bytes], Rows | None] | None:
        """Reads all rows of a body in one pass, or gives None where it cannot; None where a selector is not plain."""
        at = selector(records).path
        paths = [one.path for one in self._ids]
        cursor_path = self._cursor.path if self._cursor else ()
        deleted_path = self._deleted.path if self._deleted else ()
        if at is None or cursor_path is None or deleted_path is None:
            return None
        leaves: dict[tuple[str, ...], Any] = {}
        if self._deleted:
            leaves[deleted_path] = Any
        if self._cursor:
            leaves[cursor_path] = int | str | None
        for path in paths:
            if not path:
                return None
            leaves[path] = int | str
        row = nested(leaves)
        if row is None:
            return None
        page = nested({at: list[row]})  # type: ignore[valid-type]  # a type made at run time
        decoder = msgspec.json.Decoder(page)
        get_rows = getter({at: None}, at)
        get_ids = [getter(leaves, path) for path in paths if path]
        get_cursor = getter(leaves, cursor_path) if self._cursor else None
        get_deleted = getter(leaves, deleted_path) if self._deleted else None

        def read(body: bytes) -> Rows | None:
            try:
                rows = get_rows(decoder.decode(body))
                parts = [list(map(get, rows)) for get in get_ids]
                cursors = list(map(get_cursor, rows)) if get_cursor else []
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, AttributeError, TypeError):
                return None
            for column in parts:
                if msgspec.UNSET in column:
                    return None
            texts = [list(map(str, column)) for column in parts]
            for column in texts:
                if "" in column or "\0" in "".join(column):
                    return None
            ids = texts[0] if len(texts) == 1 else [identity.join(one) for one in zip(*texts, strict=True)]
            cursor = greatest(
                [str(one) for one in cursors if one is not None and one is not msgspec.UNSET and one != ""]
            )
            if get_deleted is None:
                return Rows(ids, None, cursor)
            try:
                deleted = [self._is_deleted(value) for value in map(get_deleted, rows)]
            except AttributeError:
                return None
            return Rows(ids, deleted, cursor)

        return read


def _finder(raw: bytes) -> Callable[[str], Any]:
    """Finds a selector's value in one record, also where it is nested too deeply to decode as a whole."""
    try:
        value = decode_leniently(raw)
    except PageUnreadable:

        def find(text: str) -> Any:
            path = selector(text).path
            if path is None:
                raise PageUnreadable(f"it is nested too deeply for the selector {text!r}")
            place = scanner.locate(raw, path)
            return None if place is None else decode_leniently(raw[place[0] : place[1]])

        return find
    return lambda text: selector(text).find(value)


def _cursor_text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, NumberToken):
        return value.token
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise PageUnreadable(f"the incremental field is {kind_of(value)}")
