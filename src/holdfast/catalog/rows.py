"""The rows of `current` and `history` as they go in and out in bulk: tuples, because there are millions of them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class CurrentRow(NamedTuple):
    """A record's newest version, in the column order of `current` behind the stream."""

    record_key: str
    scope: int | None
    slot: int
    run_from: int
    """Sequence of the run that wrote this version."""
    digest: bytes
    compare: bytes | None
    """Canonical digest without the volatile fields, where the endpoint declares some."""
    shape: int
    pack: int
    frame: int
    start: int
    length: int
    blob: int | None


CurrentColumns = Sequence[Sequence[Any]]
"""Rows of `current` column by column, in the order of `CurrentRow`, ascending by key: where a million are inserted,
making a tuple of each costs more than its values. Made of rows by `columns_of`."""


def columns_of(rows: Iterable[tuple[Any, ...]]) -> CurrentColumns:
    """The columns of `CurrentRow`s in any order."""
    return list(zip(*sorted(rows), strict=True))


class RecordRow(NamedTuple):
    """A record's version as readers see it."""

    record_key: str
    scope: int | None
    run_from: int
    run_to: int | None
    """Sequence of the run from which on it is no longer true; None: it is the newest."""
    digest: bytes
    pack: int
    frame: int
    start: int
    length: int
    blob: int | None


class PlaceRow(NamedTuple):
    """A record's key and where its bytes stand: all that reading everything needs."""

    record_key: str
    pack: int
    frame: int
    start: int
    length: int


Known = tuple[bytes | None, int | None, int | None, int | None]
"""(digest, slot, scope, blob) of a record's newest version."""


class KeyRange(NamedTuple):
    """A range of record keys, in bytewise order."""

    low: str = ""
    includes_low: bool = True
    high: str | None = None
    includes_high: bool = False

    @classmethod
    def of_prefix(cls, prefix: str) -> "KeyRange":
        """All keys that begin so."""
        for position in range(len(prefix) - 1, -1, -1):
            code = ord(prefix[position])
            if code < 0x10FFFF:
                following = 0xE000 if code == 0xD7FF else code + 1  # what lies between are surrogates, no characters
                return cls(prefix, True, prefix[:position] + chr(following))
        return cls(prefix)

    def after(self, key: str | None) -> "KeyRange":
        """What lies behind this key."""
        if key is None or key < self.low:
            return self
        return self._replace(low=key, includes_low=False)

    def within(self, first: str, last: str) -> "KeyRange":
        """What lies between these two keys, both included."""
        narrowed = self if first <= self.low else self._replace(low=first, includes_low=True)
        if narrowed.high is not None and narrowed.high <= last:
            return narrowed
        return narrowed._replace(high=last, includes_high=True)


class StateRange(NamedTuple):
    """Where to look for the state after a run."""

    last_run: int
    """Sequence of the last run that changed the stream: states from it on are the newest one."""
    live_now: int
    """Records in the newest state."""
    live: int | None
    """Records in the state asked for."""
    first_key: str | None
    last_key: str | None
    """None where the run's counts don't tell."""
