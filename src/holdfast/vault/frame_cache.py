"""Decoded frames and directories, kept while they are used: a page of records mostly lies in a few frames."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentlyUsed(Generic[T]):
    """A bounded, thread-safe cache; the sizes that callers give add up to at most `size_max`."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._size = 0
        self._entries: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Keep the value, at the cost of those unused for longest. One larger than everything allowed is not kept."""
        if size > self._size_max:
            return
        with self._lock:
            old = self._entries.pop(key, None)
            self._entries[key] = (value, size)
            self._size += size - (old[1] if old else 0)
            while self._size > self._size_max:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._size -= dropped

    def discard(self, unwanted: Callable[[Hashable], bool]) -> None:
        """Forget the entries whose key is unwanted."""
        with self._lock:
            for key in [key for key in self._entries if unwanted(key)]:
                self._size -= self._entries.pop(key)[1]
