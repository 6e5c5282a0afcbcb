"""A blob larger than memory should be: streamed, resumed by range where the connection breaks, and checked."""

import hashlib
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from aiohttp import web

from tests.support.hostile_source import in_thread
from tests.support.installation import installed

BLOCK = 1_000_000
DOCUMENT = """
holdfast: 1
name: Large
connection:
  base_url: {url}
  retry: {{first_wait: 1ms}}
endpoints:
  - name: files
    path: /files
    id: id
    blob: {{url: "/content/{{{{ record.id }}}}", version: id, size: size, checksum: sha256}}
"""


def blocks(count: int, first: int = 0) -> Iterator[bytes]:
    """A million bytes each, all different."""
    for number in range(first, count):
        yield hashlib.shake_128(str(number).encode()).digest(BLOCK)


class LargeFile:
    """An API with one record, whose file is made while it is sent; the connection breaks after every third of it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.ranges: list[str] = []
        self.url = ""
        digest = hashlib.sha256()
        for block in blocks(count):
            digest.update(block)
        self.record = {"id": 1, "size": count * BLOCK, "sha256": digest.hexdigest()}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/files", self._files)
        application.router.add_get("/content/1", self._content)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _files(self, _: web.Request) -> web.Response:
        return web.json_response([self.record])

    async def _content(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range", "")
        self.ranges.append(asked)
        begin = int(re.sub(r"\D", "", asked) or 0)
        whole = self.count * BLOCK
        headers = {"ETag": '"1"', "Content-Length": str(whole - begin)}
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{whole - 1}/{whole}"
        answer = web.StreamResponse(status=206 if asked else 200, headers=headers)
        await answer.prepare(request)
        sent = 0
        for block in blocks(self.count, begin // BLOCK):
            part = block[begin % BLOCK :] if not sent else block
            await answer.write(part)
            sent += len(part)
            if sent > whole // 3 and begin + sent < whole and request.transport is not None:
                request.transport.abort()
                break
        return answer


def back_up(home: Path, count: int) -> tuple[int, list[str]]:
    """The most memory that Python objects took meanwhile, in bytes, and the ranges that were asked for."""
    with in_thread(LargeFile(count)) as api, installed(home) as installation:
        instance = installation.instance(DOCUMENT.format(url=api.url))
        tracemalloc.start()
        try:
            run = installation.backup(instance)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert run.status == "successful", run.failures
        assert run.counters["blobs"] == 1
        record = installation.browser.record(installation.state(instance), "files", "1")
        stored = hashlib.sha256()
        for piece in installation.browser.blob(installation.state(instance), record).read():
            stored.update(piece)
        assert stored.hexdigest() == api.record["sha256"]
        return peak, api.ranges


def test_a_large_blob_takes_no_memory_and_goes_on_where_the_connection_broke(tmp_path: Path) -> None:
    peak, ranges = back_up(tmp_path, 120)
    assert peak < 100_000_000
    assert ranges[0] == "" and len(ranges) >= 3
    positions = [int(re.sub(r"\D", "", one)) for one in ranges[1:]]
    assert positions == sorted(positions) and positions[0] >= 120 * BLOCK // 4


@pytest.mark.soak
def test_gigabytes_take_no_more_memory(tmp_path: Path) -> None:
    peak, ranges = back_up(tmp_path, 3_000)
    assert peak < 100_000_000
    assert len(ranges) >= 3
