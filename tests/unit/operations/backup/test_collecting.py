"""The collector against a committer that only remembers."""

import asyncio
import random
import threading
from typing import Any

import pytest

from holdfast.errors import StorageFull
from holdfast.operations.backup.collecting import Collector
from holdfast.sources.page import Page


def page(records: int) -> Page:
    return Page(
        number=1, raws=[b"{}"] * records, ids=[str(number) for number in range(records)], deleted=None, cursor=None,
        next=None, body_bytes=2 * records, requests=1,
    )  # fmt: skip


class Remembering:
    """Stands in for the committer: what it was given, and the most that was asked for and not yet committed."""

    def __init__(self, fails: bool = False) -> None:
        self.asked = self.committed = self.most = 0
        self.batches: list[int] = []
        self._fails = fails
        self._lock = threading.Lock()

    def ask(self, records: int) -> None:
        with self._lock:
            self.asked += records
            self.most = max(self.most, self.asked - self.committed)

    def commit_pages(self, pages: list[Any]) -> None:
        if self._fails:
            raise StorageFull("no space")
        with self._lock:
            self.batches.append(sum(len(one.ids) for _, one in pages))
            self.committed += self.batches[-1]


def collector(committer: Remembering, **more: Any) -> Collector:
    return Collector(committer, **{"checkpoint_records": 100, "batch_seconds": 5.0, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(("readers", "size", "limit"), [(1, 10, 100), (4, 10, 100), (8, 10, 100), (3, 20, 100)])
async def test_no_more_is_uncommitted_than_a_crash_may_repeat(readers: int, size: int, limit: int) -> None:
    committer, dice = Remembering(), random.Random(readers)

    async def read(pages: int) -> None:
        async with collecting.reader():
            for _ in range(pages):
                committer.ask(size)
                await asyncio.sleep(dice.random() / 1000)
                await collecting.add(None, page(size))  # type: ignore[arg-type]

    async with collector(committer, checkpoint_records=limit) as collecting:
        await collecting.add(None, page(size))  # type: ignore[arg-type]
        await collecting.flush()
        committer.asked = committer.committed
        lists = [read(dice.randrange(1, 12)) for _ in range(5 * readers)]
        permits = asyncio.Semaphore(readers)

        async def one(reading: Any) -> None:
            async with permits:
                await reading

        await asyncio.gather(*map(one, lists))
        await collecting.flush()
    assert committer.committed == committer.asked
    assert committer.most <= limit


async def test_pages_larger_than_the_limit_still_get_through() -> None:
    committer = Remembering()
    async with collector(committer, checkpoint_records=10) as collecting, collecting.reader():
        for _ in range(3):
            await collecting.add(None, page(50))  # type: ignore[arg-type]
        await collecting.flush()
    assert committer.batches == [50, 50, 50]


async def test_a_batch_does_not_wait_longer_than_it_may() -> None:
    committer = Remembering()
    async with collector(committer, batch_seconds=0.01) as collecting, collecting.reader():
        await collecting.add(None, page(1))  # type: ignore[arg-type]
        async with asyncio.timeout(60):
            while not committer.batches:
                await asyncio.sleep(0.005)


async def test_a_failing_commit_ends_everything() -> None:
    async with collector(Remembering(fails=True)) as collecting:
        await collecting.add(None, page(1))  # type: ignore[arg-type]
        with pytest.raises(StorageFull):
            await collecting.flush()
        with pytest.raises(StorageFull):
            await collecting.add(None, page(1))  # type: ignore[arg-type]
        with pytest.raises(StorageFull):
            await collecting.run(lambda: None)
