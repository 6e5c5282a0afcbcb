from datetime import UTC, datetime, timedelta

import pytest

from holdfast.definitions.cursors import earlier, not_later
from holdfast.errors import DefinitionError

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("cursor", "an_hour_earlier"),
    [
        ("2024-03-01T00:30:00Z", "2024-02-29T23:30:00Z"),
        ("2024-03-01T00:30:00.123Z", "2024-02-29T23:30:00.123Z"),
        ("1700003600.000100", "1700000000.000100"),
        ("2024-03-01T00:30:00.000Z", "2024-02-29T23:30:00.000Z"),
        ("2024-03-01T00:30:00.123456+02:00", "2024-02-29T23:30:00.123456+02:00"),
        ("2024-03-01 00:30:00", "2024-02-29 23:30:00"),
        ("2024-03-01T00:30:00+00:00", "2024-02-29T23:30:00+00:00"),
        ("2024-03-01", "2024-02-29"),
        ("1709294400", "1709290800"),
        ("1709294400500", "1709290800500"),
        ("1709294400500999", "1709290800500999"),
        ("Fri, 01 Mar 2024 00:30:00 GMT", "Thu, 29 Feb 2024 23:30:00 GMT"),
    ],
)
def test_a_time_goes_back_in_its_own_spelling(cursor: str, an_hour_earlier: str) -> None:
    assert earlier(cursor, HOUR) == an_hour_earlier


def test_less_than_a_second_still_goes_back_by_one() -> None:
    assert earlier("1709294400", timedelta(milliseconds=1)) == "1709294399"


def test_without_an_overlap_any_cursor_stays_as_it_is() -> None:
    assert earlier("s72594_4483_1934", timedelta(0)) == "s72594_4483_1934"


@pytest.mark.parametrize("cursor", ["42", "s72594_4483_1934", "123-abc", "0000-01-01"])
def test_a_cursor_that_is_no_time_cannot_go_back(cursor: str) -> None:
    with pytest.raises(DefinitionError, match="no time to go back from"):
        earlier(cursor, HOUR)


MOMENT = datetime(2026, 11, 24, 12, 0, 0, 987654, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cursor", "held"),
    [
        ("2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z"),
        ("2026-11-24T12:00:01Z", "2026-11-24T12:00:00Z"),
        ("2099-01-01T00:00:00.123Z", "2026-11-24T12:00:00.987Z"),
        ("2026-11-24T13:00:00+02:00", "2026-11-24T13:00:00+02:00"),
        ("2026-11-24T15:00:00+02:00", "2026-11-24T14:00:00+02:00"),
        ("2026-11-24 12:00:05", "2026-11-24 12:00:00"),
        ("2026-11-24T12:00:00.987655+00:00", "2026-11-24T12:00:00.987654+00:00"),
        ("2026-11-24", "2026-11-24"),
        ("2026-11-25", "2026-11-24"),
        ("Tue, 24 Nov 2026 13:00:00 GMT", "Tue, 24 Nov 2026 12:00:00 GMT"),
        ("Tue, 24 Nov 2026 11:00:00 GMT", "Tue, 24 Nov 2026 11:00:00 GMT"),
        ("1795521600", "1795521600"),
        ("1795521601", "1795521600"),
        ("1795521601000", "1795521600987"),
        ("1795521601000000", "1795521600987654"),
        ("1795521600.987654", "1795521600.987654"),
        ("1795521601.000001", "1795521600.987654"),
        ("1795521601.5", "1795521600.9"),
        ("4000000000", "4000000000"),
        ("17", "17"),
        ("abc", "abc"),
        ("5f3c-99", "5f3c-99"),
        ("", ""),
    ],
)
def test_a_cursor_is_held_at_a_moment_where_it_is_a_time(cursor: str, held: str) -> None:
    assert not_later(cursor, MOMENT) == held
