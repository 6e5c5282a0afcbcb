"""When an instance is due, and that looking for those that are stays quick with many of them."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalog import customers, definitions, schedules, vendors
from holdfast.catalog.database import Database
from holdfast.catalog.schema import instances
from holdfast.errors import InputError
from holdfast.operations.schedule import OFF, Schedule, next_due, parse

_MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
_PERIODS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}


@pytest.mark.parametrize("text", ["off", "hourly", "daily", "weekly"])
def test_plain_schedules(text: str) -> None:
    assert parse(text) == Schedule(text)  # type: ignore[arg-type]
    assert parse(text).text == text


def test_a_cron_expression_has_a_time_zone() -> None:
    assert parse("0  3 * * *", "Europe/Berlin") == Schedule("cron", "0 3 * * *", "Europe/Berlin")
    assert parse("0 3 * * *") == Schedule("cron", "0 3 * * *", "UTC")


@pytest.mark.parametrize("text", ["", "sometimes", "* * * *", "* * * * * *", "60 * * * *", "0 0 31 2 *", "@daily"])
def test_what_is_no_schedule_is_told(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert caught.value.field == "schedule"


def test_off_is_never_due() -> None:
    assert next_due(OFF, 1, _MONDAY) is None


@pytest.mark.parametrize("frequency", _PERIODS)
@given(instance=st.integers(1, 2**53), seconds=st.integers(0, 10**7))
def test_every_period_has_just_one_due_time(frequency: str, instance: int, seconds: int) -> None:
    schedule, period = Schedule(frequency), _PERIODS[frequency]  # type: ignore[arg-type]
    after = _MONDAY + timedelta(seconds=seconds)
    due = next_due(schedule, instance, after)
    assert due is not None
    assert after < due <= after + period
    assert next_due(schedule, instance, due) == due + period


def test_a_fleet_spreads_over_the_whole_period() -> None:
    hours: Counter[int] = Counter()
    for instance in range(24_000):
        due = next_due(Schedule("daily"), instance, _MONDAY)
        assert due is not None
        hours[due.hour] += 1
    assert set(hours) == set(range(24))
    assert max(hours.values()) < 1.2 * min(hours.values())


def test_cron_is_due_when_it_says_and_up_to_a_minute_later() -> None:
    schedule = Schedule("cron", "30 3 * * *", "Europe/Berlin")
    for instance in range(100):
        due = next_due(schedule, instance, _MONDAY)
        assert due is not None
        said = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)
        assert said <= due < said + timedelta(minutes=1)
        again = next_due(schedule, instance, due)
        assert again == due + timedelta(days=1)


def test_cron_keeps_to_the_clock_on_the_wall() -> None:
    schedule = Schedule("cron", "0 9 * * *", "Europe/Berlin")
    before, after = datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)
    summer, winter = next_due(schedule, 1, after), next_due(schedule, 1, before)
    assert summer is not None
    assert winter is not None
    assert (winter.hour, summer.hour) == (8, 7)


def test_a_scan_of_100_000_instances_takes_less_than_50_ms(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/catalog.db")
    database.migrate()
    with database.write() as connection:
        vendor = vendors.create(connection, "v", None, "client")
        customer = customers.create(connection, vendor.id, "c", None)
        definition = definitions.create(connection, vendor.id, "d", "", False)
        connection.execute(
            sa.insert(instances),
            [
                {"id": number, "customer_id": customer.id, "definition_id": definition.id, "frequency": "daily",
                 "next_due_at": _MONDAY + timedelta(seconds=number), "created_at": _MONDAY}
                for number in range(1, 100_001)
            ],
        )  # fmt: skip
    times = []
    for _ in range(5):
        with database.read() as connection:
            begun = time.thread_time()
            found = schedules.due(connection, _MONDAY + timedelta(seconds=40_000), 100)
            times.append(time.thread_time() - begun)
        assert [one.instance_id for one in found] == list(range(1, 101))
    assert min(times) < 0.05
    database.close()
