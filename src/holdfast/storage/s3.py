"""What only S3 has, and obstore has no call for: versions of objects, and object lock. Through boto3.

In a bucket that keeps versions a plain delete only hides an object. So `destroy` deletes every version of it; what a
lock forbids is told as `ObjectLocked`, with its end. A storage that was opened with a lock puts one on each object, but
for those that must be erasable at any time (`NEVER_LOCKED`).
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from holdfast.clock import now
from holdfast.errors import ObjectExists, ObjectLocked, ObjectMissing, StorageError
from holdfast.storage.names import check_name
from holdfast.storage.object_store import Bucket, ObjectStorage
from holdfast.storage.object_store_errors import translate

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

LockMode = Literal["GOVERNANCE", "COMPLIANCE"]
NEVER_LOCKED = ("keys/", "exports/", "probe/")
"""Wrapped keys are what an erasure destroys; archives of exports live for days; what a probe writes goes at once."""


@dataclass(frozen=True)
class ObjectLock:
    """What is put on every object: nobody deletes it before so much time has passed."""

    period: timedelta
    mode: LockMode = "GOVERNANCE"
    """A credential with the right to bypass can delete what is under GOVERNANCE; nobody what is under COMPLIANCE."""


@dataclass(frozen=True)
class BucketFeatures:
    """What a bucket is set to. None: the credential may not ask."""

    keeps_versions: bool | None
    has_lock: bool | None
    default_lock: str | None = None
    """The lock that the bucket puts on every object by itself, such as `COMPLIANCE 30 days`."""


class S3Storage(ObjectStorage):
    """A bucket of S3 or below a prefix of it. `client` makes a boto3 client with the same credentials."""

    def __init__(
        self, store: Bucket, url: str, client: Callable[[], Any], bucket: str, prefix: str | None,
        lock: ObjectLock | None = None,
    ) -> None:  # fmt: skip
        super().__init__(store, url)
        self._make_client = client
        self._making = threading.Lock()
        self._bucket_name = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self.lock = lock

    def destroy(self, name: str) -> None:
        check_name(name)
        found = self._versions_below(name)
        if found is None:
            self.delete(name)
            return
        versions = [version for versioned, version in found if versioned == name]
        for version in versions:
            self._destroy_version(name, version)
        if not versions and self._is_there(name):
            # A server that does not know what versions are, and lists none.
            self.delete(name)

    def hidden(self, prefix: str) -> list[str]:
        """The names of all objects that have any version, deleted ones too. Raises as `destroy` does."""
        return sorted({name for name, _ in self._versions_below(prefix) or ()})

    def features(self) -> BucketFeatures:
        """How the bucket is set up. Raises what any call raises."""
        keeps_versions = self._keeps_versions()
        try:
            with self._asking(""):
                answer = self._client.get_object_lock_configuration(Bucket=self._bucket_name)
        except StorageError as error:
            if error.code not in ("storage_refused", "storage_no_lock", "storage_unsupported"):
                raise
            return BucketFeatures(keeps_versions, None if error.code == "storage_refused" else False)
        found = answer.get("ObjectLockConfiguration", {})
        rule = found.get("Rule", {}).get("DefaultRetention")
        said = None
        if rule:
            years = rule.get("Years")
            said = f"{rule.get('Mode')} {years or rule.get('Days')} {'years' if years else 'days'}"
        return BucketFeatures(keeps_versions, found.get("ObjectLockEnabled") == "Enabled", said)

    def locked_until(self, name: str) -> datetime | None:
        """When the lock on the object's newest version ends; None: it has none. Raises ObjectMissing."""
        return self._retention(name, {})

    def extend_lock(self, name: str, until: datetime) -> None:
        """Nobody deletes the object's newest version before then. A lock is never shortened by this."""
        assert self.lock is not None, "a storage without lock has nothing to extend"
        with self._asking(name):
            self._client.put_object_retention(
                Bucket=self._bucket_name,
                Key=self._prefix + name,
                Retention={"Mode": self.lock.mode, "RetainUntilDate": until},
            )

    def put_before(self, moment: datetime) -> Iterator[str]:
        """The names of all objects that were put before a moment, ascending."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket_name, Prefix=self._prefix)
        with self._asking(""):
            for page in pages:
                for found in page.get("Contents", ()):
                    if found["LastModified"] < moment:
                        yield found["Key"].removeprefix(self._prefix)

    def _create(self, name: str, data: bytes | memoryview) -> None:
        if self.lock is None or name.startswith(NEVER_LOCKED):
            super()._create(name, data)
            return
        # In one request with the lock: an object is never there without it.
        with self._asking(name):
            self._client.put_object(
                Bucket=self._bucket_name,
                Key=self._prefix + name,
                Body=bytes(data),
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(hashlib.sha256(data).digest()).decode(),
                ObjectLockMode=self.lock.mode,
                ObjectLockRetainUntilDate=now() + self.lock.period,
            )

    def _keeps_versions(self) -> bool | None:
        try:
            with self._asking(""):
                answer = self._client.get_bucket_versioning(Bucket=self._bucket_name)
        except StorageError as error:
            if error.code in ("storage_refused", "storage_unsupported"):
                return None if error.code == "storage_refused" else False
            raise
        return answer.get("Status") in ("Enabled", "Suspended")

    def _is_there(self, name: str) -> bool:
        try:
            self.size(name)
        except ObjectMissing:
            return False
        return True

    def _versions_below(self, prefix: str) -> list[tuple[str, str]] | None:
        """Name and id of every version below, markers of deletion among them; None: the bucket has no versions.

        Raises StorageError (code `versions_refused`) where the credential may neither list them nor ask whether there
        are any.
        """
        try:
            return list(self._list_versions(prefix))
        except StorageError as error:
            if error.code == "storage_unsupported":
                return None
            if error.code != "storage_refused":
                raise
            if self._keeps_versions() is False:
                return None
            raise StorageError(
                f"{self.url} may keep earlier versions of {prefix}, which this credential may not list",
                hint="It needs s3:ListBucketVersions and s3:DeleteObjectVersion.",
                code="versions_refused",
            ) from None

    def _list_versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        with self._asking(prefix):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket_name, Prefix=self._prefix + prefix
            )
            for page in pages:
                for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    yield found["Key"].removeprefix(self._prefix), found["VersionId"]

    def _destroy_version(self, name: str, version: str) -> None:
        try:
            with self._asking(name):
                self._client.delete_object(Bucket=self._bucket_name, Key=self._prefix + name, VersionId=version)
        except ObjectMissing:
            return
        except StorageError as error:
            if error.code != "storage_refused":
                raise
            until = self._lock_of(name, version)
            if until is not None and until > now():
                raise ObjectLocked(
                    f"{name} in {self.url} is locked until {until:%Y-%m-%d %H:%M} UTC", until=until
                ) from None
            if "lock" in str(error).lower():
                raise ObjectLocked(f"{name} in {self.url} is locked", until=None) from None
            raise StorageError(
                f"this credential may not delete versions of {name} in {self.url}",
                hint="It needs s3:DeleteObjectVersion. A lifecycle rule for noncurrent versions gives space back too.",
                code="versions_refused",
            ) from None

    def _lock_of(self, name: str, version: str) -> datetime | None:
        try:
            return self._retention(name, {"VersionId": version})
        except StorageError as error:
            if error.retryable:
                raise
            return None  # the credential may not ask, or it is gone

    def _retention(self, name: str, which: dict[str, str]) -> datetime | None:
        try:
            with self._asking(name):
                answer = self._client.get_object_retention(Bucket=self._bucket_name, Key=self._prefix + name, **which)
        except StorageError as error:
            if error.code == "storage_no_lock":
                return None
            raise
        until: datetime | None = answer.get("Retention", {}).get("RetainUntilDate")
        return until

    @cached_property
    def _client(self) -> Any:
        with self._making:
            return self._make_client()

    @contextmanager
    def _asking(self, name: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise _meant(error, name, self.url) from None
        except BotoCoreError as error:
            raise translate(OSError(str(error)), name, self.url) from None


_NO_LOCK = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest"})
_UNSUPPORTED = frozenset({"NotImplemented", "MethodNotAllowed"})


def _meant(error: "ClientError", name: str, url: str) -> StorageError:
    """The `StorageError` that an answer means."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = error.response.get("Error", {}).get("Message") or ""
    if code == "PreconditionFailed" or (status == 409 and code != "OperationAborted"):
        return ObjectExists(f"{name} exists with other bytes in {url}")
    if code in _NO_LOCK:
        return StorageError(f"{url}: {code} {said}".strip(), code="storage_no_lock")
    if code in _UNSUPPORTED:
        return StorageError(f"{url}: {code} {said}".strip(), code="storage_unsupported")
    text = f"{code} {said} (status code: {status})"
    return translate(FileNotFoundError(text) if status == 404 and code != "NoSuchBucket" else OSError(text), name, url)
