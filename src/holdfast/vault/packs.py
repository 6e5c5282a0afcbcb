"""The layout of a pack: header, directory, frames, footer. Encrypts and authenticates the parts; knows no storage.

    header     34 bytes in the clear: "HFP1", key number (2), customer id (8), pack id (16), stored length of the
               directory (4); integers big endian
    directory  encrypted; per frame, and last for the footer: stored length (4), raw length (4), dictionary (4): 0 for
               none, else 1 + the number of the frame whose raw bytes were the zstd dictionary
    frames     each zstd-compressed, then encrypted
    footer     compressed and encrypted the same way

A part is AES-256-GCM under the pack's own key. Its nonce is its number (12 bytes): the directory is 0, frame i is
i + 1, the footer comes last. Associated data: the header's first 30 bytes, a letter for the kind of part, the number
(4 bytes).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.errors import Damaged
from holdfast.vault import footers
from holdfast.vault.footers import Footer
from holdfast.vault.keys import CustomerKeys, derive

HEADER_BYTES = 34
# Measured, per record of 950 bytes and whole packs of 10,000 (docs/vault-format.md has more): frames of 64 KiB with a
# first frame of 256 KiB as dictionary at level 2: 252 bytes, 3.3 us, one frame decoded in 0.07 ms. Level 3: 248 bytes,
# 4.7 us. Without a dictionary at level 3: 64 KiB 288 bytes, 256 KiB 263 bytes, but 0.21 ms a frame. On the benchmark's
# records, whole packs without footers: level 1: 307 bytes, 3.4 us; level 2: 281 bytes, 4.3 us; level 1 with a table of
# twice the size: 294 bytes, 3.65 us, which makes packs 12% larger than restic's repository, where level 1 makes 17%.
_WITH_DICTIONARY = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_FAST, window_log=19, hash_log=15, chain_log=15, search_log=1, min_match=7
)
LEVEL_ALONE = 3
LEVEL_FOOTER = 1
"""Digests do not compress; level 3 makes a footer of 10,000 records 7% larger than level 1, for more time."""

_MAGIC = b"HFP1"
_HEADER = struct.Struct(">4sHQ16sI")
_FIXED_BYTES = 30
_ENTRY = struct.Struct(">III")
_DIRECTORY, _FRAME, _FOOTER = b"D", b"F", b"C"
Dictionary = zstandard.ZstdCompressionDict
_PART_BYTES_MAX = 1 << 30
"""No part is this large once decoded; what claims to be is refused before memory is asked for."""


@dataclass(frozen=True)
class Pack:
    """A finished pack: `data` is the object's bytes, `footer` what they say."""

    id: str
    data: bytes
    footer: Footer


@dataclass(frozen=True, slots=True)
class Part:
    """Where a frame or the footer lies in the object, and how long it is once decoded."""

    start: int
    stored_bytes: int
    raw_bytes: int
    dictionary: int | None = None
    """The frame without whose raw bytes this one does not decompress."""


@dataclass(frozen=True)
class Directory:
    """Where everything in a pack lies."""

    frames: Sequence[Part]
    footer: Part

    @property
    def size_bytes(self) -> int:
        """The size that the object must have."""
        return self.footer.start + self.footer.stored_bytes


