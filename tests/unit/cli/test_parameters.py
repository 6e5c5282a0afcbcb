from datetime import UTC, datetime

import pytest

from holdfast.cli.parameters import parse_time
from holdfast.errors import InputError


def test_a_time_without_a_zone_is_local() -> None:
    assert parse_time("2026-11-24T08:30") == datetime(2026, 11, 24, 8, 30).astimezone()
    assert parse_time("2026-11-24") == datetime(2026, 11, 24).astimezone()
    assert parse_time("2026-11-24T08:30:00Z") == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    assert parse_time("2026-11-24T08:30+02:00") == datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    assert parse_time(None) is None


@pytest.mark.parametrize("text", ["noon", "", "2026-13-01", "0001-01-01"])
def test_what_is_no_time_is_an_error_with_an_example(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_time(text)
    assert "2026-11-24T08:30" in str(caught.value.hint)
