"""Which names objects can have: those that mean the same on every storage and on every file system."""

import re

from holdfast.errors import StorageError

SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
"""One part between slashes. It starts with a letter or digit: neither `..` nor a hidden file is a name."""

_NAME = re.compile(rf"{SEGMENT.pattern}(?:/{SEGMENT.pattern})*")
_PREFIX = re.compile(r"[a-z0-9._/-]*")
_LENGTH_MAX = 900
"""Bytes. S3 and GCS take 1,024, of which the bucket's own prefix needs some."""


def is_name(text: str) -> bool:
    """Whether an object can be called that."""
    return len(text) <= _LENGTH_MAX and _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Return the name, or raise `StorageError`: such a name cannot be stored.

    Names are relative paths of lowercase segments. No name may be the folder of another: where `a` is an object, `a/b`
    cannot be one. Storages need not find that out; the local folder does.
    """
    if not is_name(name):
        raise StorageError(f"{name!r} is not a name for an object", code="storage_name_invalid")
    return name


def check_prefix(prefix: str) -> str:
    """Return the prefix of a listing (or the name to go on after), or raise `StorageError`."""
    if _PREFIX.fullmatch(prefix) is None:
        raise StorageError(f"{prefix!r} is not a prefix of objects' names", code="storage_name_invalid")
    return prefix


def check_range(start: int, length: int | None) -> None:
    """Raise ValueError for a range that no caller can mean."""
    if start < 0 or (length is not None and length < 0):
        raise ValueError(f"not a range of bytes: start {start}, length {length}")
