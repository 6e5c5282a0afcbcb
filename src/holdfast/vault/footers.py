"""What a pack's footer says: the operations of one batch of a run, in columns. Encoded as MessagePack maps.

Operations apply in this order: records, references, deletions. Where a key occurs twice the later one stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from holdfast.errors import Damaged
from holdfast.vault.digests import DIGEST_BYTES

NOTHING = bytes(16)
"""Stands in a column of digests or blob ids for a record that has none."""


class Place(NamedTuple):
    """Where some bytes lie: `length` bytes from `offset` in the decoded frame with the ordinal `frame` of a pack."""

    pack: str
    frame: int
    offset: int
    length: int


PlainPlace = tuple[str, int, int, int]
"""What a `Place` is made of, for who reads a million of them."""


class BlobDescriptor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A blob: its chunks in order, and what the source said about it. `digest`: of the whole content."""

    id: str
    size_bytes: int
    digest: bytes
    chunks: tuple[bytes, ...]
    content_type: str | None = None
    name: str | None = None
    version: str | None = None
    """What told one content from another at the source: an etag, a checksum."""
    host: str | None = None
    """Where it was fetched from: the host alone, since a URL may hold a credential."""


class RecordColumns(msgspec.Struct, omit_defaults=True):
    """Record versions of one endpoint; entry i of every column belongs to record i. An empty column: none has one.

    Their bytes follow each other in the frames: a record's offset is the sum of the lengths of those before it in its
    frame, counted through all columns of the footer.
    """

    endpoint: str
    keys: list[str]
    digests: bytes
    frames: list[int]
    lengths: list[int]
    parents: list[str] = []
    compares: bytes = b""
    blobs: bytes = b""


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record version whose bytes stand in an earlier pack; what is new is its blob."""

    endpoint: str
    key: str
    digest: bytes
    pack: str
    frame: int
    offset: int
    length: int
    parent: str = ""
    compare: bytes = b""
    blob: str = ""

    @property
    def place(self) -> Place:
        return Place(self.pack, self.frame, self.offset, self.length)


class Deletions(msgspec.Struct):
    """Records of one endpoint that the run found gone."""

    endpoint: str
    keys: list[str]


class ChunkColumns(msgspec.Struct):
    """Chunks of blobs. Offsets follow from the lengths as with records; no frame holds both kinds."""

    digests: bytes = b""
    frames: list[int] = []
    lengths: list[int] = []


class Footer(msgspec.Struct, omit_defaults=True):
    instance_id: int
    run_id: int
    sequence: int
    batch: int
    created_at: str
    records: list[RecordColumns] = []
    references: list[Reference] = []
    deletions: list[Deletions] = []
    chunks: ChunkColumns | None = None
    blobs: list[BlobDescriptor] = []

    @property
    def raw_bytes(self) -> int:
        """What all frames hold once decoded."""
        chunks = 0 if self.chunks is None else sum(self.chunks.lengths)
        return chunks + sum(sum(columns.lengths) for columns in self.records)

    def versions(self) -> Iterator["RecordVersion"]:
        """Every record of `records` with its place within this pack, in order."""
        offsets = _Offsets()
        for columns in self.records:
            places = zip(columns.frames, offsets.of(columns.frames, columns.lengths), columns.lengths, strict=True)
            for index, (frame, offset, length) in enumerate(places):
                yield RecordVersion(
                    columns.endpoint,
                    columns.keys[index],
                    cut(columns.digests, index) or b"",
                    cut(columns.compares, index),
                    columns.parents[index] if columns.parents else "",
                    _hex(cut(columns.blobs, index)),
                    frame,
                    offset,
                    length,
                )

    def chunk_places(self) -> Iterator[tuple[bytes, int, int, int]]:
        """(digest, frame, offset, length) of every chunk in this pack, in order."""
        if self.chunks is not None:
            frames, lengths = self.chunks.frames, self.chunks.lengths
            places = zip(frames, _Offsets().of(frames, lengths), lengths, strict=True)
            for index, (frame, offset, length) in enumerate(places):
                yield cut(self.chunks.digests, index) or b"", frame, offset, length


@dataclass(frozen=True, slots=True)
class RecordVersion:
    endpoint: str
    key: str
    digest: bytes
    compare: bytes | None
    parent: str
    blob: str | None
    frame: int
    offset: int
    length: int


def encode(footer: Footer) -> bytes:
    return msgspec.msgpack.encode(footer)


def decode(data: bytes, object_name: str) -> Footer:
    """Raises Damaged where the bytes are not a footer or its columns do not fit each other."""
    try:
        footer = msgspec.msgpack.decode(data, type=Footer)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{object_name} has a footer that cannot be read: {error}", object_name=object_name) from error
    for columns in footer.records:
        count = len(columns.keys)
        fits = (
            len(columns.digests) == count * DIGEST_BYTES
            and len(columns.frames) == len(columns.lengths) == count
            and len(columns.parents) in {0, count}
            and len(columns.compares) in {0, count * DIGEST_BYTES}
            and len(columns.blobs) in {0, count * 16}
        )
        if not fits:
            raise Damaged(f"{object_name} has a footer whose columns differ in length", object_name=object_name)
    chunks = footer.chunks
    if chunks is not None and not len(chunks.digests) == len(chunks.frames) * 16 == len(chunks.lengths) * 16:
        raise Damaged(f"{object_name} has a footer whose columns differ in length", object_name=object_name)
    return footer


def column(values: Sequence[bytes | None]) -> bytes:
    """A column of 16-byte values, empty where all are None."""
    return b"".join([value or NOTHING for value in values]) if any(values) else b""


def cut(values: bytes, index: int) -> bytes | None:
    """Entry `index` of a column of 16-byte values; None where it stands for nothing."""
    value = values[16 * index : 16 * index + 16]
    return None if not value or value == NOTHING else value


class _Offsets:
    """Running offsets within frames, over several columns that share frames."""

    def __init__(self) -> None:
        self._frame = -1
        self._end = 0

    def of(self, frames: Sequence[int], lengths: Sequence[int]) -> Iterator[int]:
        for frame, length in zip(frames, lengths, strict=True):
            if frame != self._frame:
                self._frame, self._end = frame, 0
            yield self._end
            self._end += length


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
