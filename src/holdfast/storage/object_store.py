"""Objects in a bucket of S3, GCS or Azure, through obstore. Which bucket, and with what options, `providers.py` says.

obstore's own retries are off: `RetryingStorage` does that for every storage alike. Multipart uploads are not used
either, since they know no put-if-absent there.
"""

import contextlib
from collections.abc import Iterator
from itertools import chain

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from holdfast.errors import ObjectExists, ObjectMissing, StorageError, StorageUnavailable
from holdfast.storage.names import check_name, check_prefix, check_range, is_name
from holdfast.storage.object_store_errors import is_behind_end, translate
from holdfast.storage.protocol import ObjectInfo

Bucket = S3Store | GCSStore | AzureStore

_LISTED_AT_ONCE = 1_000
"""A page of every provider; a smaller number would only cut it up."""


class ObjectStorage:
    """A storage in a bucket, or below the prefix that the bucket was opened with."""

    def __init__(self, bucket: Bucket, url: str) -> None:
        self._bucket = bucket
        self.url = url

    def put(self, name: str, data: bytes | memoryview) -> None:
        check_name(name)
        try:
            self._create(name, data)
        except ObjectExists:
            if not self._holds(name, data):
                raise
        except ObjectMissing as error:
            raise StorageError(f"{self.url} takes no objects: not found", hint="is the endpoint right?") from error

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        check_name(name)
        check_range(start, length)
        if length == 0:
            self.size(name)
            return b""
        try:
            with self._translated(name):
                if length is not None:
                    return bytes(obstore.get_range(self._bucket, name, start=start, length=length))
                if start:
                    return bytes(obstore.get(self._bucket, name, options={"range": {"offset": start}}).bytes())
                return bytes(obstore.get(self._bucket, name).bytes())
        except StorageError as error:
            # No HTTP range can say "nothing": servers refuse those that begin behind the end.
            if is_behind_end(error) and start >= self.size(name):
                return b""
            raise

    def size(self, name: str) -> int:
        check_name(name)
        try:
            with self._translated(name):
                return obstore.head(self._bucket, name)["size"]
        except ObjectMissing:
            # The answer to HEAD has no body: only that to GET tells a missing object from a missing bucket.
            self.get(name, 0, 1)
            raise

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        check_prefix(after)
        return self._listing(prefix, after)

    def delete(self, name: str) -> None:
        check_name(name)
        with contextlib.suppress(ObjectMissing), self._translated(name):
            obstore.delete(self._bucket, name)

    def destroy(self, name: str) -> None:
        self.delete(name)

    def _create(self, name: str, data: bytes | memoryview) -> None:
        """Put it if the name is free. Raises ObjectExists."""
        with self._translated(name):
            obstore.put(self._bucket, name, data, mode="create", use_multipart=False)

    def _listing(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        # obstore lists folders: the one that holds the prefix, from which the rest is picked here.
        folder = prefix.rpartition("/")[0]
        if folder and not is_name(folder):
            return
        # It also reads "a/" as "a", which lies before it, and so does no harm.
        offset = after.rstrip("/")
        with self._translated(prefix):
            pages = obstore.list(
                self._bucket,
                folder or None,
                offset=offset if is_name(offset) else None,
                chunk_size=_LISTED_AT_ONCE,
            )
            last = ""
            for found in chain.from_iterable(pages):
                name = found["path"]
                if name <= last:
                    raise StorageError(f"{self.url} lists {name} behind {last}", code="storage_unfit")
                last = name
                if name.startswith(prefix) and name > after and is_name(name):
                    yield ObjectInfo(name, found["size"])

    def _holds(self, name: str, data: bytes | memoryview) -> bool:
        """Whether these bytes are what is there."""
        try:
            return self.size(name) == len(data) and self.get(name) == data
        except ObjectMissing as error:
            # "Conflict" is also said while another writer's put is under way, or when a delete came in between.
            raise StorageUnavailable(f"{name} is being written or deleted by others in {self.url}") from error

    @contextlib.contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except AlreadyExistsError:
            raise ObjectExists(f"{name} exists with other bytes in {self.url}") from None
        except (BaseError, OSError) as error:
            # Not `from error`: its text may carry a signed URL, and tracebacks end in logs.
            raise translate(error, name, self.url) from None
