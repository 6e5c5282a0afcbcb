"""Fingerprints of records and blobs. Pure functions of bytes and keys.

A digest says that the bytes are the same. `shape` is cheap and says that they may differ in nothing but key order and
white space. `canonical` (in `canonical.py`) says whether they do.
"""

from collections.abc import Iterable, Sequence

from blake3 import blake3
from isal.isal_zlib import adler32

from holdfast.vault.canonical import canonical, comparable

__all__ = [
    "DIGEST_BYTES",
    "EMPTY_SUM",
    "BlobDigest",
    "add",
    "blob_digest",
    "canonical",
    "comparable",
    "content_digest",
    "record_digest",
    "record_digests",
    "shape",
    "subtract",
    "with_blob",
]

DIGEST_BYTES = 16
"""128 bits, keyed: nobody without the key can look for a collision, and by chance one needs 2**64 records."""
EMPTY_SUM = bytes(16)

_SUM_MASK = (1 << 128) - 1
_WHITE_AS_ZERO = bytes(0 if byte in b" \t\n\r" else byte for byte in range(256))


def record_digest(key: bytes, endpoint: str, record_key: str, raw: bytes) -> bytes:
    """16 bytes of keyed BLAKE3 over endpoint, NUL, record key, NUL, raw bytes. None of the three may hold a NUL."""
    return blake3(b"".join((endpoint.encode(), b"\0", record_key.encode(), b"\0", raw)), key=key).digest(DIGEST_BYTES)


def record_digests(key: bytes, endpoint: str, keys: Sequence[str], raws: Sequence[bytes]) -> list[bytes]:
    """`record_digest` for many records of one endpoint; the lists run side by side."""
    prefix = endpoint.encode() + b"\0"
    hasher = blake3(key=key)
    reset, update, digest = hasher.reset, hasher.update, hasher.digest
    found: list[bytes] = []
    for record_key, raw in zip(keys, raws, strict=True):  # a hasher for each and its bytes in one take 0.6 us more
        reset()
        update(prefix + record_key.encode() + b"\0")
        update(raw)
        found.append(digest(DIGEST_BYTES))
    return found


def content_digest(key: bytes, data: bytes | memoryview) -> bytes:
    """16 bytes of keyed BLAKE3 over the content of a blob or a chunk."""
    return blake3(data, key=key).digest(DIGEST_BYTES)


class BlobDigest:
    """`content_digest` of a blob that arrives in pieces."""

    def __init__(self, key: bytes) -> None:
        self._hash = blake3(key=key)

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.digest(DIGEST_BYTES)


def blob_digest(key: bytes) -> BlobDigest:
    """An empty digest of a blob, to be updated with its pieces."""
    return BlobDigest(key)


def add(total: bytes, digests: Iterable[bytes]) -> bytes:
    """The state sum with these digests added, modulo 2**128, 16 bytes big endian. Order does not matter."""
    return (_number(total) + sum(map(_number, digests)) & _SUM_MASK).to_bytes(16, "big")


def subtract(total: bytes, digests: Iterable[bytes]) -> bytes:
    """The state sum with these digests taken away."""
    return (_number(total) - sum(map(_number, digests)) & _SUM_MASK).to_bytes(16, "big")


def with_blob(digest: bytes, blob: bytes) -> bytes:
    """What stands in the state sum for a record with a blob: one value bound to both digests."""
    return blake3(digest + blob).digest(DIGEST_BYTES)


def shape(raw: bytes) -> int:
    """The sum of the non-white bytes, modulo 65521. Equal canonical forms have equal shapes.

    Adler-32 started at 0 keeps just that sum in its lower half: 0.8 us a record of 1 KB, where Python's sum takes 5.
    Dropping the white bytes, rather than making zeros of them, would take twice as long.
    """
    return adler32(raw.translate(_WHITE_AS_ZERO), 0) & 0xFFFF


_number = int.from_bytes
