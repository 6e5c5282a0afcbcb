"""Limits hold over any period, wherever it begins; a pause stops everybody."""

import asyncio
from datetime import timedelta

from holdfast.definitions.document import Limits
from holdfast.sources.throttle import Throttle


class _Time:
    """A clock that goes on when somebody sleeps, as soon as nobody can do anything else."""

    def __init__(self) -> None:
        self.now = 100.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._sleepers.append((self.now + seconds, event))
        await event.wait()

    async def run(self) -> None:
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            if not self._sleepers:
                return
            self._sleepers.sort(key=lambda one: one[0])
            self.now, event = self._sleepers.pop(0)
            event.set()


async def _send(time: _Time, limits: Limits, count: int, *, duration_s: float = 0.0) -> list[float]:
    throttle = Throttle(limits, clock=lambda: time.now, sleep=time.sleep)
    sent: list[float] = []

    async def one() -> None:
        async with throttle.slot():
            sent.append(time.now)
            if duration_s:
                await time.sleep(duration_s)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(one())
        tasks.create_task(time.run())
    return sent


async def test_no_period_sees_more_requests_than_allowed() -> None:
    sent = await _send(_Time(), Limits(requests=5, per=timedelta(seconds=10), concurrency=100), 23)
    assert len(sent) == 23
    for later, earlier in zip(sent[5:], sent, strict=False):
        assert later - earlier >= 10
    assert sent[-1] - sent[0] == 40  # and no more waiting than that takes


async def test_a_limit_of_very_many_requests_is_kept_in_pieces() -> None:
    throttle = Throttle(Limits(requests=1_000_000, per=timedelta(hours=1)), clock=lambda: 0.0)
    assert throttle._sent is not None
    assert throttle._sent.maxlen == 10_000
    assert throttle._period_s == 36.0


async def test_only_so_many_are_under_way_at_once() -> None:
    sent = await _send(_Time(), Limits(concurrency=3), 9, duration_s=1.0)
    assert [round(moment - 100) for moment in sent] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


async def test_a_pause_holds_back_everybody_also_those_who_wait_already() -> None:
    time = _Time()
    throttle = Throttle(Limits(requests=1, per=timedelta(seconds=2)), clock=lambda: time.now, sleep=time.sleep)
    sent: list[float] = []

    async def one() -> None:
        async with throttle.slot():
            sent.append(time.now)
            if len(sent) == 1:
                throttle.pause(30.0)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(one())
        tasks.create_task(time.run())
    assert sent[0] == 100.0
    assert sent[1] >= 130.0
    assert sent[2] >= sent[1] + 2.0
    assert throttle.waited_s > 30.0
