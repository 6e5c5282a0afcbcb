"""The keeper of what a run has been given: it ends when it is told to, and takes nothing after giving all back."""

import asyncio
import threading
import time

import pytest

from holdfast.definitions.document import Limits
from holdfast.sources.ledger import Ask, Share
from holdfast.sources.shared_throttle import SharedThrottle

PATIENCE_S = 60.0


def _granted(ask: Ask) -> Share:
    return Share(ask.places, PATIENCE_S, 0, 0.0, 0, 0.5, 0.0)


@pytest.mark.parametrize("steps", range(8))
async def test_it_closes_also_when_it_is_just_about_to_ask(steps: int) -> None:
    throttle = SharedThrottle(Limits(concurrency=2), _granted, clock=time.monotonic)
    await throttle.open()
    async with throttle.slot():
        pass
    for _ in range(10):
        await asyncio.sleep(0)
    throttle.pause(0.0)  # something to ask for
    for _ in range(steps):
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await throttle.close()


async def test_what_it_was_asking_for_is_given_back_too() -> None:
    done: list[int] = []
    asking, answered = threading.Event(), threading.Event()

    def ask(wish: Ask) -> Share:
        if wish.places:
            asking.set()
            assert answered.wait(PATIENCE_S)
        done.append(wish.places)
        return _granted(wish)

    async def read() -> None:
        async with throttle.slot():
            pass

    throttle = SharedThrottle(Limits(concurrency=2), ask, clock=time.monotonic)
    await throttle.open()
    reading = asyncio.create_task(read())
    assert await asyncio.to_thread(asking.wait, PATIENCE_S)
    reading.cancel()
    asyncio.get_running_loop().call_later(0.05, answered.set)
    await throttle.close()
    assert done == [2, 0]


async def test_whoever_waits_is_told_of_a_defect_too() -> None:
    def ask(wish: Ask) -> Share:
        if wish.places:
            raise ZeroDivisionError
        return _granted(wish)

    throttle = SharedThrottle(Limits(concurrency=2), ask, clock=time.monotonic)
    await throttle.open()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ZeroDivisionError):
            async with throttle.slot():
                pass
    await throttle.close()


async def test_requests_are_leased_in_blocks() -> None:
    asks: list[Ask] = []

    def ask(wish: Ask) -> Share:
        asks.append(wish)
        return Share(wish.places, PATIENCE_S, wish.tokens, PATIENCE_S, 1, 0.0, 0.0)

    throttle = SharedThrottle(Limits(requests=1_000, concurrency=1), ask, clock=time.monotonic)
    await throttle.open()
    for _ in range(100):
        async with throttle.slot():
            pass
    await throttle.close()
    assert sum(wish.tokens for wish in asks) >= 100
    assert len([wish for wish in asks if wish.tokens]) < 10
