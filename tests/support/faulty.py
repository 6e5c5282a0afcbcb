"""Storages that fail as real ones do, around a real one: for tests of what survives a crash, an outage, a full disk.

Each is a storage itself, so that they can be stacked: `Counting(Stopping(MemoryStorage(), after_writes=3))`.
"""

import enum
import threading
from collections.abc import Callable, Iterator

from holdfast.errors import StorageFull, StorageUnavailable
from holdfast.storage import ObjectInfo, Storage


class Wrapping:
    """Passes everything on: what the storages below change, they override."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.url = storage.url

    def put(self, name: str, data: bytes | memoryview) -> None:
        self.storage.put(name, data)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self.storage.get(name, start, length)

    def size(self, name: str) -> int:
        return self.storage.size(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self.storage.list(prefix, after)

    def delete(self, name: str) -> None:
        self.storage.delete(name)

    def destroy(self, name: str) -> None:
        self.delete(name)


class Stopped(BaseException):
    """The process that used this storage is dead, and whatever it still tries fails. No error that anybody handles."""


class Last(enum.Enum):
    """What became of the write during which the process died."""

    LOST = "never happened"
    UNSEEN = "happened, but its answer was never seen"
    TORN = "left half of the object behind, as a disk can that lies about fsync"


class Life:
    """A process that makes so many writes, dies during the next one, and is dead from then on."""

    def __init__(self, after_writes: int, last: Last = Last.LOST) -> None:
        self.writes = 0
        self.last = last
        self.dead = False
        self._after_writes = after_writes
        self._lock = threading.Lock()

    def is_last(self) -> bool:
        """To be asked at each write: whether it is the one during which the process dies."""
        with self._lock:
            self.check_alive()
            if self.writes == self._after_writes:
                self.dead = True
                return True
            self.writes += 1
            return False

    def check_alive(self) -> None:
        if self.dead:
            raise Stopped("already dead")


class Stopping(Wrapping):
    """Does `after_writes` writes (puts and deletes), dies during the next one, and is dead from then on.

    What a crash leaves is in the wrapped storage: open that one again. With concurrent writers every interleaving that
    the scheduler makes is one a real crash can leave, since a put is durable when it returns and in no other order.
    A torn delete is one that happened.
    """

    def __init__(
        self, storage: Storage, after_writes: int = 0, last: Last = Last.LOST, *, life: Life | None = None
    ) -> None:
        """`life`: of a process that writes elsewhere too."""
        super().__init__(storage)
        self.life = life or Life(after_writes, last)

    @property
    def writes(self) -> int:
        return self.life.writes

    @property
    def dead(self) -> bool:
        """Whether it came to the last write: a test that counts up `after_writes` ends when it no longer does."""
        return self.life.dead

    def put(self, name: str, data: bytes | memoryview) -> None:
        if self.life.is_last():
            if self.life.last is Last.UNSEEN:
                self.storage.put(name, data)
            elif self.life.last is Last.TORN:
                self.storage.put(name, bytes(data[: len(data) // 2]))
            raise Stopped(f"during the put of {name}")
        self.storage.put(name, data)

    def delete(self, name: str) -> None:
        if self.life.is_last():
            if self.life.last is not Last.LOST:
                self.storage.delete(name)
            raise Stopped(f"during the deletion of {name}")
        self.storage.delete(name)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self.life.check_alive()
        return self.storage.get(name, start, length)

    def size(self, name: str) -> int:
        self.life.check_alive()
        return self.storage.size(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        self.life.check_alive()
        for info in self.storage.list(prefix, after):
            yield info
            self.life.check_alive()


class Unavailable(Wrapping):
    """Raises `StorageUnavailable` from the calls that `fails` picks; when `unseen`, puts and deletes have taken effect.

    `fails` gets the number of the call, from 1, the method's name and the object's (of a listing: its prefix). A
    listing that fails does so behind its first object, when it has one.
    """

    def __init__(self, storage: Storage, fails: Callable[[int, str, str], bool], *, unseen: bool = False) -> None:
        super().__init__(storage)
        self.calls = 0
        self._fails = fails
        self._unseen = unseen
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes | memoryview) -> None:
        fails = self._is_failing("put", name)
        if self._unseen or not fails:
            self.storage.put(name, data)
        self._answer(fails, f"put {name}")

    def delete(self, name: str) -> None:
        fails = self._is_failing("delete", name)
        if self._unseen or not fails:
            self.storage.delete(name)
        self._answer(fails, f"delete {name}")

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._answer(self._is_failing("get", name), f"get {name}")
        return self.storage.get(name, start, length)

    def size(self, name: str) -> int:
        self._answer(self._is_failing("size", name), f"size of {name}")
        return self.storage.size(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        fails = self._is_failing("list", prefix)
        for info in self.storage.list(prefix, after):
            yield info
            self._answer(fails, f"list {prefix}")
        self._answer(fails, f"list {prefix}")

    def _is_failing(self, method: str, name: str) -> bool:
        with self._lock:
            self.calls += 1
            return self._fails(self.calls, method, name)

    def _answer(self, fails: bool, what: str) -> None:
        if fails:
            raise StorageUnavailable(f"no answer: {what}")


class Full(Wrapping):
    """Takes `capacity_bytes` of objects in all, as a disk does; deleting makes space again."""

    def __init__(self, storage: Storage, capacity_bytes: int) -> None:
        super().__init__(storage)
        self.capacity_bytes = capacity_bytes
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes | memoryview) -> None:
        with self._lock:
            used = sum(info.size_bytes for info in self.storage.list("") if info.name != name)
            if used + len(data) > self.capacity_bytes:
                raise StorageFull(f"no space for {name}")
            self.storage.put(name, data)


class StaleListing(Wrapping):
    """Lists what there was when `look` was last called, as stores with delayed listings do. All else is current."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._seen: list[ObjectInfo] = []
        self.look()

    def look(self) -> None:
        """Catch up with what is there now."""
        self._seen = [*self.storage.list("")]

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return iter([info for info in self._seen if info.name.startswith(prefix) and info.name > after])


class Slow(Wrapping):
    """Calls `wait` with the method's and the object's name before each call: it can pause, or make a race."""

    def __init__(self, storage: Storage, wait: Callable[[str, str], object]) -> None:
        super().__init__(storage)
        self._wait = wait

    def put(self, name: str, data: bytes | memoryview) -> None:
        self._wait("put", name)
        self.storage.put(name, data)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._wait("get", name)
        return self.storage.get(name, start, length)

    def size(self, name: str) -> int:
        self._wait("size", name)
        return self.storage.size(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        self._wait("list", prefix)
        return self.storage.list(prefix, after)

    def delete(self, name: str) -> None:
        self._wait("delete", name)
        self.storage.delete(name)


class Counting(Slow):
    """Remembers every call, to test what something costs."""

    def __init__(self, storage: Storage) -> None:
        self.calls: list[tuple[str, str]] = []
        """Method and name, in order."""
        super().__init__(storage, lambda method, name: self.calls.append((method, name)))

    def count(self, method: str, prefix: str = "") -> int:
        """How often the method was called for names with the prefix."""
        return sum(called == method and name.startswith(prefix) for called, name in self.calls)
