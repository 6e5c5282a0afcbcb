from datetime import timedelta

import pytest

from holdfast.definitions.cursors import earlier
from holdfast.errors import DefinitionError

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("cursor", "an_hour_earlier"),
    [
        ("2024-03-01T00:30:00Z", "2024-02-29T23:30:00Z"),
        ("2024-03-01T00:30:00.123Z", "2024-02-29T23:30:00.123Z"),
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
