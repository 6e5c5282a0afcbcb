"""A storage from which nothing is deleted, whatever its credential could do."""

from collections.abc import Iterator

from holdfast.errors import StorageError
from holdfast.storage.protocol import ObjectInfo, Storage


class AppendOnly:
    """Another storage without deletes: what a defect or an intruder in this process asks for is refused here.

    That does not bind who has the credential itself: give this process one that may not delete.
    """

    def __init__(self, inner: Storage) -> None:
        self.inner = inner

    @property
    def url(self) -> str:
        return self.inner.url

    def put(self, name: str, data: bytes | memoryview) -> None:
        self.inner.put(name, data)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self.inner.get(name, start, length)

    def size(self, name: str) -> int:
        return self.inner.size(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self.inner.list(prefix, after)

    def delete(self, name: str) -> None:
        raise self._refused(name)

    def destroy(self, name: str) -> None:
        raise self._refused(name)

    def _refused(self, name: str) -> StorageError:
        return StorageError(
            f"{name} is not deleted from {self.url}: this installation is append-only (HOLDFAST_APPEND_ONLY)",
            hint="`holdfast prune` deletes, through HOLDFAST_PRUNE_STORAGE_URL or --storage-url.",
            code="storage_refused",
        )
