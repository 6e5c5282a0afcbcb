"""Finds out whether a storage keeps what `protocol.Storage` promises, before anything is trusted to it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast import ids
from holdfast.errors import ObjectExists, ObjectMissing, StorageError, StorageUnavailable
from holdfast.storage.beneath import s3_beneath
from holdfast.storage.protocol import Storage
from holdfast.storage.removing import remove

if TYPE_CHECKING:
    from holdfast.storage.s3 import BucketFeatures

_WRITERS = 8


@dataclass(frozen=True)
class Capabilities:
    """What a storage can do beyond what it must."""

    deletes: bool
    """False: these credentials may not delete, as in an append-only installation; the probe's objects stay."""
    keeps_versions: bool | None = False
    """Whether what is deleted stays as an earlier version. None: the credential may not ask."""
    has_lock: bool | None = False
    """Whether objects can be locked. None: the credential may not ask."""


def probe(storage: Storage) -> Capabilities:
    """Try out every promise on objects below `probe/`, about 25 requests; they are deleted afterwards.

    Raises `StorageError` with the code `storage_unfit` and the reason where a promise is broken, and whatever the
    storage raises itself, such as for credentials it does not know.
    """
    s3 = s3_beneath(storage)
    features = None if s3 is None else s3.ask(lambda bucket: bucket.features())
    if s3 is not None and features is not None:
        _check_lock(storage, features, is_wanted=s3.storage.lock is not None)
    folder = f"probe/{ids.new_object_id()}"
    written: list[str] = []
    try:
        _probe_put(storage, folder, written)
        _probe_race(storage, folder, written)
        _probe_ranges(storage, folder, written)
        _probe_listing(storage, folder, written)
    finally:
        deletes = _delete(storage, written)
    if deletes:
        _probe_deleted(storage, written)
    if features is None:
        return Capabilities(deletes)
    return Capabilities(deletes, features.keeps_versions, features.has_lock)


def _check_lock(storage: Storage, features: "BucketFeatures", *, is_wanted: bool) -> None:
    if features.default_lock is not None:
        raise _unfit(
            storage,
            f"the bucket itself locks every object ({features.default_lock}), and keys must never be locked: nobody "
            "could be erased",
            hint="Take the bucket's default retention away and write ?lock_days=30 into the URL: then Holdfast locks "
            "everything but keys.",
        )
    if is_wanted and features.has_lock is False:
        raise _unfit(
            storage,
            "its URL asks for a lock, and the bucket was made without object lock",
            hint="Make a bucket with object lock, or leave lock_days out.",
        )


def _probe_put(storage: Storage, folder: str, written: list[str]) -> None:
    name = f"{folder}/put"
    written.append(name)
    storage.put(name, b"first")
    storage.put(name, b"first")
    try:
        storage.put(name, b"other")
    except ObjectExists:
        if storage.get(name) != b"first":
            raise _unfit(storage, "a refused put has changed the object") from None
        return
    if storage.get(name) != b"first":
        raise _unfit(
            storage,
            "it overwrites objects: put-if-absent (If-None-Match) is ignored",
            # Ceph before 19 does so, and does not elsewhere.
            hint="This server ignores it in buckets that keep versions: take one without."
            if _is_versioned(storage)
            else None,
        )
    raise _unfit(storage, "a put of other bytes under a taken name is not refused")


def _probe_race(storage: Storage, folder: str, written: list[str]) -> None:
    """Some gateways check for the name first and write then: one writer after another finds nothing wrong there."""
    name = f"{folder}/race"
    written.append(name)

    def write(number: int) -> bytes | None:
        data = b"writer %d" % number
        try:
            storage.put(name, data)
        except ObjectExists:
            return None
        return data

    with ThreadPoolExecutor(_WRITERS) as pool:
        winners = [data for data in pool.map(write, range(_WRITERS)) if data is not None]
    if winners != [storage.get(name)]:
        raise _unfit(storage, f"{len(winners)} of {_WRITERS} writers of one name at once were told that they had won")


def _probe_ranges(storage: Storage, folder: str, written: list[str]) -> None:
    name = f"{folder}/range"
    written.append(name)
    data = bytes(range(256))
    storage.put(name, memoryview(data))
    read = {
        "a range": storage.get(name, 16, 4) == data[16:20],
        "the rest": storage.get(name, 200) == data[200:],
        "a range past the end": storage.get(name, 250, 100) == data[250:],
        "a range behind the end": storage.get(name, 1000, 10) == b"",
        "the size": storage.size(name) == len(data),
    }
    for what, right in read.items():
        if not right:
            raise _unfit(storage, f"it answers wrongly when asked for {what} of an object")


def _probe_listing(storage: Storage, folder: str, written: list[str]) -> None:
    # Bytewise order, which stores that keep folders do not have by themselves.
    names = [f"{folder}/list/{last}" for last in ("a-b", "a.b", "a/b", "a0", "b")]
    for name in reversed(names):
        written.append(name)
        storage.put(name, b"x")
    listed = [info.name for info in storage.list(f"{folder}/list/")]
    if sorted(listed) != names:
        raise _unfit(storage, "a listing right after a put does not show what is there")
    if listed != names:
        raise _unfit(storage, "it does not list objects in the bytewise order of their names")
    if [info.name for info in storage.list(f"{folder}/list/a", names[1])] != names[2:4]:
        raise _unfit(storage, "a listing that goes on behind a name does not show the names behind it")


def _delete(storage: Storage, names: list[str]) -> bool:
    try:
        for name in names:
            if remove(storage, name).is_there:
                return False
    except StorageUnavailable:
        raise
    except StorageError:
        return False
    return True


def _probe_deleted(storage: Storage, names: list[str]) -> None:
    for name in names:
        storage.delete(name)
        try:
            storage.get(name)
        except ObjectMissing:
            continue
        raise _unfit(storage, "an object can be read after it was deleted")


def _is_versioned(storage: Storage) -> bool:
    s3 = s3_beneath(storage)
    return s3 is not None and bool(s3.ask(lambda bucket: bucket.features()).keeps_versions)


def _unfit(storage: Storage, reason: str, hint: str | None = None) -> StorageError:
    return StorageError(
        f"{storage.url} cannot hold a vault: {reason}",
        hint=hint
        or "use a storage with atomic conditional writes, such as S3, GCS, Azure Blob, Ceph or a local folder",
        code="storage_unfit",
    )
