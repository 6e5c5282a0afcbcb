"""Reads one customer's packs from the storage: frames by range, footers, whole packs. Everything is authenticated."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import zstandard

from holdfast.errors import Damaged, ObjectMissing
from holdfast.storage import Storage
from holdfast.vault import names
from holdfast.vault.footers import Footer, Place, PlainPlace
from holdfast.vault.frame_cache import RecentlyUsed
from holdfast.vault.keys import CustomerKeys
from holdfast.vault.packs import (
    Dictionary,
    Directory,
    Pack,
    PackCodec,
    Part,
    decompressor_for,
    dictionary_of,
    directory_end,
)

_FRAME_CACHE_BYTES = 128 * 1024 * 1024
"""The dictionaries of a million records take 50 MB: with room for little else they would drive each other out."""
_DIRECTORY_CACHE_PARTS = 100_000
_FIRST_READ_BYTES = 128 * 1024
"""Nearly always holds the directory and the first frame, the dictionary of the others: one request for both."""
_RANGE_BYTES_MAX = 8 * 1024 * 1024
"""Neighbouring frames are fetched in one request up to this size."""

_FRAME = itemgetter(0, 1)
"""Of a place: its pack and its frame."""

NumberedPlace = tuple[str, int, int, int, int]
"""A record's key, its pack as a number, and where its bytes stand there: frame, offset, length."""
_NUMBERED_FRAME = itemgetter(1, 2)
_LENGTH = itemgetter(4)

_Opened = tuple[PackCodec, Directory]


class PackCache:
    """What readers keep of packs they have read; one for all customers, so that its bound is one."""

    def __init__(self) -> None:
        self.frames: RecentlyUsed[bytes | Dictionary] = RecentlyUsed(_FRAME_CACHE_BYTES)
        self.opened: RecentlyUsed[_Opened] = RecentlyUsed(_DIRECTORY_CACHE_PARTS)

    def forget(self, customer_id: int) -> None:
        """Keep nothing of a customer's packs: neither content nor keys."""
        self.frames.discard(lambda key: isinstance(key, tuple) and key[0] == customer_id)
        self.opened.discard(lambda key: isinstance(key, tuple) and key[0] == customer_id)


