"""SQLite's fast paths for the big tables, with the driver's own cursors. `records` calls these; nobody else does.

Keys go over as one JSON array: json_each first in a CROSS JOIN, which fixes the order, costs 0.8 us a key; an ordinary
join lets the planner walk the whole table instead. The stream's number stands in the statement's text, so that rows go
to executemany as they are.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, count
from typing import Any

import msgspec
import sqlalchemy as sa

from holdfast.catalog.rows import CurrentColumns, CurrentRow, KeyRange, Known, PlaceRow, RecordRow, StateRange

_encode = msgspec.json.Encoder().encode
_ROWS_AT_ONCE = 250
_CURRENT = ", ".join(CurrentRow._fields)
_MARKS = ", ".join("?" * len(CurrentRow._fields))
_HISTORY = "scope, digest, pack, frame, start, length, blob"
_NEWEST = "record_key, scope, run_from, NULL, digest, pack, frame, start, length, blob"
_PLACE = ", ".join(PlaceRow._fields)
_PAST = "record_key, scope, run_from, run_to, digest, pack, frame, start, length, blob"


def _driver(conn: sa.Connection) -> Any:
    return conn.connection.driver_connection


def _where(within: KeyRange) -> str:
    """Conditions on the key, behind one on the stream."""
    low = f" AND record_key {'>=' if within.includes_low else '>'} :low"
    return low if within.high is None else f"{low} AND record_key {'<=' if within.includes_high else '<'} :high"


def _json(keys: Iterable[str]) -> str:
    return _encode(list(keys)).decode()


def lookup(conn: sa.Connection, stream: int, keys: Sequence[str]) -> dict[str, CurrentRow]:
    found = _driver(conn).execute(
        f"SELECT {_CURRENT.replace('record_key', 'c.record_key')} FROM json_each(?) AS j"
        ' CROSS JOIN "current" AS c WHERE c.stream = ? AND c.record_key = j.value',
        (_json(keys), stream),
    )
    return {row[0]: row for row in map(CurrentRow._make, found)}


def known(conn: sa.Connection, stream: int, keys: Sequence[str]) -> list[Known]:
    (last,) = _driver(conn).execute('SELECT max(record_key) FROM "current" WHERE stream = ?', (stream,)).fetchone()
    if last is None or (keys and min(keys) > last):  # a first backup in the order of the keys looks nothing up
        return [(None, None, None, None)] * len(keys)
    found = _driver(conn).execute(
        "SELECT c.digest, c.slot, c.scope, c.blob FROM json_each(?) AS j"
        ' LEFT JOIN "current" AS c ON c.stream = ? AND c.record_key = j.value',
        (_json(keys), stream),
    )
    rows: list[Known] = found.fetchall()
    return rows


def insert(conn: sa.Connection, stream: int, columns: CurrentColumns) -> None:
    # In key order each page of the tree is written once: 640,000 rows a second against 120,000. Some hundred rows in
    # one statement, and what all have in common bound once, take half as long as a statement for each.
    rows = len(columns[0])
    is_shared = (False, *(column.count(column[0]) == rows for column in columns[1:]))
    shared = [stream, *(column[0] for column, shares in zip(columns, is_shared, strict=True) if shares)]
    own = [column for column, shares in zip(columns, is_shared, strict=True) if not shares]
    driver = _driver(conn)
    for start in range(0, rows, _ROWS_AT_ONCE):
        some = zip(*(column[start : start + _ROWS_AT_ONCE] for column in own), strict=True)
        if rows - start >= _ROWS_AT_ONCE:
            driver.execute(_insertion(is_shared, _ROWS_AT_ONCE), (*shared, *chain.from_iterable(some))).close()
        else:  # each length would be another statement to prepare
            driver.executemany(_insertion(is_shared, 1), ((*shared, *row) for row in some)).close()


@lru_cache(maxsize=64)
def _insertion(is_shared: tuple[bool, ...], rows: int) -> str:
    """A statement for so many rows. Its parameters: the stream, what the rows share, and row by row the rest."""
    shared = count(2)
    own = count(2 + sum(is_shared))
    places = [f"?{next(shared)}" if shares else None for shares in is_shared]
    values = (f"(?1, {', '.join(place or f'?{next(own)}' for place in places)})" for _ in range(rows))
    return f'INSERT INTO "current" (stream, {_CURRENT}) VALUES {", ".join(values)}'


def replace(conn: sa.Connection, stream: int, rows: Sequence[CurrentRow]) -> None:
    _driver(conn).executemany(
        f'INSERT OR REPLACE INTO "current" (stream, {_CURRENT}) VALUES ({stream}, {_MARKS})', map(tuple, sorted(rows))
    ).close()  # fmt: skip


def close(conn: sa.Connection, stream: int, sequence: int, keys: Iterable[str]) -> None:
    _driver(conn).execute(
        f"INSERT INTO history (stream, record_key, run_from, run_to, {_HISTORY})"
        f" SELECT c.stream, c.record_key, c.run_from, ?, {_HISTORY} FROM json_each(?) AS j"
        ' CROSS JOIN "current" AS c WHERE c.stream = ? AND c.record_key = j.value AND c.run_from < ?',
        (sequence, _json(keys), stream, sequence),
    ).close()


def remove(conn: sa.Connection, stream: int, keys: Iterable[str]) -> list[bytes]:
    removed = _driver(conn).execute(
        'DELETE FROM "current" WHERE stream = ? AND record_key IN (SELECT value FROM json_each(?)) RETURNING digest',
        (stream, _json(keys)),
    )
    return [digest for (digest,) in removed.fetchall()]


def note_changes(conn: sa.Connection, stream: int, sequence: int, keys: Iterable[str]) -> None:
    _driver(conn).execute(
        "INSERT OR IGNORE INTO changes (stream, run, record_key) SELECT ?, ?, value FROM json_each(?)",
        (stream, sequence, _json(keys)),
    ).close()


def keys(conn: sa.Connection, stream: int, within: KeyRange, limit: int) -> list[tuple[str, int, int | None]]:
    found = _driver(conn).execute(
        f'SELECT record_key, slot, scope FROM "current" WHERE stream = :stream{_where(within)}'
        " ORDER BY record_key LIMIT :limit",
        {"stream": stream, "low": within.low, "high": within.high, "limit": limit},
    )
    rows: list[tuple[str, int, int | None]] = found.fetchall()
    return rows


def state_range(conn: sa.Connection, stream: int, sequence: int) -> StateRange:
    found = _driver(conn).execute(
        "SELECT s.last_run, s.live, c.live, c.first_key, c.last_key FROM endpoint_streams AS s"
        " LEFT JOIN endpoint_counts AS c ON c.stream = s.id AND c.sequence = ? WHERE s.id = ?",
        (sequence, stream),
    )
    return StateRange._make(found.fetchone())


def page(
    conn: sa.Connection, stream: int, sequence: int | None, within: KeyRange, scope: int | None, limit: int,
    offset: int, descending: bool,
) -> list[RecordRow]:  # fmt: skip
    where = "" if scope is None else " AND scope = :scope"
    found = _state(conn, (_NEWEST, _PAST), where, descending, {
        "stream": stream, "low": within.low, "high": within.high, "scope": scope, "sequence": sequence,
        "limit": limit, "offset": offset,
    }, within)  # fmt: skip
    return list(map(RecordRow._make, found))


def places(
    conn: sa.Connection, stream: int, sequence: int | None, within: KeyRange, limit: int
) -> list[PlaceRow]:  # fmt: skip
    found = _state(conn, (_PLACE, _PLACE), "", False, {
        "stream": stream, "low": within.low, "high": within.high, "sequence": sequence, "limit": limit, "offset": 0,
    }, within)  # fmt: skip
    rows: list[PlaceRow] = found.fetchall()  # plain tuples: there are millions of them
    return rows


def _state(
    conn: sa.Connection, columns: tuple[str, str], further: str, descending: bool, values: dict[str, Any],
    within: KeyRange,
) -> Any:  # fmt: skip
    """The state after a run, or the newest; `columns` are those of `current` and of `history`."""
    where = f"stream = :stream{_where(within)}{further}"
    tail = f" ORDER BY record_key{' DESC' if descending else ''} LIMIT :limit OFFSET :offset"
    statement = f'SELECT {columns[0]} FROM "current" WHERE {where}'
    if values["sequence"] is not None:
        # Both parts are in key order already: SQLite merges them without sorting and stops at the limit.
        statement += (
            f" AND run_from <= :sequence UNION ALL"
            f" SELECT {columns[1]} FROM history WHERE {where} AND run_from <= :sequence AND run_to > :sequence"
        )
    return _driver(conn).execute(statement + tail, values)


def versions(conn: sa.Connection, stream: int, keys: Sequence[str], sequence: int) -> dict[str, RecordRow]:
    found = _driver(conn).execute(
        f'SELECT {_NEWEST.replace("record_key", "c.record_key")} FROM json_each(:keys) AS j CROSS JOIN "current" AS c'
        " WHERE c.stream = :stream AND c.record_key = j.value AND c.run_from <= :sequence UNION ALL"
        f" SELECT {_PAST.replace('record_key', 'h.record_key')} FROM json_each(:keys) AS j CROSS JOIN history AS h"
        " WHERE h.stream = :stream AND h.record_key = j.value AND h.run_from <= :sequence AND h.run_to > :sequence",
        {"keys": _json(keys), "stream": stream, "sequence": sequence},
    )
    return {row[0]: row for row in map(RecordRow._make, found)}


def changed_keys(conn: sa.Connection, stream: int, run: int, after: str | None, limit: int) -> list[str]:
    found = _driver(conn).execute(
        "SELECT record_key FROM changes WHERE stream = :stream AND run = :run"
        + ("" if after is None else " AND record_key > :after")
        + " ORDER BY record_key LIMIT :limit",
        {"stream": stream, "run": run, "after": after, "limit": limit},
    )
    return [key for (key,) in found.fetchall()]
