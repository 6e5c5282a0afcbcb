"""One storage above another that stays as it is: reads see both, writes and deletions go to the upper one only."""

import heapq
import threading
from collections.abc import Iterator

from holdfast.errors import ObjectExists, ObjectMissing
from holdfast.storage.names import check_name
from holdfast.storage.protocol import ObjectInfo, Storage


class Overlay:
    """What is deleted is remembered in memory: the lower storage never hears of it."""

    def __init__(self, lower: Storage, upper: Storage) -> None:
        self._lower = lower
        self._upper = upper
        self._deleted: set[str] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return self._lower.url

    def put(self, name: str, data: bytes | memoryview) -> None:
        check_name(name)
        with self._lock:
            if name in self._deleted:
                self._deleted.discard(name)
                self._upper.delete(name)
                self._upper.put(name, data)
                return
        try:
            there = self._lower.get(name)
        except ObjectMissing:
            self._upper.put(name, data)
            return
        if there != bytes(data):
            raise ObjectExists(f"{name} exists with other bytes in {self.url}")

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self._holder(name).get(name, start, length)

    def size(self, name: str) -> int:
        return self._holder(name).size(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._merged(self._upper.list(prefix, after), self._lower.list(prefix, after))

    def _merged(self, *listings: Iterator[ObjectInfo]) -> Iterator[ObjectInfo]:
        previous = ""
        for info in heapq.merge(*listings, key=lambda one: one.name):
            if info.name != previous and info.name not in self._deleted:
                yield info
            previous = info.name

    def delete(self, name: str) -> None:
        check_name(name)
        with self._lock:
            self._deleted.add(name)

    def destroy(self, name: str) -> None:
        self.delete(name)

    def _holder(self, name: str) -> Storage:
        """The storage whose object of this name counts. Raises ObjectMissing where there is none."""
        check_name(name)
        if name in self._deleted:
            raise ObjectMissing(f"{name} is not in {self.url}")
        try:
            self._upper.size(name)
        except ObjectMissing:
            return self._lower
        return self._upper
