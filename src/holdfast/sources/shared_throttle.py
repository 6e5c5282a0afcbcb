"""The same as `throttle` where several workers read with one credential: places and requests are leased from a ledger.

Requests come in blocks, so that asking costs a few transactions a second and not one for each request. What was leased
is used for so long as it is good and no longer: a frozen worker that wakes up sends nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from holdfast.definitions.document import Limits
from holdfast.errors import HoldfastError
from holdfast.sources.ledger import Ask, Share

__all__ = ["SharedThrottle"]

_RENEW_S = 2.0
_log = logging.getLogger(__name__)


class SharedThrottle:
    """To be opened and closed. `ask` may block: it is called in a thread of its own."""

    def __init__(self, limits: Limits, ask: Callable[[Ask], Share], *, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._ask = ask
        self._clock = clock
        self._share = Share(0, 0.0, 0, 0.0, 0, 0.0, 0.0)
        self._places_until = self._tokens_until = self._paused_until = 0.0
        self._tokens = 0
        self._block = 1
        self._pause_s = 0.0
        self._under_way = 0
        self._waiting = 0
        self._has_begun = False
        self._failure: Exception | None = None
        self._need = asyncio.Event()
        self._news = asyncio.Condition()
        self._keeper: asyncio.Task[None] | None = None
        self._asking: asyncio.Future[Share] | None = None
        self.waited_s = 0.0

    async def open(self) -> None:
        """From within the event loop it is used in."""
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Give everything back."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            if self._asking is not None:
                # Its thread goes on, and what it gets has to be given back too.
                await asyncio.wait([self._asking])
            try:
                await asyncio.to_thread(self._ask, Ask(unused=self._tokens, of=self._share.grant))
            except HoldfastError as error:
                _log.info("what a run had of its source's limits is free again in a few seconds: %s", error)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for leave to send one request; keeps a place among the concurrent ones until left."""
        await self._wait_until(lambda: self._under_way < self._share.places and self._clock() < self._places_until)
        self._under_way += 1
        try:
            await self.turn()
            yield
        finally:
            self._under_way -= 1
            async with self._news:
                self._news.notify_all()

    async def turn(self) -> None:
        """Wait for leave to send one more request within a slot."""
        began = self._clock()
        while True:
            if (left := self._paused_until - self._clock()) > 0:
                await asyncio.sleep(left)
                continue
            if self._limits.requests is None:
                break
            await self._wait_until(lambda: self._tokens > 0 and self._clock() < self._tokens_until)
            self._tokens -= 1
            if self._paused_until <= self._clock():
                break
        self.waited_s += self._clock() - began

    def pause(self, seconds: float) -> None:
        """Nobody who reads with this credential sends anything for so long: the source has asked for it."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        self._pause_s = max(self._pause_s, seconds)
        self._need.set()

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        self._has_begun = True
        if condition():
            return
        self._waiting += 1
        try:
            async with self._news:
                while not condition():
                    if self._failure is not None:
                        raise self._failure
                    self._need.set()
                    await self._news.wait()
        finally:
            self._waiting -= 1

    async def _keep(self) -> None:
        """Ask whenever something is missing, and to keep what there is."""
        while True:
            is_idle = not (self._under_way or self._waiting or self._has_begun)
            # Not `wait_for`: Python 3.11's forgets to be canceled where there is a need at the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_idle and not self._share.places else _RENEW_S):
                    await self._need.wait()
            self._need.clear()
            self._failure = None
            try:
                await self._ask_for(self._wish())
            except Exception as error:  # noqa: BLE001 - whoever waits raises it
                _log.warning("the limits of a source could not be asked for: %s", error)
                self._failure = error
            async with self._news:
                self._news.notify_all()
            if self._failure is not None:
                await asyncio.sleep(_RENEW_S)
            elif self._waiting:
                # Whoever still waits asks again at once, which would only be told the same.
                await asyncio.sleep(0)
                if self._is_short():
                    await asyncio.sleep(min(self._share.again_s, _RENEW_S))

    def _is_short(self) -> bool:
        return self._under_way >= self._share.places or (self._limits.requests is not None and self._tokens == 0)

    def _wish(self) -> Ask:
        is_idle = not (self._under_way or self._waiting or self._has_begun)
        self._has_begun = False
        wants_tokens = self._limits.requests is not None and not is_idle
        is_over = self._clock() >= self._tokens_until
        if wants_tokens and self._share.tokens:
            used = self._share.tokens - self._tokens
            self._block = 2 * self._block if not self._tokens else max(1, used)
        if not self._tokens or is_over or is_idle:
            unused, self._tokens = self._tokens, 0
            tokens = self._block if wants_tokens else 0
        else:
            unused = tokens = 0
        pause_s, self._pause_s = self._pause_s, 0.0
        places = 0 if is_idle else self._limits.concurrency
        return Ask(places, self._under_way, tokens, unused, self._share.grant, pause_s)

    async def _ask_for(self, ask: Ask) -> None:
        moment = self._clock()
        self._asking = asyncio.ensure_future(asyncio.to_thread(self._ask, ask))
        share = await asyncio.shield(self._asking)
        if ask.tokens:
            self._tokens, self._tokens_until = share.tokens, moment + share.tokens_s
        else:
            share = Share(
                share.places, share.places_s, self._share.tokens, share.tokens_s, self._share.grant, share.again_s,
                share.paused_s,
            )  # fmt: skip
        self._places_until = moment + share.places_s
        self._paused_until = max(self._paused_until, self._clock() + share.paused_s)
        self._share = share
