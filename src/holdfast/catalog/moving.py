"""Copies a whole catalog from SQLite into an empty one on PostgreSQL, table by table, and proves that it is the same.

All in one transaction of each: what is broken off has not happened. Rows go in by COPY, 10,000 at a time.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from holdfast.catalog.columns import RecordKey
from holdfast.catalog.schema import leases, locks, metadata, queue_turns, source_limits
from holdfast.errors import CatalogError

_HELD = {leases.name, locks.name, source_limits.name, queue_turns.name}
"""Who holds what right now, which nobody does any more."""
_ROWS = 10_000
_MASK = 2**64 - 1

Told = Callable[[str, int], None]
"""Called with a table and the number of further rows that were copied or proved."""


def tables() -> list[sa.Table]:
    """Those that are copied, each behind what it refers to."""
    return [table for table in metadata.sorted_tables if table.name not in _HELD]


def count_rows(conn: sa.Connection) -> dict[str, int]:
    """The rows of each table that would be copied."""
    return {
        table.name: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables()
    }  # fmt: skip


def copy(source: sa.Connection, target: sa.Connection, told: Told) -> dict[str, int]:
    """Copy everything, and read it back; answers the rows of each table.

    Raises CatalogError (code `copy_differs`) where what is read back is not what was copied.
    """
    counted = {}
    for table in tables():
        copied = _Sum()
        driver: Any = target.connection.driver_connection
        names = [column.name for column in table.columns]
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
        )
        with driver.cursor() as cursor, cursor.copy(statement) as into:
            for rows in _rows(source, table):
                for row in rows:
                    into.write_row(row)
                copied.add(rows)
                told(table.name, len(rows))
        counted[table.name] = copied.rows
        if read_back(target, table, told) != copied.value:
            raise CatalogError(f"what was copied of {table.name} is not what is there", code="copy_differs")
        _go_on_counting(target, table)
    return counted


def is_same(source: sa.Connection, target: sa.Connection, told: Told) -> bool:
    """Whether an earlier copy has come to its end, and neither has changed since."""
    for table in tables():
        copied = _Sum()
        for rows in _rows(source, table):
            copied.add(rows)
        if read_back(target, table, told) != copied.value:
            return False
    return True


def read_back(target: sa.Connection, table: sa.Table, told: Told) -> tuple[int, int]:
    """Number and sum of a table's rows on PostgreSQL."""
    total = _Sum()
    driver: Any = target.connection.driver_connection
    columns = sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(column.name))
        if isinstance(column.type, sa.JSON)
        else sql.Identifier(column.name)
        for column in table.columns
    )
    with driver.cursor(name="read_back", binary=True) as cursor:
        cursor.itersize = _ROWS
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table.name)))
        while rows := cursor.fetchmany(_ROWS):
            total.add(rows)
            told(table.name, len(rows))
    return total.value


class _Sum:
    """A sum over rows in any order: two tables that have it in common have the same rows."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows += len(rows)
        for row in rows:
            digest = hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).digest()
            self._sum = (self._sum + int.from_bytes(digest)) & _MASK

    @property
    def value(self) -> tuple[int, int]:
        return self.rows, self._sum


def _rows(source: sa.Connection, table: sa.Table) -> Iterator[list[tuple[Any, ...]]]:
    """As PostgreSQL keeps them, without SQLAlchemy's types between: they would only be undone again."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    driver: Any = source.connection.driver_connection
    cursor = driver.cursor()
    cursor.execute(f'SELECT {names} FROM "{table.name}"')
    change = {
        place: convert
        for place, column in enumerate(table.columns)
        if (convert := _CONVERT.get(type(column.type))) is not None
    }
    while rows := cursor.fetchmany(_ROWS):
        yield [_changed(row, change) for row in rows] if change else rows
    cursor.close()


_CONVERT: dict[type, Callable[[Any], Any]] = {RecordKey: str.encode, sa.Boolean: bool}


def _changed(row: tuple[Any, ...], change: Mapping[int, Callable[[Any], Any]]) -> tuple[Any, ...]:
    return tuple(
        change[place](value) if value is not None and place in change else value for place, value in enumerate(row)
    )


def _go_on_counting(target: sa.Connection, table: sa.Table) -> None:
    """Let the numbers that the database gives out begin behind those that were copied."""
    column = table.autoincrement_column
    if column is None:
        return
    newest = target.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one()
    sequence = sa.func.pg_get_serial_sequence(f'"{table.name}"', column.name)
    if newest and target.execute(sa.select(sequence)).scalar_one() is not None:
        target.execute(sa.select(sa.func.setval(sequence, newest)))
