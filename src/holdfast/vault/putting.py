"""Putting a sealed document under its one name, where an earlier attempt may have left something."""

from collections.abc import Callable

from holdfast.errors import Damaged, ObjectExists
from holdfast.storage import Storage


def put_document(storage: Storage, name: str, data: bytes, is_same: Callable[[bytes], bool]) -> None:
    """Store a document. One that is there already and says the same is a success; another raises ObjectExists.

    Salts differ, so `is_same` opens what is there; it raises Damaged for bytes that nobody sealed. Such an object was
    torn by a disk that lost power in spite of fsync: it never held anything, and is replaced.
    """
    try:
        storage.put(name, data)
    except ObjectExists:
        try:
            same = is_same(storage.get(name))
        except Damaged:
            storage.delete(name)
            storage.put(name, data)
            return
        if not same:
            raise
