"""Fingerprints of records and blobs, and what makes two records equal. Pure functions of bytes and keys.

`digest` says that the bytes are the same. `shape` is cheap and says that they may differ in nothing but key order and
white space. `canonical` says whether they do.
"""

import re
import zlib
from collections.abc import Iterable, Sequence

from blake3 import blake3

from holdfast.errors import VaultError

DIGEST_BYTES = 16
"""128 bits, keyed: nobody without the key can look for a collision, and by chance one needs 2**64 records."""
EMPTY_SUM = bytes(16)

_SUM_MASK = (1 << 128) - 1
_WHITE = b" \t\n\r"
_TOKEN = re.compile(rb'[ \t\n\r]*(?:("(?:[^"\\]|\\.)*")|([{}\[\],:])|([^\s"{}\[\],:]+))', re.DOTALL)


def record_digest(key: bytes, endpoint: str, record_key: str, raw: bytes) -> bytes:
    """16 bytes of keyed BLAKE3 over endpoint, NUL, record key, NUL, raw bytes. None of the three may hold a NUL."""
    return blake3(b"".join((endpoint.encode(), b"\0", record_key.encode(), b"\0", raw)), key=key).digest(DIGEST_BYTES)


def record_digests(key: bytes, endpoint: str, keys: Sequence[str], raws: Sequence[bytes]) -> list[bytes]:
    """`record_digest` for many records of one endpoint; the lists run side by side."""
    prefix = endpoint.encode() + b"\0"
    join = b"".join
    return [
        blake3(join((prefix, record_key.encode(), b"\0", raw)), key=key).digest(DIGEST_BYTES)
        for record_key, raw in zip(keys, raws, strict=True)
    ]


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
    """(number of non-white bytes << 16) | (their sum modulo 65521). Equal canonical forms have equal shapes.

    Adler-32 started at 0 keeps just that sum in its lower half: 1 us a record of 1 KB, where Python's sum takes 5.
    """
    dense = raw.translate(None, _WHITE)
    return len(dense) << 16 | zlib.adler32(dense, 0) & 0xFFFF


def canonical(raw: bytes) -> bytes:
    """The record with sorted keys and without white space; every string and number token stays as it was sent.

    Keys are sorted bytewise as they are spelt; members of one name keep their order, since the last one counts. Any
    depth is fine. Raises VaultError where `raw` is not one JSON value.
    """
    return _canonical(raw, ())


def comparable(raw: bytes, volatile: tuple[str, ...]) -> bytes:
    """`canonical` without the members that the dotted paths in `volatile` name; lists on the way are passed through."""
    return _canonical(raw, tuple(tuple(path.split(".")) for path in volatile))


_Paths = tuple[tuple[str, ...], ...]


class _Open:
    """An object or list; its members are tokens or further ones of these, so that closing one copies nothing."""

    __slots__ = ("dropped", "is_object", "key", "parts", "paths")

    def __init__(self, is_object: bool, paths: _Paths) -> None:
        self.is_object = is_object
        self.paths = paths
        self.parts: list[tuple[bytes, bytes | _Open]] = []
        self.key = b""
        self.dropped = False

    def paths_below(self) -> _Paths:
        """The volatile paths as they look from within the value that comes next."""
        if not self.paths or not self.is_object:
            return self.paths
        name = _spelt(self.key)
        return tuple(path[1:] for path in self.paths if len(path) > 1 and path[0] == name)


def _canonical(raw: bytes, volatile: _Paths) -> bytes:
    """Reads tokens in a loop with a stack of its own: a record may nest deeper than Python's stack."""
    stack: list[_Open] = []
    expected = "value"  # value | first value | first key | key | colon | comma | end
    position = 0
    root: bytes | _Open = b""
    while (match := _TOKEN.match(raw, position)) is not None:
        position = match.end()
        text, mark, other = match.groups()
        top = stack[-1] if stack else None
        if text is not None and expected in {"first key", "key"}:
            assert top is not None
            top.key = text
            top.dropped = bool(top.paths) and (_spelt(text),) in top.paths
            expected = "colon"
        elif mark == b":" and expected == "colon":
            expected = "value"
        elif mark == b"," and expected == "comma":
            assert top is not None
            expected = "key" if top.is_object else "value"
        elif mark in {b"{", b"["} and expected in {"value", "first value"}:
            stack.append(_Open(mark == b"{", top.paths_below() if top is not None else volatile))
            expected = "first key" if mark == b"{" else "first value"
        else:
            value: bytes | _Open
            if mark is None and expected in {"value", "first value"}:
                value = text if text is not None else other
            elif top is not None and _closes(top, mark, expected):
                value = stack.pop()
            else:
                raise _not_json(position)
            if stack:
                holder = stack[-1]
                if not holder.dropped:
                    holder.parts.append((holder.key, value))
                expected = "comma"
            else:
                root, expected = value, "end"
    if expected != "end" or raw[position:].strip(_WHITE):
        raise _not_json(position)
    return _written(root)


def _written(root: bytes | _Open) -> bytes:
    pieces: list[bytes] = []
    pending: list[bytes | _Open] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, bytes):
            pieces.append(value)
            continue
        if value.is_object:
            value.parts.sort(key=lambda part: part[0])
        pieces.append(b"{" if value.is_object else b"[")
        pending.append(b"}" if value.is_object else b"]")
        for index in range(len(value.parts) - 1, -1, -1):
            key, member = value.parts[index]
            pending.append(member)
            if value.is_object:
                pending.append(key + b":")
            if index:
                pending.append(b",")
    return b"".join(pieces)


def _closes(top: _Open, mark: bytes | None, expected: str) -> bool:
    if top.is_object:
        return mark == b"}" and expected in {"first key", "comma"}
    return mark == b"]" and expected in {"first value", "comma"}


def _spelt(token: bytes) -> str:
    """A key's text. Escapes are read, so that a volatile path finds the key however it is spelt."""
    text = token[1:-1].decode("utf-8", "surrogatepass")
    if "\\" not in text:
        return text
    text = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _unescaped, text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # joins pairs of surrogates


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] == "u" and len(escape) == 5:
        return chr(int(escape[1:], 16))
    return {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}.get(escape, escape)


def _not_json(position: int) -> VaultError:
    return VaultError(f"a record is not one JSON value: unexpected at byte {position}")


_number = int.from_bytes
