from datetime import UTC, datetime, timedelta, timezone

import sqlalchemy as sa

from holdfast.catalog.columns import Time, database_now, microseconds
from holdfast.clock import now


def test_times_are_exact_and_come_back_in_utc(conn: sa.Connection) -> None:
    for moment in (datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)):
        assert conn.execute(sa.select(sa.literal(moment, Time))).scalar_one() == moment
    elsewhere = datetime(2026, 11, 24, 6, tzinfo=timezone(timedelta(hours=2)))
    found = conn.execute(sa.select(sa.literal(elsewhere, Time))).scalar_one()
    assert (found, found.tzinfo) == (elsewhere, UTC)


def test_the_databases_clock_is_ours_here(conn: sa.Connection) -> None:
    difference_us = conn.execute(sa.select(database_now())).scalar_one() - microseconds(now())
    assert abs(difference_us) < 10_000_000
