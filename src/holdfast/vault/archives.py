"""Archives of exports: one long file each, sealed with its customer's key and cut into segments, readable by range.

They are made from the vault and kept for some days only: no manifest names them and a rebuild does not look at them.
Every attempt at an export writes segments of its own, so that a worker that was believed dead disturbs nobody.
"""

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast import tracing
from holdfast.errors import InputError
from holdfast.storage import Storage
from holdfast.vault import names
from holdfast.vault.vault import CustomerVault

SEGMENT_BYTES = 4 * 1024 * 1024
"""Plain bytes of every segment but the last: what a range of one byte costs. Never to be changed while archives exist
that were written with another size, which is why it is not a setting."""


@dataclass(frozen=True)
class Archive:
    """A finished archive."""

    export_id: int
    attempt: str
    """16 hex digits."""
    size_bytes: int


class ArchiveWriter(io.RawIOBase):
    """A writable file whose bytes go to the vault as they come, in memory of one segment. `finish` makes it whole."""

    def __init__(self, customer: CustomerVault, export_id: int) -> None:
        super().__init__()
        self._customer = customer
        self._export_id = export_id
        self._attempt = secrets.token_hex(8)
        self._buffer = bytearray()
        self._segments = 0
        self._size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:  # type: ignore[no-untyped-def] # the type of a buffer has no name before Python 3.12
        """Takes all of it. Raises what the storage raises."""
        piece = memoryview(data).cast("B")
        self._size_bytes += len(piece)
        self._buffer += piece
        while len(self._buffer) >= SEGMENT_BYTES:
            self._put(bytes(self._buffer[:SEGMENT_BYTES]))
            del self._buffer[:SEGMENT_BYTES]
        return len(piece)

    def tell(self) -> int:
        return self._size_bytes

    def finish(self) -> Archive:
        """Store what is left. Before that nobody can read the archive, after it it does not change."""
        if self._buffer:
            self._put(bytes(self._buffer))
            self._buffer.clear()
        return Archive(self._export_id, self._attempt, self._size_bytes)

    def _put(self, plain: bytes) -> None:
        name = names.archive_segment(self._customer.customer_id, self._export_id, self._attempt, self._segments)
        with tracing.span("put segment", size_bytes=len(plain)):
            self._customer.storage.put(name, self._customer.seal(plain, name.encode()))
        self._segments += 1


def read_archive(customer: CustomerVault, archive: Archive, start: int, length: int) -> Iterator[bytes]:
    """The bytes from `start` on, segment by segment. Raises ObjectMissing, Damaged; InputError for a bad range."""
    stop = start + length
    if not 0 <= start <= stop <= archive.size_bytes:
        raise InputError(f"bytes {start} to {stop} are not in an archive of {archive.size_bytes} bytes")
    return _read(customer, archive, start, stop)


def _read(customer: CustomerVault, archive: Archive, start: int, stop: int) -> Iterator[bytes]:
    for number in range(start // SEGMENT_BYTES, -(-stop // SEGMENT_BYTES)):
        name = names.archive_segment(customer.customer_id, archive.export_id, archive.attempt, number)
        plain = customer.unseal(customer.storage.get(name), name.encode())
        begin = number * SEGMENT_BYTES
        yield plain[max(start - begin, 0) : stop - begin]


def delete_archives(storage: Storage, customer_id: int, export_id: int) -> int:
    """Delete the segments of all attempts at an export. Answers how many there were."""
    found = [info.name for info in storage.list(names.archives_prefix(customer_id, export_id))]
    for name in found:
        storage.delete(name)
    return len(found)


def exports_with_archives(storage: Storage) -> Iterator[tuple[int, int]]:
    """(customer id, export id) of everything that lies under `exports/`."""
    last: tuple[int, int] | None = None
    for info in storage.list(names.archives_prefix()):
        name = names.parse(info.name)
        if name is None or name.customer_id is None or name.object_id is None:
            continue
        found = (name.customer_id, int(name.object_id))
        if found != last:
            yield found
        last = found