class PackReader:
    """Thread-safe. Raises ObjectMissing where a pack is not there, Damaged where its bytes are not as written."""

    def __init__(self, storage: Storage, keys: CustomerKeys, customer_id: int, cache: PackCache) -> None:
        self._storage = storage
        self._keys = keys
        self._customer_id = customer_id
        self._cache = cache

    def read_frame(self, pack_id: str, frame: int) -> bytes:
        """A frame's decoded bytes."""
        return self._read_frames(pack_id, [frame])[frame]

    def read_frames_once(self, pack_id: str, frames: Sequence[int]) -> dict[int, bytes]:
        """Decoded frames by number, for one who reads through everything: they are not kept, since they would only
        drive out what others read again and again. `frames` ascending."""
        return self._read_frames(pack_id, frames, keep=False)

    def read_many(self, places: Sequence[Place | PlainPlace], *, keep: bool = True) -> list[bytes]:
        """The bytes at every place, in the order asked for; each frame is fetched and decoded once.

        Without `keep` the frames are not kept, as in `read_frames_once`.
        """
        decoded = self._read_frames_of(places, keep=keep)
        raws: list[bytes] = []
        for pack_id, frame, offset, length in places:
            raw = decoded[pack_id, frame][offset : offset + length]
            if len(raw) != length or offset < 0:
                raise self._nothing_at(pack_id, frame, offset)
            raws.append(raw)
        return raws

    def read_lines(self, rows: Sequence[NumberedPlace], names: Mapping[int, str]) -> bytes:
        """The JSON documents at every place, one a line: line breaks in them, between tokens, become spaces. `names`
        has the pack of every number.

        For who reads through millions from the first to the last: everything is copied once only, and frames that were
        read to their end are not kept, so that the next ones get memory that the processor has at hand. Apart from the
        decoding that takes a tenth of the time of `read_many` and joining.
        """
        runs = [(at, list(run)) for at, run in groupby(rows, _NUMBERED_FRAME)]
        frames = sorted({at for at, _ in runs})
        decoded: dict[tuple[int, int], bytes] = {}
        for number, group in groupby(frames, itemgetter(0)):
            wanted = [frame for _, frame in group]
            for frame, content in self._read_frames(names[number], wanted, keep=False).items():
                decoded[number, frame] = content
        views = {at: memoryview(_on_one_line(decoded[at])) for at in frames}
        lines: list[memoryview | bytes] = []
        for at, run in runs:
            view = views[at]
            lines += [view[start : start + length] for _, _, _, start, length in run if start >= 0 < length]
        joined = b"\n".join((*lines, b""))
        if len(joined) != sum(map(_LENGTH, rows)) + len(rows):  # told once here instead of at every line
            _, number, frame, start, _ = next(
                row for row in rows if row[3] < 0 or row[4] <= 0 or row[3] + row[4] > len(decoded[row[1], row[2]])
            )
            raise self._nothing_at(names[number], frame, start)
        ends = {at: run[-1][3] + run[-1][4] for at, run in runs}
        for (number, frame), content in decoded.items():
            if ends.get((number, frame)) != len(content):  # there is more in it
                self._cache.frames.put((self._customer_id, names[number], frame), content, len(content))
        return joined

    def _read_frames_of(
        self, places: Sequence[Place | PlainPlace], *, keep: bool
    ) -> dict[tuple[str, int], bytes]:  # fmt: skip
        wanted: dict[str, list[int]] = {}
        for pack_id, frame in sorted(set(map(_FRAME, places))):
            wanted.setdefault(pack_id, []).append(frame)
        return {
            (pack_id, frame): raw
            for pack_id, frames in wanted.items()
            for frame, raw in self._read_frames(pack_id, frames, keep=keep).items()
        }

    def _nothing_at(self, pack_id: str, frame: int, offset: int) -> Damaged:
        name = names.pack(self._customer_id, pack_id)
        return Damaged(f"{name} has nothing at {offset} in frame {frame}", object_name=name)

    def read_footer(self, pack_id: str) -> Footer:
        return self.read_contents(pack_id)[0]

    def read_contents(self, pack_id: str) -> tuple[Footer, Directory]:
        """What the pack says it holds, and where."""
        codec, directory, _ = self._open(pack_id)
        footer = directory.footer
        stored = self._storage.get(codec.object_name, footer.start, footer.stored_bytes + 1)
        if len(stored) > footer.stored_bytes:
            raise Damaged(f"{codec.object_name} is longer than it was written", object_name=codec.object_name)
        return codec.decode_footer(directory, stored), directory

    def size_bytes(self, pack_id: str) -> int:
        """The size that the object has by its own directory."""
        return self._open(pack_id)[1].size_bytes

    def open_whole(self, pack_id: str, data: bytes) -> tuple[PackCodec, Directory]:
        """The codec and the directory of a pack whose bytes are at hand."""
        return _open(self._keys, self._customer_id, pack_id, names.pack(self._customer_id, pack_id), data)

    def check_written(self, pack: Pack) -> None:
        """Decode what was just encoded and compare: a fault of memory or code is found before anyone relies on it."""
        codec, directory = self.open_whole(pack.id, pack.data)
        stored = pack.data[directory.footer.start :]
        if directory.size_bytes != len(pack.data) or codec.decode_footer(directory, stored) != pack.footer:
            raise Damaged(f"{codec.object_name} was encoded wrongly; it was not stored", object_name=codec.object_name)

    def _open(self, pack_id: str) -> tuple[PackCodec, Directory, bytes]:
        """The codec, the directory, and what was fetched of the pack's start; nothing if it was known."""
        known = self._cache.opened.get((self._customer_id, pack_id))
        if known is not None:
            return *known, b""
        name = names.pack(self._customer_id, pack_id)
        try:
            start = self._storage.get(name, 0, _FIRST_READ_BYTES)
            if len(start) == _FIRST_READ_BYTES < directory_end(start):
                start = self._storage.get(name, 0, directory_end(start))
        except ObjectMissing as error:
            raise ObjectMissing(
                f"pack {name} is missing from {self._storage.url}",
                hint="`holdfast verify` names what it held, `holdfast repair` gets back what can be had.",
            ) from error
        opened = _open(self._keys, self._customer_id, pack_id, name, start)
        self._cache.opened.put((self._customer_id, pack_id), opened, len(opened[1].frames) + 1)
        return *opened, start

    def _read_frames(self, pack_id: str, frames: Sequence[int], *, keep: bool = True) -> dict[int, bytes]:
        """Decoded frames; `frames` ascending. Dictionaries are always kept."""
        found: dict[int, bytes] = {}
        missing = [frame for frame in frames if not self._find(pack_id, frame, found)]
        if not missing:
            return found
        codec, directory, start = self._open(pack_id)
        parts = directory.frames
        if missing[0] < 0 or missing[-1] >= len(parts):
            raise Damaged(f"{codec.object_name} has no frame {missing[-1]}", object_name=codec.object_name)
        needed = {number for frame in missing if (number := parts[frame].dictionary) is not None}
        dictionaries = {number: known for number in needed if (known := self._dictionary(pack_id, number)) is not None}
        missing = sorted({*missing, *needed.difference(dictionaries)})  # a dictionary comes before those that need it
        decompressors: dict[int | None, zstandard.ZstdDecompressor] = {
            number: decompressor_for(known) for number, known in dictionaries.items()
        }
        for group in _neighbours(missing, parts):
            stored = self._fetch(codec, parts[group[0]].start, parts[group[-1]], start)
            for frame in group:
                part = parts[frame]
                first = part.start - parts[group[0]].start
                if part.dictionary not in decompressors:  # it has none, or a damaged directory names a later frame
                    decompressors[part.dictionary] = decompressor_for(None)
                decompressor = decompressors[part.dictionary]
                raw = codec.decode_frame(frame, stored[first : first + part.stored_bytes], part, decompressor)
                if frame in needed:
                    decompressors[frame] = decompressor_for(self._kept_dictionary(pack_id, frame, raw))
                elif keep:
                    self._cache.frames.put((self._customer_id, pack_id, frame), raw, len(raw))
                found[frame] = raw
        return found

    def _dictionary(self, pack_id: str, frame: int) -> Dictionary | None:
        cached = self._cache.frames.get((self._customer_id, pack_id, frame))
        return self._kept_dictionary(pack_id, frame, cached) if isinstance(cached, bytes) else cached

    def _kept_dictionary(self, pack_id: str, frame: int, raw: bytes) -> Dictionary:
        dictionary = dictionary_of(raw)
        self._cache.frames.put((self._customer_id, pack_id, frame), dictionary, len(raw))
        return dictionary

    def _find(self, pack_id: str, frame: int, found: dict[int, bytes]) -> bool:
        """Take a frame from the cache into `found`, if it is there."""
        cached = self._cache.frames.get((self._customer_id, pack_id, frame))
        if cached is None:
            return False
        found[frame] = cached if isinstance(cached, bytes) else cached.as_bytes()
        return True

    def _fetch(self, codec: PackCodec, first: int, last: Part, start_of_pack: bytes) -> memoryview:
        """The stored bytes from `first` to the end of the part `last`, from what is at hand or from the storage."""
        end = last.start + last.stored_bytes
        if end <= len(start_of_pack):
            return memoryview(start_of_pack)[first:end]
        return memoryview(self._storage.get(codec.object_name, first, end - first))


def _on_one_line(content: bytes) -> bytes:
    if b"\n" in content or b"\r" in content:
        return content.replace(b"\n", b" ").replace(b"\r", b" ")
    return content


def _open(keys: CustomerKeys, customer_id: int, pack_id: str, name: str, start: bytes) -> _Opened:
    codec = PackCodec.of_header(keys, customer_id, pack_id, name, start)
    return codec, codec.decode_directory(start)


def _neighbours(frames: Sequence[int], parts: Sequence[Part]) -> list[list[int]]:
    """Frames that lie side by side, in groups of a bounded size."""
    groups: list[list[int]] = []
    size = 0
    for frame in frames:
        stored = parts[frame].stored_bytes
        if groups and groups[-1][-1] + 1 == frame and size + stored <= _RANGE_BYTES_MAX:
            groups[-1].append(frame)
            size += stored
        else:
            groups.append([frame])
            size = stored
    return groups
