"""Looking into backups: which state a reader sees, its endpoints, its records, their blobs. Reads only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection

from holdfast.catalog import blobs as catalog_blobs
from holdfast.catalog import debts, packs, records, runs, streams
from holdfast.catalog.instances import Instance
from holdfast.catalog.records import RecordRow
from holdfast.catalog.rows import PlaceRow
from holdfast.catalog.runs import Run
from holdfast.catalog.streams import Stream
from holdfast.errors import Damaged, NotFound
from holdfast.operations.services import Services
from holdfast.vault import BlobDescriptor, CustomerVault, Place, digests
from holdfast.vault.blobs import read_blob
from holdfast.vault.digests import BlobDigest, blob_digest

_PACK = itemgetter(1)


@dataclass(frozen=True)
class State:
    """An instance's data after one of its runs. What every reading function below takes."""

    instance_id: int
    customer_id: int
    run: Run
    is_newest: bool
    """No run has changed anything since: readers need not look into the history."""

    @property
    def sequence(self) -> int | None:
        """As the catalog's listings take it."""
        return None if self.is_newest else self.run.sequence


@dataclass(frozen=True)
class EndpointSummary:
    name: str
    description: str | None
    records: int


class StoredRecord(NamedTuple):
    """A record as it was; `raw` are the bytes the source sent. A tuple: an export makes millions."""

    key: str
    raw: bytes
    row: RecordRow

    @property
    def has_blob(self) -> bool:
        return self.row.blob is not None


