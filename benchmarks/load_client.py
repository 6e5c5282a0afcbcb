"""Asks an HTTP service on many connections at once, and measures how long each answer takes.

A client of its own, because a usual one costs more than the service that it is to measure: it knows GET, keep-alive and
Content-Length, and nothing else.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_NEXT = re.compile(rb'<([^>]+)>; rel="next"')
_HEAD_BYTES_MAX = 65_536


class BadAnswer(Exception):
    """The service did not answer with 200: its figures would mean nothing."""


@dataclass(frozen=True)
class Load:
    wall_s: float
    seconds: list[float]
    """What each answer took."""


class Connection:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self._reader, self._writer, self._head = reader, writer, head

    @classmethod
    async def to(cls, url: str, headers: Mapping[str, str]) -> "Connection":
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=_HEAD_BYTES_MAX)
        lines = [f"Host: {parts.netloc}", *(f"{name}: {value}" for name, value in headers.items())]
        return cls(reader, writer, "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")

    async def get(self, target: str) -> tuple[bytes, bytes]:
        """(head, body) of an answer. Raises BadAnswer."""
        head, length = await self._begin(target)
        return head, await self._reader.readexactly(length)

    async def drain(self, target: str) -> int:
        """Read an answer and forget it; how many bytes it had."""
        _, length = await self._begin(target)
        left = length
        while left:
            piece = await self._reader.read(min(left, 1 << 20))
            if not piece:
                raise BadAnswer(f"{target} ended {left} bytes early")
            left -= len(piece)
        return length

    async def _begin(self, target: str) -> tuple[bytes, int]:
        self._writer.write(b"GET %b HTTP/1.1\r\n%b" % (target.encode(), self._head))
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise BadAnswer(f"{target}: {head.splitlines()[0].decode()}")
        return head, int(length[1])

    def close(self) -> None:
        self._writer.close()


def next_target(head: bytes) -> str | None:
    """Where the answer's Link header leads, without scheme and host."""
    found = _NEXT.search(head)
    if found is None:
        return None
    parts = urlsplit(found[1].decode())
    return f"{parts.path}?{parts.query}"


async def load(
    url: str,
    headers: Mapping[str, str],
    targets: Callable[[int], Iterable[str]],
    *,
    connections: int,
    seconds: float,
) -> Load:
    """So many connections, each asking for one of its `targets` (by the connection's number) after the other."""
    opened = [await Connection.to(url, headers) for _ in range(connections)]
    taken: list[float] = []
    begun = time.perf_counter()
    end = begun + seconds

    async def ask(number: int) -> None:
        connection = opened[number]
        for target in targets(number):
            sent = time.perf_counter()
            if sent >= end:
                return
            await connection.get(target)
            taken.append(time.perf_counter() - sent)

    try:
        await asyncio.gather(*map(ask, range(connections)))
        return Load(time.perf_counter() - begun, taken)
    finally:
        for connection in opened:
            connection.close()
