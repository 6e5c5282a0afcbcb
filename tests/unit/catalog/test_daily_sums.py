from datetime import UTC, datetime

from holdfast.catalog import daily_sums
from holdfast.catalog.daily_sums import DailySum, day_of
from tests.unit.catalog.world import World


def test_a_days_backups_add_up(world: World) -> None:
    for day, deleted, changed in ((10, 1, 2), (11, 0, 0), (10, 3, 4), (12, 5, 6)):
        daily_sums.add(world.conn, world.stream, day, deleted=deleted, changed=changed)
    everything = [DailySum(10, 4, 6), DailySum(11, 0, 0), DailySum(12, 5, 6)]
    assert daily_sums.newest(world.conn, world.stream, 100) == everything
    assert daily_sums.newest(world.conn, world.stream, 2) == everything[1:]


def test_days_are_those_of_utc() -> None:
    assert day_of(datetime(1970, 1, 1, 23, 59, tzinfo=UTC)) == 0
    assert day_of(datetime(2026, 11, 24, tzinfo=UTC)) == 20_781
