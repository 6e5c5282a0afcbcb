"""How fast and how many at once a source is asked: requests in any period, concurrency, and pauses the source demands.
Shared by everything that one `Source` sends. Whether a request is repeated is `retrying`'s matter.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from holdfast.definitions.document import Limits

__all__ = ["Throttle"]

_LONGEST_LOG = 10_000
"""Times remembered: 10,000 floats cost 0.3 MB. A greater limit is split into shorter periods, which is stricter."""


class Throttle:
    """Lets requests through so that no period of `per` sees more than `requests`, wherever it begins.

    A bucket that refills while it is emptied would let twice as many through in its first period.
    """

    def __init__(
        self, limits: Limits, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """`clock` gives seconds that never go back; `sleep` waits for seconds."""
        self._clock = clock
        self._sleep = sleep
        self._semaphore = asyncio.Semaphore(limits.concurrency)
        self._paused_until = 0.0
        self._period_s = 0.0
        self._sent: deque[float] | None = None
        if limits.requests is not None:
            pieces = -(-limits.requests // _LONGEST_LOG)
            self._sent = deque(maxlen=max(1, limits.requests // pieces))
            self._period_s = limits.per.total_seconds() / pieces
        self.waited_s = 0.0
        """Seconds that requests have waited for the limits and pauses, summed."""

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for leave to send one request; keeps a place among the concurrent ones until left."""
        async with self._semaphore:
            await self.turn()
            yield

    async def turn(self) -> None:
        """Wait for leave to send one more request within a slot."""
        while True:
            now = self._clock()
            at = self._reserve(now)
            if at <= now:
                return
            self.waited_s += at - now
            await self._sleep(at - now)
            if self._paused_until <= self._clock():
                return
            # Paused meanwhile: the reserved time is given up, which errs on the side of fewer requests.

    def pause(self, seconds: float) -> None:
        """Send nothing for so long: the source has asked for it."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _reserve(self, now: float) -> float:
        at = max(now, self._paused_until)
        sent = self._sent
        if sent is None:
            return at
        if sent:
            at = max(at, sent[-1])
            if len(sent) == sent.maxlen:
                at = max(at, sent[0] + self._period_s)
        sent.append(at)
        return at
