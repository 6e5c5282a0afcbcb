"""Which record stands where in a pack's frames, from its footer: for readers that begin with bytes instead of a key."""

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import NamedTuple

from holdfast.vault.footers import Footer, cut


class LocatedRecord(NamedTuple):
    """A record version's bytes in a frame: from `start` (inclusive) to `end` (exclusive)."""

    endpoint: str
    key: str
    digest: bytes
    start: int
    end: int


class FrameRecords:
    """The records of one frame, in their order."""

    def __init__(self, footer: Footer, frame: int) -> None:
        self._owners: list[tuple[str, str, bytes]] = []
        lengths: list[int] = []
        for columns in footer.records:  # a batch fills one frame after the other, so the numbers ascend
            first, last = bisect_left(columns.frames, frame), bisect_right(columns.frames, frame)
            self._owners += [
                (columns.endpoint, columns.keys[index], cut(columns.digests, index) or b"")
                for index in range(first, last)
            ]
            lengths += columns.lengths[first:last]
        self._edges = list(accumulate(lengths, initial=0))

    def __len__(self) -> int:
        return len(self._owners)

    def at(self, offset: int) -> LocatedRecord | None:
        """The record that has the byte at `offset`; None behind the last one."""
        index = bisect_right(self._edges, offset) - 1
        if not 0 <= index < len(self._owners):
            return None
        return LocatedRecord(*self._owners[index], self._edges[index], self._edges[index + 1])
