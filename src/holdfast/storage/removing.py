"""Deleting what nothing needs any more, where a lock or a credential may forbid it: that is a policy, not an error."""

from dataclasses import dataclass
from datetime import datetime

from holdfast.errors import ObjectLocked, StorageError
from holdfast.storage.protocol import Storage


@dataclass(frozen=True)
class Removal:
    """What came of it. At most one of the three is true; none: the object is gone, and its space is given back."""

    is_locked: bool = False
    """It is there as before, until `locked_until` (None: not known) at least."""
    locked_until: datetime | None = None
    is_refused: bool = False
    """The credential may not delete: it is there as before."""
    is_hidden: bool = False
    """Nobody sees it any more, but the bucket keeps it as an earlier version, which this credential may not delete."""

    @property
    def is_there(self) -> bool:
        return self.is_locked or self.is_refused


GONE = Removal()


def remove(storage: Storage, name: str) -> Removal:
    """Delete an object with its earlier versions, as far as that is allowed. Raises every other StorageError."""
    try:
        storage.destroy(name)
    except ObjectLocked as error:
        return Removal(is_locked=True, locked_until=error.until)
    except StorageError as error:
        if error.code == "storage_refused":
            return Removal(is_refused=True)
        if error.code != "versions_refused":
            raise
    else:
        return GONE
    try:
        storage.delete(name)
    except StorageError as error:
        if error.code != "storage_refused":
            raise
        return Removal(is_refused=True)
    return Removal(is_hidden=True)
