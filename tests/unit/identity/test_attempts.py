"""Too many failures have to wait, each key by itself, and memory stays bounded."""

from holdfast.identity.attempts import Attempts, Limit

_LIMIT = Limit(3, 60.0)


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _fail(attempts: Attempts, key: str, times: int) -> None:
    for _ in range(times):
        attempts.failed([(key, _LIMIT)])


def test_some_failures_are_free() -> None:
    attempts = Attempts(clock=_Clock())
    _fail(attempts, "a", 2)
    assert attempts.wait_s([("a", _LIMIT)]) == 0


def test_too_many_have_to_wait_until_the_window_has_passed() -> None:
    clock = _Clock()
    attempts = Attempts(clock=clock)
    _fail(attempts, "a", 3)
    assert attempts.wait_s([("a", _LIMIT)]) == 60
    clock.now = 59
    assert attempts.wait_s([("a", _LIMIT)]) == 1
    clock.now = 60
    assert attempts.wait_s([("a", _LIMIT)]) == 0


def test_keys_do_not_touch_each_other_and_the_longest_wait_counts() -> None:
    clock = _Clock()
    attempts = Attempts(clock=clock)
    _fail(attempts, "a", 3)
    clock.now = 10
    _fail(attempts, "b", 3)
    assert attempts.wait_s([("c", _LIMIT)]) == 0
    assert attempts.wait_s([("a", _LIMIT), ("b", _LIMIT)]) == 60


def test_success_forgets_the_failures() -> None:
    attempts = Attempts(clock=_Clock())
    _fail(attempts, "a", 3)
    attempts.succeeded(["a"])
    assert attempts.wait_s([("a", _LIMIT)]) == 0


def test_the_oldest_keys_are_forgotten_when_there_are_too_many() -> None:
    attempts = Attempts(clock=_Clock())
    _fail(attempts, "first", 3)
    for number in range(10_000):
        attempts.failed([(str(number), _LIMIT)])
    assert attempts.wait_s([("first", _LIMIT)]) == 0
