"""Reads no faster than so many bytes a second, so that a check leaves room for others. Writes are not held back."""

import threading
import time
from collections.abc import Callable, Iterator

from holdfast.storage.protocol import ObjectInfo, Storage

_CREDIT_S = 0.5
"""A pause may be made up for by so much reading at once."""


class PacedStorage:
    """A storage that lets its readers wait. All threads share one rate."""

    def __init__(
        self, storage: Storage, bytes_per_s: float, *, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:  # fmt: skip
        self._storage = storage
        self._rate = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()
        self.url = storage.url

    def put(self, name: str, data: bytes | memoryview) -> None:
        self._storage.put(name, data)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        data = self._storage.get(name, start, length)
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now - _CREDIT_S) + len(data) / self._rate
            pause = self._free_at - now
        if pause > 0:
            self._sleep(pause)
        return data

    def size(self, name: str) -> int:
        return self._storage.size(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._storage.list(prefix, after)

    def delete(self, name: str) -> None:
        self._storage.delete(name)

    def destroy(self, name: str) -> None:
        self._storage.destroy(name)
