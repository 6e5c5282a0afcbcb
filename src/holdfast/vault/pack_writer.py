"""Builds one pack in memory from what a batch of a run has to store. Bulk work: per record almost nothing but zstd."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import zstandard

from holdfast.clock import format_time, now
from holdfast.errors import VaultError
from holdfast.vault.footers import (
    BlobDescriptor,
    ChunkColumns,
    Deletions,
    Footer,
    Place,
    RecordColumns,
    Reference,
    column,
)
from holdfast.vault.packs import Pack, PackCodec, dictionary_compressor

FRAME_BYTES = 64 * 1024
"""The most a frame holds: reading one record decodes one frame."""
FIRST_FRAME_BYTES = 256 * 1024
"""The most the first frame of records holds. It is the dictionary of the others: see `packs`."""
DICTIONARY_BYTES_MIN = 8 * 1024
"""A first frame smaller than this would help too little as a dictionary. One above FIRST_FRAME_BYTES is none either."""


class PackWriter:
    """One batch of a run. Not thread-safe; after an error it refuses further work, since a part may be missing."""

    def __init__(
        self, codec: PackCodec, pack_id: str, instance_id: int, run_id: int, sequence: int, batch: int
    ) -> None:
        self._codec = codec
        self._pack_id = pack_id
        self._footer = Footer(instance_id, run_id, sequence, batch, format_time(now()))
        self._chunks = ChunkColumns()
        self._chunk_digests: list[bytes] = []
        self._stored: list[bytes] = []
        self._entries: list[tuple[int, int, int]] = []
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._open_kind: Literal["records", "chunks"] = "records"
        self._stored_bytes = 0
        self._dictionary_entry = 0
        self._dictionary: zstandard.ZstdCompressor | None = None
        self._usable = True

    @property
    def size_bytes(self) -> int:
        """About the size of the pack so far: what is stored, and what waits for its frame to fill."""
        return self._stored_bytes + self._open_bytes

    def add_records(
        self,
        endpoint: str,
        keys: Sequence[str],
        raws: Sequence[bytes],
        digests: Sequence[bytes],
        compares: Sequence[bytes | None] = (),
        blobs: Sequence[str | None] = (),
        parents: Sequence[str] = (),
    ) -> list[tuple[int, int, int]]:
        """Add record versions; the lists run side by side, an empty one means that no record has one.

        Answers (frame, offset, length) of each. `parents` are record keys of the parent endpoint.
        """
        self._begin("records")
        count = len(keys)
        if not len(raws) == len(digests) == count or any(len(x) not in {0, count} for x in (compares, blobs, parents)):
            raise self._broken("the columns of records differ in length")
        if not count:
            self._usable = True
            return []
        lengths = list(map(len, raws))
        frames, offsets = self._fill(raws, lengths)
        self._footer.records.append(
            RecordColumns(
                endpoint,
                list(keys),
                b"".join(digests),
                frames,
                lengths,
                list(parents) if any(parents) else [],
                column(compares),
                column([bytes.fromhex(blob) if blob else None for blob in blobs]) if any(blobs) else b"",
            )
        )
        self._usable = True
        return list(zip(frames, offsets, lengths, strict=True))

    def add_reference(
        self,
        endpoint: str,
        key: str,
        digest: bytes,
        compare: bytes | None,
        place: Place,
        blob: str | None,
        parent: str = "",
    ) -> None:
        """Add a record version whose bytes already stand at `place` in another pack."""
        self._begin(self._open_kind)
        self._footer.references.append(
            Reference(
                endpoint,
                key,
                digest,
                place.pack,
                place.frame,
                place.offset,
                place.length,
                parent,
                compare or b"",
                blob or "",
            )
        )
        self._usable = True

    def add_deletions(self, endpoint: str, keys: list[str]) -> None:
        """Say that these records are gone."""
        self._begin(self._open_kind)
        if keys:
            self._footer.deletions.append(Deletions(endpoint, list(keys)))
        self._usable = True

    def add_chunk(self, digest: bytes, data: bytes) -> tuple[int, int, int]:
        """Add a chunk of a blob; answers (frame, offset, length)."""
        self._begin("chunks")
        frames, offsets = self._fill([data], [len(data)])
        self._chunk_digests.append(digest)
        self._chunks.frames.append(frames[0])
        self._chunks.lengths.append(len(data))
        self._usable = True
        return frames[0], offsets[0], len(data)

    def add_blob(self, descriptor: BlobDescriptor) -> None:
        """Describe a blob whose chunks are in this pack or in earlier ones."""
        self._begin(self._open_kind)
        self._footer.blobs.append(descriptor)
        self._usable = True

    def finish(self) -> Pack | None:
        """The pack, or None if nothing was added. The writer is used up afterwards."""
        self._begin(self._open_kind)
        footer = self._footer
        if self._chunk_digests:
            self._chunks.digests = b"".join(self._chunk_digests)
            footer.chunks = self._chunks
        if not (footer.records or footer.references or footer.deletions or footer.chunks or footer.blobs):
            return None
        self._close_frame()
        start, stored_footer = self._codec.encode_rest(self._entries, footer)
        return Pack(self._pack_id, b"".join((start, *self._stored, stored_footer)), footer)

    def _begin(self, kind: Literal["records", "chunks"]) -> None:
        """Unusable until the caller has got through; records and chunks never share a frame."""
        if not self._usable:
            raise VaultError(f"pack {self._pack_id} is finished, or failed while it was written")
        self._usable = False
        if kind != self._open_kind:
            self._close_frame()
            self._open_kind = kind

    def _broken(self, reason: str) -> VaultError:
        return VaultError(f"pack {self._pack_id} cannot be written: {reason}")

    def _fill(self, pieces: Sequence[bytes], lengths: list[int]) -> tuple[list[int], list[int]]:
        """Put pieces into frames. Answers the frame and the offset of every piece.

        A frame stays within its bound, unless it is a single piece.
        """
        frames: list[int] = []
        offsets: list[int] = []
        ends = list(accumulate(lengths, initial=0))
        start = 0
        while start < len(pieces):
            shift = self._open_bytes - ends[start]
            stop = bisect_right(ends, self._frame_bytes_max() - shift) - 1
            if stop <= start:
                if self._open:
                    self._close_frame()
                    continue
                stop = start + 1
            frames += [len(self._stored)] * (stop - start)
            offsets += [end + shift for end in ends[start:stop]]
            self._open += pieces[start:stop]
            self._open_bytes += ends[stop] - ends[start]
            start = stop
        return frames, offsets

    def _frame_bytes_max(self) -> int:
        first = self._open_kind == "records" and not self._dictionary_entry
        return FIRST_FRAME_BYTES if first else FRAME_BYTES

    def _close_frame(self) -> None:
        if not self._open:
            return
        raw = b"".join(self._open)
        dictionary = self._dictionary if self._open_kind == "records" else None
        stored = self._codec.encode_frame(len(self._stored), raw, dictionary)
        self._stored.append(stored)
        self._entries.append((len(stored), len(raw), self._dictionary_entry if dictionary else 0))
        self._stored_bytes += len(stored)
        wanted = self._open_kind == "records" and self._dictionary is None
        if wanted and DICTIONARY_BYTES_MIN <= len(raw) <= FIRST_FRAME_BYTES:
            self._dictionary_entry = len(self._stored)
            self._dictionary = dictionary_compressor(raw)
        self._open, self._open_bytes = [], 0
