"""The additive sum over a stream's live records, by which two ways of coming to a state can be told to agree."""

from collections.abc import Sequence

from sqlalchemy import Connection

from holdfast.catalog import blobs
from holdfast.catalog.records import CurrentRow
from holdfast.vault import digests


def summed(
    connection: Connection, total: bytes, *, added: Sequence[CurrentRow], removed: Sequence[CurrentRow]
) -> bytes:
    """The sum with these rows added and taken away; a record with a blob counts as bound to it."""
    numbers = {row.blob for row in (*added, *removed) if row.blob is not None}
    found = blobs.get_many(connection, numbers) if numbers else {}

    def elements(rows: Sequence[CurrentRow]) -> list[bytes]:
        return [
            row.digest if row.blob is None else digests.with_blob(row.digest, found[row.blob].digest) for row in rows
        ]

    return digests.subtract(digests.add(total, elements(added)), elements(removed))
