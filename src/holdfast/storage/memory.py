"""Objects in this process's memory: for tests and trials. Gone with the object that holds them."""

import threading
from collections.abc import Iterator

from holdfast.errors import ObjectExists, ObjectMissing
from holdfast.storage.names import check_name, check_prefix, check_range
from holdfast.storage.protocol import ObjectInfo


class MemoryStorage:
    """A storage like any other, except that nothing of it is durable."""

    url = "memory://"

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes | memoryview) -> None:
        check_name(name)
        mine = bytes(data)
        with self._lock:
            there = self._objects.setdefault(name, mine)
        if there != mine:
            raise ObjectExists(f"{name} exists with other bytes in {self.url}")

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        check_range(start, length)
        data = self._find(name)
        return data[start:] if length is None else data[start : start + length]

    def size(self, name: str) -> int:
        return len(self._find(name))

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        check_prefix(after)
        with self._lock:
            found = [
                ObjectInfo(name, len(data))
                for name, data in self._objects.items()
                if name.startswith(prefix) and name > after
            ]
        return iter(sorted(found, key=lambda info: info.name))

    def delete(self, name: str) -> None:
        check_name(name)
        with self._lock:
            self._objects.pop(name, None)

    def destroy(self, name: str) -> None:
        self.delete(name)

    def _find(self, name: str) -> bytes:
        check_name(name)
        with self._lock:
            data = self._objects.get(name)
        if data is None:
            raise ObjectMissing(f"{name} is not in {self.url}")
        return data