class PackCodec:
    """Encodes and decodes the parts of one pack. A part must be encoded once only: its nonce is its number."""

    def __init__(self, keys: CustomerKeys, customer_id: int, pack_id: str, object_name: str, key_number: int) -> None:
        self.object_name = object_name
        self._fixed = _HEADER.pack(_MAGIC, key_number, customer_id, bytes.fromhex(pack_id), 0)[:_FIXED_BYTES]
        self._aead = AESGCM(derive(keys.data_secret(key_number, object_name), "pack", bytes.fromhex(pack_id)))
        self._compressor = zstandard.ZstdCompressor(level=LEVEL_ALONE)

    @classmethod
    def of_header(
        cls, keys: CustomerKeys, customer_id: int, pack_id: str, object_name: str, header: bytes
    ) -> "PackCodec":
        """For the pack whose first bytes are `header`. Raises Damaged where they are not what the name says."""
        if len(header) >= HEADER_BYTES:
            magic, key_number, _, _, _ = _HEADER.unpack_from(header)
            if magic == _MAGIC:
                codec = cls(keys, customer_id, pack_id, object_name, key_number)
                if header[:_FIXED_BYTES] == codec._fixed:
                    return codec
        raise Damaged(f"{object_name} does not begin as it must", object_name=object_name)

    def encode_frame(self, index: int, raw: bytes, compressor: zstandard.ZstdCompressor | None = None) -> bytes:
        """`compressor` is one that `dictionary_compressor` made, for a frame that is to have a dictionary."""
        return self._encrypt(_FRAME, index + 1, (compressor or self._compressor).compress(raw))

    def decode_frame(
        self, index: int, stored: bytes | memoryview, part: Part, decompressor: zstandard.ZstdDecompressor
    ) -> bytes:  # fmt: skip
        """`decompressor` is one for the dictionary that `part` names, if it names one. Raises Damaged."""
        return self._decompress(self._decrypt(_FRAME, index + 1, stored), part.raw_bytes, decompressor)

    def authenticate_frame(self, index: int, stored: bytes | memoryview) -> None:
        """For a frame whose dictionary is lost: are its own bytes what was written? Raises Damaged."""
        self._decrypt(_FRAME, index + 1, stored)

    def encode_rest(self, frames: Sequence[tuple[int, int, int]], footer: Footer) -> tuple[bytes, bytes]:
        """(header with directory, footer) for frames with these directory entries."""
        raw = footers.encode(footer)
        stored = self._encrypt(_FOOTER, len(frames) + 1, zstandard.ZstdCompressor(level=LEVEL_FOOTER).compress(raw))
        entries = b"".join([_ENTRY.pack(*entry) for entry in (*frames, (len(stored), len(raw), 0))])
        directory = self._encrypt(_DIRECTORY, 0, entries)
        return self._fixed + len(directory).to_bytes(4, "big") + directory, stored

    def decode_directory(self, start_of_pack: bytes) -> Directory:
        """From the object's first bytes, at least `directory_end` of them. Raises Damaged."""
        entries = self._decrypt(_DIRECTORY, 0, start_of_pack[HEADER_BYTES : directory_end(start_of_pack)])
        if not entries or len(entries) % _ENTRY.size:
            raise Damaged(f"{self.object_name} has a directory of a wrong length", object_name=self.object_name)
        start = directory_end(start_of_pack)
        parts: list[Part] = []
        for stored_bytes, raw_bytes, dictionary in _ENTRY.iter_unpack(entries):
            parts.append(Part(start, stored_bytes, raw_bytes, dictionary - 1 if dictionary else None))
            start += stored_bytes
        return Directory(parts[:-1], parts[-1])

    def decode_footer(self, directory: Directory, stored: bytes | memoryview) -> Footer:
        """Raises Damaged."""
        compressed = self._decrypt(_FOOTER, len(directory.frames) + 1, stored)
        return footers.decode(
            self._decompress(compressed, directory.footer.raw_bytes, decompressor_for(None)), self.object_name
        )

    def _encrypt(self, kind: bytes, number: int, data: bytes) -> bytes:
        return self._aead.encrypt(number.to_bytes(12, "big"), data, self._associated(kind, number))

    def _decrypt(self, kind: bytes, number: int, data: bytes | memoryview) -> bytes:
        try:
            return self._aead.decrypt(number.to_bytes(12, "big"), data, self._associated(kind, number))
        except (InvalidTag, ValueError):
            part = {_DIRECTORY: "its directory", _FOOTER: "its footer"}.get(kind, f"frame {number - 1}")
            raise Damaged(f"{self.object_name} is damaged in {part}", object_name=self.object_name) from None

    def _associated(self, kind: bytes, number: int) -> bytes:
        return self._fixed + kind + number.to_bytes(4, "big")

    def _decompress(self, compressed: bytes, raw_bytes: int, decompressor: zstandard.ZstdDecompressor) -> bytes:
        try:
            if raw_bytes > _PART_BYTES_MAX or zstandard.frame_content_size(compressed) != raw_bytes:
                raise Damaged(f"{self.object_name} has a part of a wrong length", object_name=self.object_name)
            return decompressor.decompress(compressed)
        except zstandard.ZstdError as error:
            raise Damaged(f"{self.object_name} does not decompress: {error}", object_name=self.object_name) from error


def directory_end(start_of_pack: bytes) -> int:
    """Where the directory ends in the object: known from its first 34 bytes."""
    return HEADER_BYTES + int.from_bytes(start_of_pack[_FIXED_BYTES:HEADER_BYTES], "big")


def dictionary_of(raw: bytes) -> Dictionary:
    """Made of a frame's raw bytes, for those that have it as dictionary. Making one takes a quarter of the time that
    decoding a frame does: keep it. Threads may share it."""
    return zstandard.ZstdCompressionDict(raw, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def decompressor_for(dictionary: Dictionary | None) -> zstandard.ZstdDecompressor:
    """For frames with this dictionary, or with none. Of one thread only, and best kept for several frames: making one
    and its memory anew for each takes a quarter of the time that decoding it does."""
    return zstandard.ZstdDecompressor(dict_data=dictionary)


def dictionary_compressor(raw: bytes) -> zstandard.ZstdCompressor:
    """For frames that have these raw bytes, those of another frame, as their dictionary."""
    return zstandard.ZstdCompressor(compression_params=_WITH_DICTIONARY, dict_data=dictionary_of(raw))
