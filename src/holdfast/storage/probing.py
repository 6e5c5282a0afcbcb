"""Finds out whether a storage keeps what `protocol.Storage` promises, before anything is trusted to it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from holdfast import ids
from holdfast.errors import ObjectExists, ObjectMissing, StorageError, StorageUnavailable
from holdfast.storage.protocol import Storage

_WRITERS = 8


@dataclass(frozen=True)
class Capabilities:
    """What a storage can do beyond what it must."""

    deletes: bool
    """False: these credentials may not delete, as in an append-only installation; the probe's objects stay."""


def probe(storage: Storage) -> Capabilities:
    """Try out every promise on objects below `probe/`, about 25 requests; they are deleted afterwards.

    Raises `StorageError` with the code `storage_unfit` and the reason where a promise is broken, and whatever the
    storage raises itself, such as for credentials it does not know.
    """
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
    return Capabilities(deletes=deletes)


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
        raise _unfit(storage, "it overwrites objects: put-if-absent (If-None-Match) is ignored")
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
            storage.delete(name)
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


def _unfit(storage: Storage, reason: str) -> StorageError:
    return StorageError(
        f"{storage.url} cannot hold a vault: {reason}",
        hint="use a storage with atomic conditional writes, such as S3, GCS, Azure Blob, Ceph or a local folder",
        code="storage_unfit",
    )
