"""What every object storage does, and what callers may rely on. The storages stand in the modules beside this.

Objects are immutable: a name is never used for other bytes. A storage knows nothing of what the bytes mean, encrypts
nothing and caches nothing. Every method may be called from many threads at once, and every method is idempotent:
whoever saw a `StorageUnavailable` may call again with the same arguments (`RetryingStorage` does).

Errors, common to all methods: `StorageUnavailable` alone is worth another try. Every other `StorageError` is permanent:
the same call fails again until somebody changes the storage, its permissions or the arguments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing."""

    name: str
    size_bytes: int


class Storage(Protocol):
    """A flat space of named byte strings, written with put-if-absent. For names see `names.py`."""

    @property
    def url(self) -> str:
        """Where it is, for messages: never with credentials."""
        ...

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Store an object; on return it survives a power loss, and nobody ever sees a part of it.

        Bytes equal to those already there are a success, so a put whose answer was lost can be repeated. Raises
        `ObjectExists` when the name is taken by other bytes (permanent), `StorageFull` when there is no space
        (permanent until somebody makes some). After any other error the object may or may not be there. Of many
        writers at once exactly one wins; the others get `ObjectExists`. Objects are held in memory as a whole and
        sent in one request: keep them below 1 GiB.
        """
        ...

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """The object's bytes from `start` on: `length` of them, or to its end.

        A range that reaches past the end returns what is there, perhaps nothing. Raises `ObjectMissing` (permanent).
        Never returns fewer bytes for any other reason. Negative numbers are a ValueError.
        """
        ...

    def size(self, name: str) -> int:
        """The object's size in bytes. Raises `ObjectMissing` (permanent)."""
        ...

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """The objects whose names start with `prefix` and stand behind `after`, ascending bytewise by name.

        Any string of the names' alphabet is a prefix, "" means all. Ends normally only when everything was seen;
        whatever goes wrong, at the start or between two objects, is raised, never a short listing. An error ends the
        iterator: go on with a new one `after` the last name seen. Not a snapshot: objects put or deleted meanwhile may
        or may not appear, all others appear exactly once. Where nothing has the prefix, the listing is empty.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete an object, durably on return; a missing one is a success.

        Raises `StorageError` with the code `storage_refused` where credentials or an object lock forbid it (permanent).
        """
        ...

    def destroy(self, name: str) -> None:
        """As `delete`, and so that no earlier version of the object can be had back either, where there are versions.

        For keys: what they have encrypted is to be unreadable for everybody.
        """
        ...
