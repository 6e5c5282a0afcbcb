"""PostgreSQL's fast paths for the big tables, with psycopg's own cursors. `records` calls these; nobody else does.

Rows go in by binary COPY (634,000 a CPU second, against 141,000 with unnest), keys over as one array.
The stream's number stands in the statement's text, so that the planner sees which partition is meant.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from psycopg import Cursor

from holdfast.catalog.rows import (
    CurrentColumns,
    CurrentRow,
    KeyRange,
    Known,
    PlaceRow,
    RecordRow,
    StateRange,
    columns_of,
)

_CURRENT = ", ".join(CurrentRow._fields)
_TYPES = ["int8", "bytea", "int8", "int8", "int4", "bytea", "bytea", "int8", "int8", "int4", "int4", "int4", "int8"]
_HISTORY = "scope, digest, pack, frame, start, length, blob"
_NEWEST = "record_key, scope, run_from, NULL::int4 AS run_to, digest, pack, frame, start, length, blob"
_PLACE = ", ".join(PlaceRow._fields)
_PAST = "record_key, scope, run_from, run_to, digest, pack, frame, start, length, blob"
_GIVEN = "record_key = ANY(%(keys)s::bytea[])"


def _cursor(conn: sa.Connection) -> Cursor[Any]:
    driver: Any = conn.connection.driver_connection
    cursor: Cursor[Any] = driver.cursor(binary=True)
    return cursor


def _bytes(keys: Iterable[str]) -> list[bytes]:
    return [key.encode() for key in keys]


def _decoded(rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    return ((row[0].decode(), *row[1:]) for row in rows)


def _where(within: KeyRange) -> str:
    """Conditions on the key, behind one on the stream."""
    low = f" AND record_key {'>=' if within.includes_low else '>'} %(low)s"
    return low if within.high is None else f"{low} AND record_key {'<=' if within.includes_high else '<'} %(high)s"


def _bounds(within: KeyRange) -> dict[str, Any]:
    return {"low": within.low.encode(), "high": None if within.high is None else within.high.encode()}


def lookup(conn: sa.Connection, stream: int, keys: Sequence[str]) -> dict[str, CurrentRow]:
    found = _cursor(conn).execute(
        f'SELECT {_CURRENT} FROM "current" WHERE stream = {stream} AND {_GIVEN}',
        {"keys": _bytes(keys)},
    )
    return {row[0]: row for row in map(CurrentRow._make, _decoded(found.fetchall()))}


def known(conn: sa.Connection, stream: int, keys: Sequence[str]) -> list[Known]:
    found = _cursor(conn).execute(
        "SELECT digest, slot, scope, blob FROM unnest(%(keys)s::bytea[]) WITH ORDINALITY AS given(key, place)"
        f' LEFT JOIN "current" ON stream = {stream} AND record_key = key ORDER BY place',
        {"keys": _bytes(keys)},
    )
    return found.fetchall()


def insert(conn: sa.Connection, stream: int, columns: CurrentColumns) -> None:
    # In key order the index grows at one place.
    with _cursor(conn).copy(f'COPY "current" (stream, {_CURRENT}) FROM STDIN (FORMAT BINARY)') as copy:
        copy.set_types(_TYPES)
        for key, *rest in zip(*columns, strict=True):
            copy.write_row((stream, key.encode(), *rest))


def replace(conn: sa.Connection, stream: int, rows: Sequence[CurrentRow]) -> None:
    # COPY cannot overwrite; an UPDATE would leave as many dead rows and take longer.
    remove(conn, stream, [row.record_key for row in rows])
    insert(conn, stream, columns_of(rows))


def close(conn: sa.Connection, stream: int, sequence: int, keys: Iterable[str]) -> None:
    _cursor(conn).execute(
        f"INSERT INTO history (stream, record_key, run_from, run_to, {_HISTORY})"
        f" SELECT stream, record_key, run_from, %(sequence)s, {_HISTORY}"
        f' FROM "current" WHERE stream = {stream} AND {_GIVEN} AND run_from < %(sequence)s',
        {"keys": _bytes(keys), "sequence": sequence},
    )


def remove(conn: sa.Connection, stream: int, keys: Iterable[str]) -> list[bytes]:
    removed = _cursor(conn).execute(
        f'DELETE FROM "current" WHERE stream = {stream} AND {_GIVEN} RETURNING digest',
        {"keys": _bytes(keys)},
    )
    return [digest for (digest,) in removed.fetchall()]


def note_changes(conn: sa.Connection, stream: int, sequence: int, keys: Iterable[str]) -> None:
    _cursor(conn).execute(
        f"INSERT INTO changes (stream, run, record_key) SELECT {stream}, %(sequence)s, key"
        " FROM unnest(%(keys)s::bytea[]) AS given(key) ON CONFLICT DO NOTHING",
        {"keys": _bytes(keys), "sequence": sequence},
    )


def keys(conn: sa.Connection, stream: int, within: KeyRange, limit: int) -> list[tuple[str, int, int | None]]:
    found = _cursor(conn).execute(
        f'SELECT record_key, slot, scope FROM "current" WHERE stream = {stream}{_where(within)}'
        " ORDER BY record_key LIMIT %(limit)s",
        _bounds(within) | {"limit": limit},
    )
    return [(key.decode(), slot, scope) for key, slot, scope in found.fetchall()]


def state_range(conn: sa.Connection, stream: int, sequence: int) -> StateRange:
    found = _cursor(conn).execute(
        "SELECT s.last_run, s.live, c.live, c.first_key, c.last_key FROM endpoint_streams AS s"
        " LEFT JOIN endpoint_counts AS c ON c.stream = s.id AND c.sequence = %s WHERE s.id = %s",
        (sequence, stream),
    )
    last_run, live_now, live, *ends = found.fetchall()[0]
    first_key, last_key = (None if end is None else end.decode() for end in ends)
    return StateRange(last_run, live_now, live, first_key, last_key)


def page(
    conn: sa.Connection, stream: int, sequence: int | None, within: KeyRange, scope: int | None, limit: int,
    offset: int, descending: bool,
) -> list[RecordRow]:  # fmt: skip
    where = f"stream = {stream}{_where(within)}" + ("" if scope is None else f" AND scope = {scope}")
    values = _bounds(within) | {"sequence": sequence, "limit": limit, "offset": offset}
    return list(map(RecordRow._make, _state(conn, (_NEWEST, _PAST), where, descending, values)))


def places(
    conn: sa.Connection, stream: int, sequence: int | None, within: KeyRange, limit: int
) -> list[PlaceRow]:  # fmt: skip
    values = _bounds(within) | {"sequence": sequence, "limit": limit, "offset": 0}
    found = _state(conn, (_PLACE, _PLACE), f"stream = {stream}{_where(within)}", False, values)
    return list(map(PlaceRow._make, found))


def _state(
    conn: sa.Connection, columns: tuple[str, str], where: str, descending: bool, values: dict[str, Any]
) -> Iterable[tuple[Any, ...]]:
    """The state after a run, or the newest; `columns` are those of `current` and of `history`."""
    order = f" ORDER BY record_key{' DESC' if descending else ''}"
    tail = f"{order} LIMIT %(limit)s OFFSET %(offset)s"
    if values["sequence"] is None:
        statement = f'SELECT {columns[0]} FROM "current" WHERE {where}{tail}'
    else:
        # The planner does not merge the two indexes' orders by itself: each part stops at what the whole can need.
        part = f"{order} LIMIT %(limit)s + %(offset)s"
        ended = f"{where} AND run_from <= %(sequence)s AND run_to > %(sequence)s"
        statement = (
            f'(SELECT {columns[0]} FROM "current" WHERE {where} AND run_from <= %(sequence)s{part}) UNION ALL'
            f" (SELECT {columns[1]} FROM history WHERE {ended}{part}){tail}"
        )
    return _decoded(_cursor(conn).execute(statement, values).fetchall())


def versions(conn: sa.Connection, stream: int, keys: Sequence[str], sequence: int) -> dict[str, RecordRow]:
    found = _cursor(conn).execute(
        f'SELECT {_NEWEST} FROM "current" WHERE stream = {stream} AND {_GIVEN} AND run_from <= %(sequence)s'
        f" UNION ALL SELECT {_PAST} FROM history"
        f" WHERE stream = {stream} AND {_GIVEN} AND run_from <= %(sequence)s AND run_to > %(sequence)s",
        {"keys": _bytes(keys), "sequence": sequence},
    )
    return {row[0]: row for row in map(RecordRow._make, _decoded(found.fetchall()))}


def changed_keys(conn: sa.Connection, stream: int, run: int, after: str | None, limit: int) -> list[str]:
    found = _cursor(conn).execute(
        "SELECT record_key FROM changes WHERE stream = %(stream)s AND run = %(run)s"
        + ("" if after is None else " AND record_key > %(after)s")
        + " ORDER BY record_key LIMIT %(limit)s",
        {"stream": stream, "run": run, "after": None if after is None else after.encode(), "limit": limit},
    )
    return [key.decode() for (key,) in found.fetchall()]
