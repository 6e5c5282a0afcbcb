"""The source of every measurement: an HTTP server process of its own that answers pages of `benchmarks.records`.

    GET  /issues?per_page=100&page=7    a JSON array; the next page in the Link header
    GET  /counts                        {"requests": n, "bytes": n} since the last change of the content
    POST /content?records=N&day=D       how many records there are; from one day to the next one in a hundred changes
    GET  /files                         one record, with the address of a blob
    GET  /blob                          that blob: 100 MB that do not compress, the same in every run

It composes a page in a tenth of the time in which any reader takes it apart, and its CPU seconds are not counted: they
are another process's. It prints its port, and ends when its standard input does.
"""

import asyncio
import json
import random
import ssl
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from benchmarks import records
from benchmarks.beside import end_with_parent, started

BLOB_BYTES = 100_000_000


@cache
def _blob() -> bytes:
    return random.Random(20_261_124).randbytes(BLOB_BYTES)


class Content:
    """What there is to read, and how much of it was asked for."""

    def __init__(self, pool: int) -> None:
        self.tails = records.make_tails(pool)
        self.records, self.day = 0, 0
        self.requests = self.bytes = 0

    def answer(self, method: str, target: str, host: str, scheme: str) -> tuple[int, bytes, str]:
        """Status, body and further header lines, each ended by CRLF."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/issues":
            return self._issues(int(query.get("page", 1)), int(query.get("per_page", 100)), f"{scheme}://{host}")
        if parts.path == "/content" and method == "POST":
            self.records, self.day = int(query["records"]), int(query["day"])
            self.requests = self.bytes = 0
            return 200, b"{}", ""
        if parts.path == "/counts":
            return 200, json.dumps({"requests": self.requests, "bytes": self.bytes}).encode(), ""
        if parts.path == "/files":
            return 200, json.dumps([{"id": 1, "file": f"{scheme}://{host}/blob"}]).encode(), ""
        if parts.path == "/blob":
            return 200, _blob(), ""
        return 404, b"{}", ""

    def _issues(self, number: int, size: int, origin: str) -> tuple[int, bytes, str]:
        first = (number - 1) * size
        count = max(0, min(size, self.records - first))
        body = records.page(self.tails, first, count, day=self.day)
        self.requests += 1
        self.bytes += len(body)
        if first + count >= self.records:
            return 200, body, ""
        link = f"{origin}/issues?per_page={size}&page={number + 1}"
        return 200, body, f'Link: <{link}>; rel="next"\r\n'


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive for requests without a body: all that the readers here send."""

    def __init__(self, content: Content) -> None:
        self._content, self._received = content, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            lines = self._received[:end].decode("latin-1").split("\r\n")
            self._received = self._received[end + 4 :]
            method, target, _ = lines[0].split(" ", 2)
            host = next((line[5:].strip() for line in lines[1:] if line[:5].lower() == "host:"), "")
            scheme = next(
                (line[18:].strip() for line in lines[1:] if line[:18].lower() == "x-forwarded-proto:"), "http"
            )
            status, body, further = self._content.answer(method, target, host, scheme)
            head = (
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{further}\r\n"
            )
            self._transport.writelines((head.encode("latin-1"), body))


async def _serve(pool: int) -> None:
    content = Content(pool)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(content), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Source:
    """The running server, as the measurements steer it."""

    def __init__(self, url: str, certificate: Path | None = None) -> None:
        """`certificate`: what whoever reads from it has to trust."""
        self.url, self.certificate = url, certificate
        self.trusted = None if certificate is None else ssl.create_default_context(cafile=certificate)

    def set_content(self, count: int, *, day: int = 0) -> None:
        request = urllib.request.Request(f"{self.url}/content?records={count}&day={day}", method="POST")
        urllib.request.urlopen(request).close()

    def counts(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/counts") as response:
            counts: dict[str, Any] = json.load(response)
            return counts


@contextmanager
def running(pool: int = records.POOL) -> Iterator[Source]:
    """A server process of one's own, gone afterwards however this ends. A small pool starts fast and repeats soon."""
    with started("benchmarks.source_server", str(pool)) as (port, _):
        yield Source(f"http://127.0.0.1:{port}")


if __name__ == "__main__":
    end_with_parent()
    asyncio.run(_serve(int(sys.argv[1])))
