"""When a failed request is sent again, and after how long."""

from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict

from holdfast.definitions.document import Retry
from holdfast.sources.retrying import Patience, asked_at, declared_wait, is_throttled, seconds_until

_NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def test_waits_double_with_jitter_up_to_the_longest() -> None:
    patience = Patience(Retry(attempts=7, first_wait=timedelta(seconds=1), longest_wait=timedelta(seconds=10)))
    waits = [patience.next_wait() for _ in range(7)]
    assert waits[-1] is None
    for wait, full in zip(waits[:-1], [1, 2, 4, 8, 10, 10], strict=True):
        assert wait is not None
        assert full / 2 <= wait <= full


def test_many_attempts_do_not_overflow() -> None:
    patience = Patience(Retry(attempts=10_000), attempts=5_000)
    assert (patience.next_wait() or 0) <= 60


def test_a_caller_may_want_fewer_attempts() -> None:
    patience = Patience(Retry(attempts=6), most=2)
    assert patience.next_wait() is not None
    assert patience.next_wait() is None


def test_a_declared_wait_is_kept_and_does_not_end_with_the_attempts() -> None:
    patience = Patience(Retry(attempts=2))
    for _ in range(30):
        assert 30.0 <= (patience.next_wait(30.0) or 0) <= 61.0


def test_a_declared_wait_of_nothing_is_believed_for_a_while_only() -> None:
    patience = Patience(Retry(first_wait=timedelta(seconds=1)))
    assert [patience.next_wait(0.0) for _ in range(5)] == [0.0] * 5
    assert 0.5 <= (patience.next_wait(0.0) or 0) <= 1.1
    assert None in [patience.next_wait(0.0) for _ in range(94)]


def test_a_declared_wait_beyond_an_hour_is_given_up_at_once() -> None:
    assert Patience(Retry()).next_wait(3601.0) is None
    patience = Patience(Retry())
    assert patience.next_wait(2000.0) is not None
    assert patience.next_wait(2000.0) is None


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
        "Mon, 01 Jan 0100 00:00:00 GMT",
    ],
)
def test_a_date_beyond_all_calendars_is_none(text: str) -> None:
    moment = _NOW
    assert asked_at({"Date": text}, moment, timedelta(seconds=1)) <= moment
    declared_wait({"Retry-After": text}, moment)
    assert seconds_until("0001-01-01T00:00:00+23:59", "time", {}, moment) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "Tue, 24 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Tue, 24 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "Tue, 24 Nov 2026 15:00:30 GMT", "Date": "Tue, 24 Nov 2026 15:00:00 GMT"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795521660"}, 60.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "45"}, 45.0),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "45"}, 45.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1795521660000"}, 60.0),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "45"}, None),
        ({"X-RateLimit-Remaining": "0"}, None),
    ],
)
def test_declared_wait(headers: dict[str, str], expected: float | None) -> None:
    assert declared_wait(CIMultiDict(headers), _NOW) == expected


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {}, True),
        (403, {}, False),
        (403, {"Retry-After": "60"}, True),
        (403, {"X-RateLimit-Remaining": "0"}, True),
        (403, {"X-RateLimit-Remaining": "10"}, False),
        (503, {"Retry-After": "60"}, True),
        (503, {}, False),
        (404, {"Retry-After": "60"}, False),
    ],
)
def test_is_throttled(status: int, headers: dict[str, str], expected: bool) -> None:
    assert is_throttled(status, CIMultiDict(headers)) is expected
