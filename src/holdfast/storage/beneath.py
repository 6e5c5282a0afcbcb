"""The S3 bucket beneath the wrappers of a storage, for what only S3 has."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from holdfast.storage.append_only import AppendOnly
from holdfast.storage.protocol import Storage
from holdfast.storage.retrying import RetryingStorage

if TYPE_CHECKING:
    from holdfast.storage.s3 import S3Storage

_Result = TypeVar("_Result")


class S3Beneath:
    """An S3 storage whose calls are retried like any other's."""

    def __init__(self, storage: "S3Storage", retry: "RetryingStorage") -> None:
        self.storage = storage
        self._retry = retry

    def ask(self, call: "Callable[[S3Storage], _Result]") -> _Result:
        """The call's answer; passing unavailability is hidden."""
        return self._retry.retry(lambda: call(self.storage))


def s3_beneath(storage: Storage) -> S3Beneath | None:
    """None where the storage is none of S3."""
    if isinstance(storage, AppendOnly):
        storage = storage.inner
    if not isinstance(storage, RetryingStorage):
        return None
    # Imported here: it takes obstore with it, and a vault in a folder need not wait for that.
    from holdfast.storage.s3 import S3Storage

    return S3Beneath(storage.inner, storage) if isinstance(storage.inner, S3Storage) else None


def without_patience(storage: Storage) -> Storage:
    """The same one, whose unavailability is told at once."""
    if isinstance(storage, AppendOnly):
        storage = storage.inner
    return storage.inner if isinstance(storage, RetryingStorage) else storage


def every_name(storage: Storage, prefix: str) -> list[str]:
    """The names of all objects with a prefix, those too that are deleted and of which a bucket keeps earlier versions.

    Raises StorageError (code `versions_refused`) where the credential cannot tell.
    """
    found = {info.name for info in storage.list(prefix)}
    s3 = s3_beneath(storage)
    if s3 is not None:
        found.update(s3.ask(lambda bucket: bucket.hidden(prefix)))
    return sorted(found)
