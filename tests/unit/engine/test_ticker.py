import logging
import threading
from collections.abc import Callable

import pytest

from holdfast.engine import Ticker
from holdfast.errors import CatalogBusy


def counted(until: int, effect: Callable[[int], None] = lambda _: None) -> tuple[Callable[[], None], threading.Event]:
    """A function that has `effect` with its call's number, and an event that is set at call number `until`."""
    calls, reached = 0, threading.Event()

    def function() -> None:
        nonlocal calls
        calls += 1
        if calls >= until:
            reached.set()
        effect(calls)

    return function, reached


def test_functions_are_called_again_and_again() -> None:
    ticker = Ticker("test")
    often, reached = counted(3)
    ticker.every(0.01, often, name="often")
    ticker.start()
    assert reached.wait(60)
    assert ticker.stop()


def test_a_function_that_fails_is_called_again_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail_twice(call: int) -> None:
        if call == 1:
            raise CatalogBusy("the catalog is busy")
        if call == 2:
            raise ZeroDivisionError

    ticker = Ticker("test")
    failing, failed = counted(4, fail_twice)
    other, reached = counted(3)
    ticker.every(0.01, failing, name="reconciler")
    ticker.every(0.01, other, name="outbox")
    with caplog.at_level(logging.WARNING):
        ticker.start()
        assert failed.wait(60) and reached.wait(60)
        assert ticker.stop()
    busy, broken, again = caplog.records
    assert "reconciler failed" in busy.getMessage() and "the catalog is busy" in busy.getMessage()
    assert not busy.exc_info, "an error of ours needs no traceback"
    assert broken.exc_info
    assert "works again after 2 failures" in again.getMessage()


def test_the_pause_grows_with_each_failure_up_to_its_limit(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: int) -> None:
        raise CatalogBusy("busy")

    ticker = Ticker("test")
    failing, failed = counted(5, fail)
    ticker.every(0.01, failing, name="scan", slowest_s=0.1)
    with caplog.at_level(logging.WARNING):
        ticker.start()
        assert failed.wait(60)
        ticker.stop()
    pauses = [record.args[1] for record in caplog.records if isinstance(record.args, tuple)]
    assert pauses == pytest.approx([0.02, 0.04, 0.1]), "logged are the first, second and fourth failure"


def test_wake_calls_at_once_what_is_due_later() -> None:
    ticker = Ticker("test")
    late, reached = counted(1)
    ticker.every(3600, late, name="late", first_after_s=3600)
    ticker.start()
    ticker.wake("late")
    assert reached.wait(60)
    ticker.stop()


def test_wake_during_a_call_means_one_more() -> None:
    ticker = Ticker("test")
    function, reached = counted(2, lambda call: ticker.wake("late") if call == 1 else None)
    ticker.every(3600, function, name="late")
    ticker.start()
    assert reached.wait(60)
    ticker.stop()


def test_stop_waits_for_the_call_that_is_under_way() -> None:
    begun, release = threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        release.wait(60)

    ticker = Ticker("test")
    ticker.every(0.01, long, name="long")
    ticker.start()
    assert begun.wait(60)
    assert not ticker.stop(timeout_s=0.01)
    release.set()
    assert ticker.stop()


def test_a_ticker_without_functions_stops_at_once() -> None:
    ticker = Ticker("test")
    assert ticker.stop()
    idle = Ticker("idle")
    idle.start()
    assert idle.stop()
