from datetime import timedelta

import pytest

from holdfast.definitions.durations import format_duration, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_read_and_written_back(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration
    assert parse_duration(format_duration(duration)) == duration


def test_weeks_and_spaces_are_read() -> None:
    assert parse_duration(" 2 w ") == timedelta(days=14)


@pytest.mark.parametrize("text", ["", "1", "h", "1.5h", "-1h", "1 hour", "1h30m", "999999999w"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|too long"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("65536", 65536), ("500kB", 500_000), ("64 MiB", 64 * 1024**2), ("1GB", 10**9)]
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5MB", "64 megabytes"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)
