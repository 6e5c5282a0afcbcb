"""Several sources over one ledger in PostgreSQL, as runs of one credential on several workers have it."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from aiohttp import web

from holdfast.catalog.database import Database
from holdfast.definitions.document import Limits
from holdfast.operations.backup.sharing import give
from holdfast.sources.ledger import Ask
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.source import Source
from tests.support.hostile_source import HostileSource, endpoint, in_thread, make_records
from tests.support.postgresql import PostgreSQL


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL) -> Iterator[Database]:
    url = postgresql.create()
    database = Database(url)
    database.migrate()
    yield database
    database.close()
    postgresql.drop(url)


class Watched:
    """When requests came, and how many were there at once."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.came: list[float] = []
        self.most = self.now = 0
        self._pause_s = pause_s

    async def __call__(self, request: web.Request, page: int) -> None:
        self.came.append(time.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self._pause_s)
        self.now -= 1


def read_at_once(
    database: Database, api: HostileSource, bucket: str, limits: Limits, users: int, endpoints: int = 1
) -> None:
    """Let so many workers (threads with a loop each) read everything."""

    def work(user: str) -> None:
        async def read() -> None:
            names = [endpoint("items", name=f"items{number}") for number in range(endpoints)]
            definition = api.definition(*names, limits=limits)
            share = partial(give, database, bucket, user, limits)
            async with Source(definition, api.variables, NetworkPolicy(allow_private=True), share=share) as source:

                async def one(name: str) -> int:
                    return len([page async for page in source.pages(name)])

                assert await asyncio.gather(*(one(name.name) for name in names)) == [10] * endpoints

        asyncio.run(read())

    with ThreadPoolExecutor(users) as threads:
        list(threads.map(work, [f"run {number}" for number in range(users)]))


@pytest.fixture
def api() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(100)}, page_size=10)) as served:
        yield served


def test_requests_of_all_workers_together_keep_to_the_limit(database: Database, api: HostileSource) -> None:
    api.switches.hook = watched = Watched()
    began = time.monotonic()
    read_at_once(database, api, "rate", Limits(requests=20, per=timedelta(seconds=1), concurrency=8), 2, 3)
    assert len(watched.came) == 60
    # Whatever delays them: when 21 (41) have come, so many were sent, which takes more than one (two) seconds.
    assert watched.came[20] - began > 0.95 and watched.came[40] - began > 1.95


def test_places_of_all_workers_together_keep_to_the_limit(database: Database, api: HostileSource) -> None:
    api.switches.hook = watched = Watched(pause_s=0.02)
    read_at_once(database, api, "places", Limits(concurrency=3), 3, 3)
    assert len(watched.came) == 90
    assert watched.most <= 3


def test_what_a_source_asks_one_worker_to_wait_the_others_wait_too(database: Database, api: HostileSource) -> None:
    limits = Limits(concurrency=2)
    began = time.monotonic()
    assert give(database, "pause", "first", limits, Ask(pause_s=1.5)).paused_s == 1.5
    api.switches.hook = watched = Watched()
    read_at_once(database, api, "pause", limits, 1)
    assert watched.came[0] - began > 1.45
