"""Counts failed attempts by whoever makes them, and says when there have been too many. In this process's memory."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_KEYS_AT_MOST = 10_000
"""Beyond that the ones that failed longest ago are forgotten: memory stays bounded whatever is sent."""


@dataclass(frozen=True)
class Limit:
    """At most so many failures in so many seconds."""

    failures: int
    window_s: float


class Attempts:
    """Failures by key. Thread-safe."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, limits: Iterable[tuple[str, Limit]]) -> float:
        """Seconds until the next attempt is allowed under all of these (key, limit); 0: now."""
        now = self._clock()
        longest = 0.0
        with self._lock:
            for key, limit in limits:
                times = self._failures.get(key)
                if times is not None and len(times) >= limit.failures:
                    longest = max(longest, times[-limit.failures] + limit.window_s - now)
        return longest

    def failed(self, limits: Iterable[tuple[str, Limit]]) -> None:
        """Note one failure under each of these keys."""
        now = self._clock()
        with self._lock:
            for key, limit in limits:
                times = self._failures.pop(key, None)
                if times is None or times.maxlen != limit.failures:
                    times = deque(times or (), maxlen=limit.failures)
                times.append(now)
                self._failures[key] = times
            while len(self._failures) > _KEYS_AT_MOST:
                self._failures.popitem(last=False)

    def succeeded(self, keys: Iterable[str]) -> None:
        """Forget the failures under these keys."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