@dataclass(frozen=True)
class StoredBlob:
    """A blob as it was."""

    descriptor: BlobDescriptor
    etag: str
    """Equal for equal bytes of one customer."""
    _customer: CustomerVault
    _places: Sequence[Place]

    def read(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` on in pieces; reading the whole checks its digest. Raises Damaged, ObjectMissing."""
        return read_blob(self._customer, self.descriptor, self._places, start, length)

    def empty_digest(self) -> BlobDigest:
        """To be updated with the pieces of another blob: of equal bytes it is the descriptor's `digest`."""
        return blob_digest(self._customer.blob_key)


class Browser:
    """Reads states of instances. Thread-safe."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._vault = services.vault
        self._pack_names: dict[int, str] = {}

    def state(
        self,
        instance: Instance,
        *,
        backup_id: int | None = None,
        sequence: int | None = None,
        at: datetime | None = None,
    ) -> State | None:
        """The state after a run, by its id, its number within the instance, or as of a time; else the newest ended one.

        None: nothing has been backed up yet (or not by then). Raises NotFound for an unknown backup.
        """
        with self._database.read() as connection:
            newest = runs.newest(connection, instance.id)
            run: Run | None
            if backup_id is not None:
                run = runs.get(connection, backup_id, instance_id=instance.id)
            elif sequence is not None:
                run = runs.by_sequence(connection, instance.id, sequence)
                if run is None:
                    hint = f"The newest is number {newest.sequence}." if newest is not None else "There is none yet."
                    raise NotFound(f"there is no backup number {sequence}", field="backup", hint=hint)
            elif newest is not None and newest.ended_at is not None and (at is None or newest.ended_at <= at):
                run = newest
            else:
                run = runs.newest_ended(connection, instance.id, at=at)
        if run is None or newest is None:
            return None
        return State(instance.id, instance.customer_id, run, run.sequence == newest.sequence)

    def endpoints(self, state: State) -> list[EndpointSummary]:
        """In the definition's order."""
        with self._database.read() as connection:
            found = streams.of_instance(connection, state.instance_id)
            return [
                EndpointSummary(
                    stream.endpoint, stream.description, records.count(connection, stream.id, state.sequence)
                )
                for stream in found
                if stream.first_run <= state.run.sequence
            ]

    def records(
        self, state: State, endpoint: str, *, after: str | None = None, limit: int = 20, offset: int = 0
    ) -> list[StoredRecord]:
        """Ascending by key, bytewise; on from the key `after`. Raises NotFound for an unknown endpoint."""
        with self._database.read() as connection:
            stream = self._stream(connection, state, endpoint)
            if offset:
                rows = records.page_at(connection, stream.id, offset, sequence=state.sequence, limit=limit)
            else:
                rows = records.page(connection, stream.id, sequence=state.sequence, after=after, limit=limit)
        return self._read(state, endpoint, rows)

    def records_of(self, state: State, endpoint: str, keys: Sequence[str]) -> list[StoredRecord]:
        """These records, in the order of the keys, without those that are not there."""
        with self._database.read() as connection:
            stream = self._stream(connection, state, endpoint)
            rows = records.get_many(connection, stream.id, keys, state.sequence)
        return self._read(state, endpoint, [rows[key] for key in keys if key in rows])

    def places(self, state: State, endpoint: str, *, after: str | None, limit: int) -> list[PlaceRow]:
        """Where the bytes stand of the records that `records` would give; for `lines`."""
        with self._database.read() as connection:
            stream = self._stream(connection, state, endpoint)
            return records.places(connection, stream.id, sequence=state.sequence, after=after, limit=limit)

    def lines(self, state: State, rows: Sequence[PlaceRow]) -> bytes:
        """The records at these places, one a line, for who reads all of a state. Raises Damaged, ObjectMissing."""
        self._learn_pack_names(set(map(_PACK, rows)))
        return self._vault.customer(state.customer_id).read_lines(rows, self._pack_names)

    def rows(self, state: State, endpoint: str, *, after: str | None = None, limit: int = 20) -> list[RecordRow]:
        """The catalog's rows of what `records` would give: reads nothing from the vault."""
        with self._database.read() as connection:
            stream = self._stream(connection, state, endpoint)
            return records.page(connection, stream.id, sequence=state.sequence, after=after, limit=limit)

    def keys(self, state: State, endpoint: str, *, after: str | None = None, limit: int = 20) -> list[str]:
        """The records' keys alone, as `records` would give them."""
        return [row.record_key for row in self.rows(state, endpoint, after=after, limit=limit)]

    def count(self, state: State, endpoint: str) -> int:
        with self._database.read() as connection:
            return records.count(connection, self._stream(connection, state, endpoint).id, state.sequence)

    def record(self, state: State, endpoint: str, key: str) -> StoredRecord:
        """Raises NotFound."""
        with self._database.read() as connection:
            stream = self._stream(connection, state, endpoint)
            row = records.get(connection, stream.id, key, state.sequence)
        if row is None:
            raise NotFound(f"{endpoint} has no record {key}", field="record_id")
        return self._read(state, endpoint, [row])[0]

    def deleted_in(self, state: State, endpoint: str, key: str) -> tuple[int, int | None] | None:
        """Of a record that this state lacks: the backup that found it deleted, and the newest one that shows it, if any
        is kept. None: no backup up to this state had it, or all that had it are pruned."""
        with self._database.read() as connection:
            stream = self._stream(connection, state, endpoint)
            span = records.last_span(connection, stream.id, key, state.run.sequence)
            if span is None:
                return None
            for sequence in range(span[1] - 1, span[0] - 1, -1):
                if runs.by_sequence(connection, state.instance_id, sequence) is not None:
                    return span[1], sequence
        return span[1], None

    def _without_blob(self, state: State, record: StoredRecord) -> NotFound:
        """Whether the record has no blob at the source, or only here: it could not be downloaded."""
        with self._database.read() as connection:
            for stream in streams.of_instance(connection, state.instance_id):
                owed = debts.find(connection, stream.id, record.key, "blob") if state.is_newest else None
                if owed is not None and self._is_of(connection, stream.id, record):
                    why = "nobody has tried yet" if owed.cause == debts.PENDING else owed.message
                    return NotFound(
                        f"the blob of record {record.key} is not here: {why}", field="record_id", code="blob_owed",
                        hint="The next backup tries again.",
                    )  # fmt: skip
        return NotFound(f"record {record.key} has no blob", field="record_id")

    @staticmethod
    def _is_of(connection: Connection, stream: int, record: StoredRecord) -> bool:
        row = records.get(connection, stream, record.key)
        return row is not None and (row.pack, row.frame, row.start) == (
            record.row.pack,
            record.row.frame,
            record.row.start,
        )

    def blob(self, state: State, record: StoredRecord) -> StoredBlob:
        """Raises NotFound where the record has none."""
        if record.row.blob is None:
            raise self._without_blob(state, record)
        return self.blob_of(state, record.key, record.row.blob)

    def has_blobs(self, state: State) -> bool:
        """Whether any record of the instance has ever had one that is kept."""
        with self._database.read() as connection:
            return catalog_blobs.any_of(connection, state.instance_id)

    def blob_of(self, state: State, key: str, blob: int) -> StoredBlob:
        """The blob of the record `key`, by the number in its row."""
        with self._database.read() as connection:
            row = catalog_blobs.get(connection, blob)
            found = catalog_blobs.chunk_places(connection, state.customer_id, row.chunk_digests)
        places = []
        for digest in row.chunk_digests:
            if digest not in found:
                raise Damaged(
                    f"a part of the blob of record {key} is not in the catalog",
                    object_name=f"blob {row.object_id}",
                    hint="`holdfast rebuild` makes the catalog again from the vault.",
                )
            place = found[digest]
            places.append(Place(self.pack_name(place.pack), place.frame, place.start, place.length))
        descriptor = BlobDescriptor(
            id=row.object_id,
            size_bytes=row.size_bytes,
            digest=row.digest,
            chunks=tuple(row.chunk_digests),
            content_type=row.content_type,
            name=row.name,
            version=row.version,
        )
        return StoredBlob(descriptor, row.digest.hex(), self._vault.customer(state.customer_id), places)

    def read_rows(self, customer_id: int, rows: Sequence[RecordRow]) -> list[bytes]:
        """The stored bytes of these rows, in their order."""
        self._learn_pack_names({row.pack for row in rows})
        names = self._pack_names
        return self._vault.customer(customer_id).read_many(
            [(names[pack], frame, start, length) for _, _, _, _, _, pack, frame, start, length, _ in rows]
        )

    def pack_name(self, number: int) -> str:
        """The vault's name of a pack."""
        if number not in self._pack_names:
            with self._database.read() as connection:
                self._pack_names.update(packs.object_ids(connection, [number]))
        return self._pack_names[number]

    def _read(self, state: State, endpoint: str, rows: Sequence[RecordRow]) -> list[StoredRecord]:
        """Raises Damaged where a row of the catalog points to other bytes than those that it was written for."""
        raws = self.read_rows(state.customer_id, rows)
        key = self._vault.customer(state.customer_id).digest_key
        found = digests.record_digests(key, endpoint, [row.record_key for row in rows], raws)
        for row, digest in zip(rows, found, strict=True):
            if row.digest != digest:
                raise Damaged(
                    f"the catalog points to other bytes for record {row.record_key} of {endpoint}",
                    object_name=f"record {row.record_key}",
                    hint="`holdfast rebuild` makes the catalog again from the vault.",
                )
        return [StoredRecord(row[0], raw, row) for row, raw in zip(rows, raws, strict=True)]

    def _learn_pack_names(self, numbers: set[int]) -> None:
        names = self._pack_names
        unknown = {number for number in numbers if number not in names}
        if unknown:
            with self._database.read() as connection:
                names.update(packs.object_ids(connection, unknown))

    def _stream(self, connection: Connection, state: State, endpoint: str) -> Stream:
        stream = streams.find(connection, state.instance_id, endpoint)
        if stream is None or stream.first_run > state.run.sequence:
            found = streams.of_instance(connection, state.instance_id)
            names = [one.endpoint for one in found if one.first_run <= state.run.sequence]
            raise NotFound(
                f"there is no endpoint {endpoint}", field="endpoint_name", hint=f"There are: {', '.join(names)}."
            )
        return stream
