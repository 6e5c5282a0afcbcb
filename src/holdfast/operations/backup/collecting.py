"""Gathers what the readers bring into batches for the committer's thread, and holds the readers back when it is full.

What a crash repeats is the batch being committed, the one being gathered, and a page that each reader has asked for.
All that together is at most `checkpoint_records` records, unless the pages under way alone are more.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from holdfast import tracing
from holdfast.operations.backup.committing import Committer
from holdfast.operations.backup.state import Listing
from holdfast.sources.page import Page

_BATCH_BYTES = 32 * 1024 * 1024  # raw bytes gathered before a commit, whatever their number: bounds memory

T = TypeVar("T")


class Collector:
    """An asynchronous context manager. A failing commit ends it: every waiting and later call raises that error."""

    def __init__(self, committer: Committer, *, checkpoint_records: int, batch_seconds: float) -> None:
        self._committer = committer
        self._checkpoint_records = checkpoint_records
        self._batch_seconds = batch_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit", initializer=tracing.taken_along())
        self._changed = asyncio.Condition()
        self._pages: list[tuple[Listing, Page]] = []
        self._records = 0
        self._bytes = 0
        self._oldest = 0.0
        self._records_in_commit = 0
        self._readers = 0
        self._largest_page = 0
        self._waiting = 0
        self._flushing = 0
        self._added = 0
        self._committed = 0
        self._error: BaseException | None = None
        self._pump_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Collector":
        self._pump_task = asyncio.create_task(self._pump())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._pump_task is not None
        self._pump_task.cancel()
        await asyncio.gather(self._pump_task, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[None]:
        """Whoever brings page after page does so within this; waits while there is no room for what is under way."""
        async with self._changed:
            await self._wait_for_room(self._largest_page)
            self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1

    async def add(self, listing: Listing, page: Page) -> None:
        """Take a page; waits while there is no room for it."""
        self._largest_page = max(self._largest_page, len(page.ids))
        async with self._changed:
            await self._wait_for_room(len(page.ids))
            if not self._pages:
                self._oldest = asyncio.get_running_loop().time()
            self._pages.append((listing, page))
            self._added += 1
            self._records += len(page.ids)
            self._bytes += page.body_bytes
            if self._is_due() or len(self._pages) == 1:
                self._changed.notify_all()

    async def flush(self) -> None:
        """Wait until every page taken before is committed."""
        async with self._changed:
            target = self._added
            self._flushing += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self._error or self._committed >= target)
            finally:
                self._flushing -= 1
            self._raise_error()

    async def run(self, work: Callable[[], T]) -> T:
        """Run other work of the committer in its thread, between two batches."""
        self._raise_error()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _wait_for_room(self, records: int) -> None:
        """Wait until so many more may be uncommitted, or nothing is."""

        def has_room() -> bool:
            pending = self._records + self._records_in_commit
            return self._error is not None or not pending or (
                pending + records + self._records_under_way() <= self._checkpoint_records
                and self._bytes < _BATCH_BYTES
            )  # fmt: skip

        if not has_room():
            self._waiting += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(has_room)
            finally:
                self._waiting -= 1
        self._raise_error()

    def _records_under_way(self) -> int:
        """What the readers may have asked for: a page each."""
        return self._readers * self._largest_page

    def _is_due(self) -> bool:
        """Whether what is gathered is to be committed now: it is half of what may be uncommitted, or somebody waits."""
        half = (self._checkpoint_records - self._records_under_way()) // 2
        return bool(self._waiting or self._flushing) or self._records >= half or self._bytes >= _BATCH_BYTES

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _commit(self, batch: list[tuple[Listing, Page]]) -> None:
        with tracing.span("batch", pages=len(batch), records=self._records_in_commit):
            self._committer.commit_pages(batch)

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._pages)
                    if not self._is_due():
                        remaining = self._oldest + self._batch_seconds - loop.time()
                        try:
                            async with asyncio.timeout(max(remaining, 0)):
                                await self._changed.wait_for(self._is_due)
                        except TimeoutError:
                            pass  # the batch is old enough to be committed as it is
                    batch, self._pages, self._bytes = self._pages, [], 0
                    self._records_in_commit, self._records = self._records, 0
                    self._changed.notify_all()
                await loop.run_in_executor(self._thread, self._commit, batch)
                async with self._changed:
                    self._committed += len(batch)
                    self._records_in_commit = 0
                    self._changed.notify_all()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the batch
            async with self._changed:
                self._error = error
                self._changed.notify_all()
