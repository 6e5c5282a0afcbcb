"""A thread that calls functions again and again: heartbeat, takeover, schedule scan, reconciler, outbox flush.

A function that fails is logged and called again later, with a growing pause; it never stops the others. The functions
of one ticker run one after another, so one that may take long, or must never wait, gets a ticker of its own.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.errors import HoldfastError

__all__ = ["Ticker"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    name: str
    function: Callable[[], object]
    interval_s: float
    slowest_s: float
    due: float
    failures: int = 0


class Ticker:
    """Register with `every`, then `start`; functions may be added while it runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: list[_Entry] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def every(
        self,
        interval_s: float,
        function: Callable[[], object],
        *,
        name: str,
        first_after_s: float = 0.0,
        slowest_s: float = 60.0,
    ) -> None:
        """Call `function` every `interval_s`, counted from the end of a call.

        After a failure the pause doubles each time, up to `slowest_s` or the interval, whichever is longer.
        """
        due = time.monotonic() + first_after_s
        with self._changed:
            self._entries.append(_Entry(name, function, interval_s, max(slowest_s, interval_s), due))
            self._changed.notify()

    def wake(self, name: str) -> None:
        """Call the function of that name now instead of when it is due; for news that should not wait."""
        with self._changed:
            for entry in self._entries:
                if entry.name == name:
                    entry.due = 0.0
            self._changed.notify()

    def start(self) -> None:
        """Start the thread. A ticker starts once."""
        if self._thread is not None:
            raise RuntimeError(f"ticker {self.name} was started before")
        self._thread = threading.Thread(target=self._run, name=f"holdfast-{self.name}", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """End the thread after the call that is under way; says whether it ended within `timeout_s`."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            _log.warning("%s: still busy after %.0f s", self.name, timeout_s)
            return False
        return True

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            self._call(entry)

    def _next(self) -> _Entry | None:
        """Wait for the entry that is due first; None once the ticker was stopped."""
        with self._changed:
            while not self._stopped:
                entry = min(self._entries, key=lambda entry: entry.due, default=None)
                wait_s = None if entry is None else entry.due - time.monotonic()
                if entry is not None and wait_s is not None and wait_s <= 0:
                    # Far in the future while it runs, so that a wake() meanwhile counts for one more call.
                    entry.due = float("inf")
                    return entry
                self._changed.wait(None if wait_s is None else min(wait_s, threading.TIMEOUT_MAX))
            return None

    def _call(self, entry: _Entry) -> None:
        try:
            entry.function()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is logged and the others go on
            entry.failures += 1
            pause_s = min(entry.interval_s * 2 ** min(entry.failures, 30), entry.slowest_s)
            known = isinstance(error, HoldfastError)
            if entry.failures & (entry.failures - 1) == 0:  # the 1st, 2nd, 4th, 8th time: an outage is no flood
                _log.warning("%s failed, next try in %.1f s: %s", entry.name, pause_s, error, exc_info=not known)
        else:
            if entry.failures:
                _log.warning("%s works again after %d failures", entry.name, entry.failures)
            entry.failures = 0
            pause_s = entry.interval_s
        with self._changed:
            entry.due = min(entry.due, time.monotonic() + pause_s)
