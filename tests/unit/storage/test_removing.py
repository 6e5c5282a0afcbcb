"""Deleting is not always allowed: what came of it is told, and everything else raised."""

import pytest

from holdfast import clock
from holdfast.errors import ObjectLocked, ObjectMissing, StorageError, StorageUnavailable
from holdfast.storage import AppendOnly, Removal, Storage, every_name, remove, s3_beneath
from holdfast.storage.memory import MemoryStorage
from tests.support.faulty import Wrapping


class Refusing(Wrapping):
    """`destroy` and `delete` raise what they are told to."""

    def __init__(self, storage: Storage, destroy: StorageError | None, delete: StorageError | None = None) -> None:
        super().__init__(storage)
        self._destroy, self._delete = destroy, delete

    def destroy(self, name: str) -> None:
        if self._destroy is not None:
            raise self._destroy
        super().destroy(name)

    def delete(self, name: str) -> None:
        if self._delete is not None:
            raise self._delete
        super().delete(name)


@pytest.fixture
def memory() -> MemoryStorage:
    storage = MemoryStorage()
    storage.put("packs/1", b"x")
    return storage


def test_what_is_deleted_is_gone(memory: MemoryStorage) -> None:
    assert remove(memory, "packs/1") == Removal()
    assert remove(memory, "packs/1") == Removal()
    assert every_name(memory, "") == []


def test_a_lock_is_told_with_its_end(memory: MemoryStorage) -> None:
    until = clock.now()
    removal = remove(Refusing(memory, ObjectLocked("locked", until=until)), "packs/1")
    assert removal == Removal(is_locked=True, locked_until=until)
    assert removal.is_there and memory.get("packs/1") == b"x"


def test_without_the_right_to_versions_an_object_is_hidden(memory: MemoryStorage) -> None:
    versions, refused = StorageError("v", code="versions_refused"), StorageError("r", code="storage_refused")
    assert remove(Refusing(memory, versions, refused), "packs/1") == Removal(is_refused=True)
    assert not (removal := remove(Refusing(memory, versions), "packs/1")).is_there
    assert removal == Removal(is_hidden=True)
    with pytest.raises(ObjectMissing):
        memory.get("packs/1")


@pytest.mark.parametrize("error", [StorageUnavailable("away"), StorageError("broken")])
def test_everything_else_is_an_error(memory: MemoryStorage, error: StorageError) -> None:
    with pytest.raises(type(error)):
        remove(Refusing(memory, error), "packs/1")
    with pytest.raises(type(error)):
        remove(Refusing(memory, StorageError("v", code="versions_refused"), error), "packs/1")


def test_nothing_is_deleted_from_an_append_only_storage(memory: MemoryStorage) -> None:
    storage = AppendOnly(memory)
    storage.put("packs/2", b"yy")
    assert (storage.get("packs/2", 1, 1), storage.size("packs/2"), storage.url) == (b"y", 2, memory.url)
    assert remove(storage, "packs/1") == Removal(is_refused=True)
    with pytest.raises(StorageError, match="HOLDFAST_APPEND_ONLY"):
        storage.delete("packs/1")
    assert [info.name for info in storage.list("packs/")] == ["packs/1", "packs/2"]
    assert s3_beneath(storage) is None
