"""What a `next` link leads to, in one statement: whose it is, which state, and the records. PostgreSQL only.

There every statement is an exchange with another process, which waits for its turn where the machine is busy: a page
that took eight of them takes one. On SQLite a statement is a function call, and the way step by step costs less.
"""

from functools import cache
from typing import Any

import sqlalchemy as sa

from holdfast.catalog import readings
from holdfast.catalog.readings import Reading
from holdfast.catalog.rows import RecordRow
from holdfast.catalog.schema import PARTITIONS

_FIRST_OF_ROW = len(Reading._fields)


def partition(conn: sa.Connection, stream: int) -> int:
    """Which hash partition a stream's rows are in."""
    query = (
        "SELECT part FROM generate_series(0, %(parts)s - 1) AS part"
        """ WHERE satisfies_hash_partition('"current"'::regclass, %(parts)s, part, %(stream)s::bigint)"""
    )
    driver: Any = conn.connection.driver_connection
    (found,) = driver.execute(query, {"parts": PARTITIONS, "stream": stream}).fetchone()
    return int(found)


def read(
    conn: sa.Connection, part: int, instance_id: int, endpoint: str, *, run_id: int, after: str, limit: int
) -> tuple[Reading, list[RecordRow]] | None:
    """What `readings.find` and `records.page` would say one after the other, at one moment.

    Only where the stream is in this partition, and the run has left its counts or is the newest: the caller looks at
    the reading, and forgets the rows where it is not so. None where there is no such instance.
    """
    cursor = conn.connection.driver_connection.cursor(binary=True)  # type: ignore[union-attr] # it is psycopg's
    given = {"instance": instance_id, "endpoint": endpoint, "run_id": run_id, "after": after.encode(), "limit": limit}
    found = cursor.execute(statement(part), given).fetchall()
    if not found:
        return None
    reading = Reading._make(found[0][:_FIRST_OF_ROW])
    if found[0][_FIRST_OF_ROW] is None:  # the one row of a page without records
        return reading, []
    return reading, [RecordRow(row[_FIRST_OF_ROW].decode(), *row[_FIRST_OF_ROW + 1 :]) for row in found]


@cache
def statement(part: int) -> str:
    """The partitions stand in the text, and the stream does not: so there are 64 statements in all, prepared once for a
    connection, and none of them looks at partitions where the stream is not."""
    where = (
        "stream = r.stream AND record_key > %(after)s"
        " AND record_key >= r.low AND record_key <= r.high AND run_from <= r.sequence"
    )
    tail = "ORDER BY record_key LIMIT %(limit)s"
    row = ", ".join(RecordRow._fields)
    newest = row.replace("run_to", "NULL::int4 AS run_to")
    past = f"{where} AND run_to > r.sequence"
    # A state that is not the newest lies between its first and its last key, which spares it a walk over what was added
    # behind it. No key has the byte FF.
    return (
        f"WITH reading({', '.join(Reading._fields)}) AS MATERIALIZED"
        f" ({readings.statement('postgresql', 'instance', 'endpoint', 'run_id')}),"
        " r AS MATERIALIZED (SELECT reading.*, coalesce(c.first_key, '') AS low, coalesce(c.last_key, '\\xff') AS high"
        " FROM reading LEFT JOIN endpoint_counts AS c ON c.stream = reading.stream AND c.sequence = reading.sequence"
        " AND reading.last_run > reading.sequence)"
        f" SELECT {', '.join(f'r.{name}' for name in Reading._fields)}, {row.replace('run_from', 'page.run_from')}"
        " FROM r LEFT JOIN LATERAL ("
        f"(SELECT {newest} FROM current_{part:02} WHERE {where} {tail}) UNION ALL"
        f" (SELECT {row} FROM history_{part:02} WHERE r.last_run > r.sequence AND {past} {tail})"
        f" {tail}) AS page ON true"
    )
