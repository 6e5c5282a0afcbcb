import threading
from collections.abc import Iterator

import pytest

from holdfast.errors import StorageError, StorageUnavailable
from holdfast.storage import Capabilities, ObjectInfo, probe
from holdfast.storage.memory import MemoryStorage
from tests.support.faulty import Counting, StaleListing, Unavailable, Wrapping


class Overwriting(Wrapping):
    def put(self, name: str, data: bytes | memoryview) -> None:
        self.storage.delete(name)
        self.storage.put(name, data)


class Indifferent(Wrapping):
    """Keeps the first bytes but tells nobody that the others were not taken."""

    def put(self, name: str, data: bytes | memoryview) -> None:
        if not any(info.name == name for info in self.storage.list(name)):
            self.storage.put(name, data)


class CheckingFirst(Wrapping):
    """Looks whether the name is free and writes then: two steps."""

    def __init__(self) -> None:
        super().__init__(MemoryStorage())
        self._looked = threading.Barrier(8)

    def put(self, name: str, data: bytes | memoryview) -> None:
        if name.endswith("race"):
            self._looked.wait()
            self.storage.delete(name)
        self.storage.put(name, data)


class WithoutRanges(Wrapping):
    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self.storage.get(name)


class FoldersFirst(Wrapping):
    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        found = [*self.storage.list(prefix, after)]
        return iter(sorted(found, key=lambda info: info.name.replace("/", " ")))


class AppendOnly(Wrapping):
    def delete(self, name: str) -> None:
        raise StorageError("not allowed", code="storage_refused")


class Undead(Wrapping):
    def delete(self, name: str) -> None:
        pass


@pytest.mark.parametrize(
    ("storage", "reason"),
    [
        (Overwriting(MemoryStorage()), "overwrites objects"),
        (Indifferent(MemoryStorage()), "is not refused"),
        (CheckingFirst(), "writers of one name at once"),
        (WithoutRanges(MemoryStorage()), "asked for a range"),
        (FoldersFirst(MemoryStorage()), "bytewise order"),
        (StaleListing(MemoryStorage()), "right after a put"),
        (Undead(MemoryStorage()), "after it was deleted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Wrapping) else "",
)
def test_a_storage_that_breaks_a_promise_is_refused_with_the_reason(storage: Wrapping, reason: str) -> None:
    with pytest.raises(StorageError, match=reason) as caught:
        probe(storage)
    assert caught.value.code == "storage_unfit"
    assert caught.value.hint is not None


def test_credentials_that_may_not_delete_are_no_reason_to_refuse() -> None:
    assert probe(AppendOnly(MemoryStorage())) == Capabilities(deletes=False)


def test_a_refused_storage_is_left_empty() -> None:
    inner = MemoryStorage()
    with pytest.raises(StorageError):
        probe(WithoutRanges(inner))
    assert list(inner.list("")) == []


def test_it_writes_below_a_folder_of_its_own_and_few_objects() -> None:
    storage = Counting(MemoryStorage())
    storage.put("packs/1", b"x")
    probe(storage)
    assert [info.name for info in storage.list("")] == ["packs/1"]
    assert all(name.startswith("probe/") for _, name in storage.calls[1:-1])
    assert len(storage.calls) < 60


def test_an_unavailable_storage_is_not_called_unfit() -> None:
    with pytest.raises(StorageUnavailable):
        probe(Unavailable(MemoryStorage(), lambda call, method, name: call > 3))
