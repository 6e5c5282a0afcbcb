"""Which records of a stream a run has seen: a bitmap of their slots.

One bit a record keeps 10 million records in 1.25 MB of memory, where a set of their keys would take a gigabyte.
"""

from collections.abc import Sequence


class SeenSlots:
    """A growing bitmap. Not thread-safe: the committer owns it."""

    def __init__(self, slots: int = 0) -> None:
        self._bits = bytearray((slots >> 3) + 1)

    def add(self, slot: int) -> bool:
        """Mark one slot; tells whether it was new."""
        index, bit = slot >> 3, 1 << (slot & 7)
        if index >= len(self._bits):
            self._grow(index)
        if self._bits[index] & bit:
            return False
        self._bits[index] |= bit
        return True

    def update(self, slots: Sequence[int]) -> None:
        if slots:
            self._grow(max(slots) >> 3)
        bits = self._bits
        for slot in slots:
            bits[slot >> 3] |= 1 << (slot & 7)

    def _grow(self, index: int) -> None:
        missing = index + 1 - len(self._bits)
        if missing > 0:
            self._bits.extend(bytes(max(missing, len(self._bits) >> 3)))

    def __contains__(self, slot: int) -> bool:
        index = slot >> 3
        return index < len(self._bits) and bool(self._bits[index] & (1 << (slot & 7)))
