"""What `records` and `changes` ask of a database's fast path, and which module is whose."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import sqlalchemy as sa

from holdfast.catalog import bulk_sqlite
from holdfast.catalog.rows import CurrentColumns, CurrentRow, KeyRange, Known, PlaceRow, RecordRow, StateRange


class Bulk(Protocol):
    """A module of functions. Rows come in any order; at most some 10,000 at once."""

    def lookup(self, conn: sa.Connection, stream: int, keys: Sequence[str]) -> dict[str, CurrentRow]:
        """The rows of `current` with these keys, by key."""

    def known(self, conn: sa.Connection, stream: int, keys: Sequence[str]) -> list[Known]:
        """What `current` has of these records, in the order of the keys."""

    def insert(self, conn: sa.Connection, stream: int, columns: CurrentColumns) -> None:
        """New rows of `current`."""

    def replace(self, conn: sa.Connection, stream: int, rows: Sequence[CurrentRow]) -> None:
        """Rows of `current` in place of those with the same keys."""

    def close(self, conn: sa.Connection, stream: int, sequence: int, keys: Iterable[str]) -> None:
        """Copy these rows of `current` to `history`, ending with this run, except those it wrote itself."""

    def remove(self, conn: sa.Connection, stream: int, keys: Iterable[str]) -> list[bytes]:
        """Delete these rows of `current`; returns the digests of those there were."""

    def note_changes(self, conn: sa.Connection, stream: int, sequence: int, keys: Iterable[str]) -> None:
        """Rows of `changes`, where there are none yet."""

    def keys(self, conn: sa.Connection, stream: int, within: KeyRange, limit: int) -> list[tuple[str, int, int | None]]:
        """(record key, slot, scope) of `current`, ascending by key."""

    def state_range(self, conn: sa.Connection, stream: int, sequence: int) -> StateRange:
        """Where the state after this run stands. The stream exists."""

    def page(
        self, conn: sa.Connection, stream: int, sequence: int | None, within: KeyRange, scope: int | None, limit: int,
        offset: int, descending: bool,
    ) -> list[RecordRow]:  # fmt: skip
        """Rows of the state after a run, or of the newest (None), ordered by key."""

    def places(
        self, conn: sa.Connection, stream: int, sequence: int | None, within: KeyRange, limit: int
    ) -> list[PlaceRow]:  # fmt: skip
        """The same rows ascending, with what reading their bytes needs."""

    def versions(
        self, conn: sa.Connection, stream: int, keys: Sequence[str], sequence: int
    ) -> dict[str, RecordRow]:  # fmt: skip
        """These records as they were after a run, by key, without those that were not there."""

    def changed_keys(self, conn: sa.Connection, stream: int, run: int, after: str | None, limit: int) -> list[str]:
        """Keys in `changes` of one run, ascending, on from the key `after`."""


def bulk(conn: sa.Connection) -> Bulk:
    """The fast path of this connection's database."""
    if conn.dialect.name == "postgresql":
        from holdfast.catalog import bulk_postgresql  # psycopg takes 100 ms to import

        return bulk_postgresql
    return bulk_sqlite
