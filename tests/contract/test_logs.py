"""What happened to an instance, day by day."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from holdfast.catalog import logs
from holdfast.clock import now
from tests.contract.client import Client, Service


def _path(instance: int) -> str:
    return f"/v1/backup_instances/{instance}/logs"


@pytest.fixture
def busy(service: Service, vendor: Client) -> int:
    """An instance with 250 entries on one day of the past, many at the same moment."""
    instance = vendor.new_instance()
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with service.services.database.write() as connection:
        entries = [(noon + timedelta(seconds=number // 60), "info", f"entry {number}", {}) for number in range(250)]
        logs.add(connection, instance, entries)
    return instance


def test_today_is_the_default(vendor: Client) -> None:
    instance = vendor.new_instance()
    today = None
    while today != now().date():  # once more where midnight comes in between
        today = now().date()
        vendor.back_up(instance)
        page = vendor.get(_path(instance)).body
    assert set(page) == {"entries", "scroll_id"}
    assert page["entries"]
    assert page == vendor.get(f"{_path(instance)}?date={today}").body
    last = page["entries"][-1]
    assert set(last) == {"time", "level", "message", "fields"}
    assert "no document" in last["message"]


def test_scrolling_shows_every_entry_of_the_day_once(vendor: Client, busy: int) -> None:
    page = vendor.get(_path(busy) + "?date=2026-03-01").body
    seen: list[str] = []
    while page["entries"]:
        seen += [entry["message"] for entry in page["entries"]]
        assert quote(page["scroll_id"], safe="") == page["scroll_id"]
        page = vendor.get(f"{_path(busy)}/{page['scroll_id']}").body
    assert seen == [f"entry {number}" for number in range(250)]
    assert vendor.get(f"{_path(busy)}/{page['scroll_id']}").body == page


def test_other_days_have_other_entries(vendor: Client, busy: int) -> None:
    assert vendor.get(_path(busy) + "?date=2026-03-02").body["entries"] == []
    assert vendor.get(_path(busy) + "?date=9999-12-31").body["entries"] == []
    assert vendor.get(_path(busy) + "?date=0001-01-01").body["entries"] == []


def test_a_scroll_goes_on_with_entries_that_come_later(service: Service, vendor: Client) -> None:
    instance = vendor.new_instance()
    page = vendor.get(_path(instance)).body
    assert page["entries"] == []
    with service.services.database.write() as connection:
        logs.write(connection, instance, "info", "later")
    assert [one["message"] for one in vendor.get(f"{_path(instance)}/{page['scroll_id']}").body["entries"]] == ["later"]


@pytest.mark.parametrize(
    "date", ["", "yesterday", "2026-13-01", "2026-02-30", "20260301", "2026-3-1", "2026-03-01T00:00"]
)
def test_a_bad_date_is_400(vendor: Client, date: str) -> None:
    assert vendor.get(f"{_path(vendor.new_instance())}?date={date}").problem() == ("date", "invalid")


@pytest.mark.parametrize(
    "scroll_id", ["x", "!", "MjAyNg", "bm8gbm8gbm8", "%FF", "MjAyNi0wMy0wMSA5OTk5OTk5OTk5OTk5OTk5OTk5IDE"]
)
def test_a_bad_scroll_id_is_400(vendor: Client, scroll_id: str) -> None:
    assert vendor.get(f"{_path(vendor.new_instance())}/{scroll_id}").problem()[0] == "scroll_id"


def test_an_unknown_instance_is_404(vendor: Client, other: Client) -> None:
    foreign = other.new_instance()
    scroll_id = other.get(_path(foreign)).body["scroll_id"]
    assert vendor.get(_path(foreign)).status == 404
    assert vendor.get(f"{_path(foreign)}/{scroll_id}").status == 404
