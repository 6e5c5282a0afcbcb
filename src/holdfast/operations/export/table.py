"""Records as a table for spreadsheets. The rules:

- the first column `record_id` is the record's id in Holdfast; a column per field follows, in the order of first sight
- fields of objects get a column each, named by their dotted path; lists stand as JSON text
- null and absent fields are empty; true and false are spelt so; numbers stand as the source spelt them
- text that a spreadsheet would take for a formula (it begins with = + - @, tab or return) gets an apostrophe in front
- UTF-8 with a byte order mark, CRLF line ends, quoted where needed (RFC 4180)
- past 1,000 columns the remaining fields stand together as JSON in a last column `more_fields`, as do all fields of a
  record that is nested too deeply to take apart
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from holdfast.definitions.values import NumberToken, decode, encode
from holdfast.errors import PageUnreadable

COLUMNS_AT_MOST = 1_000
_DEEPEST = 100
"""Levels; Python itself writes a few hundred."""
_BOM = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Table:
    """Made from all records once, for the columns; then `rows` goes over them again."""

    def __init__(self, raws: Iterable[bytes]) -> None:
        columns: dict[str, None] = {}
        self._has_more = False
        for raw in raws:
            fields = _fields(raw)
            if fields is None:
                self._has_more = True
                continue
            for path, _ in fields:
                if path not in columns:
                    if len(columns) < COLUMNS_AT_MOST:
                        columns[path] = None
                    else:
                        self._has_more = True
        self.columns = list(columns)
        self._positions = {path: index for index, path in enumerate(columns)}

    def rows(self, records: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
        """The file's lines: first the names of the columns, then each (record id, bytes)."""
        more = ["more_fields"] if self._has_more else []
        yield _BOM + _line(["record_id", *(_text(column) for column in self.columns), *more])
        for key, raw in records:
            cells = [""] * len(self.columns)
            rest: dict[str, Any] = {}
            fields = _fields(raw)
            for path, value in fields or ():
                position = self._positions.get(path)
                if position is None:
                    rest[path] = value
                else:
                    cells[position] = _cell(value)
            if self._has_more:
                cells.append(raw.decode("utf-8", "replace") if fields is None else encode(rest) if rest else "")
            yield _line([_text(key), *cells])


def _fields(raw: bytes) -> list[tuple[str, object]] | None:
    """A record's fields by their paths; None where it is nested too deeply to take apart."""
    try:
        value = decode(raw)
    except PageUnreadable:
        return None
    # Hardly any record has so many brackets at all.
    may_be_deep = raw.count(b"{") + raw.count(b"[") > _DEEPEST
    return None if may_be_deep and _is_deeper(value, _DEEPEST) else list(_flat(value))


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, Mapping | list):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and (value or not path):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, NumberToken | int):
        return str(value)
    return _text(value if isinstance(value, str) else encode(value))


def _text(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode()
