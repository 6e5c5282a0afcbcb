"""Puts one ended run back into the catalog: its packs' operations, what it counted and what it owed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection

from holdfast.catalog import blobs, debts, definitions, packs, records, runs, scopes, streams
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.debts import Debt
from holdfast.catalog.records import CurrentRow
from holdfast.catalog.rows import columns_of
from holdfast.catalog.runs import Run
from holdfast.catalog.streams import Stream
from holdfast.clock import parse_time
from holdfast.definitions.loading import load
from holdfast.errors import Damaged, DefinitionError, NotFound
from holdfast.operations import alarms
from holdfast.operations.backup.comparing import UNKNOWN_SHAPE
from holdfast.operations.backup.totals import keep_counts, totals
from holdfast.operations.services import Services
from holdfast.operations.state_sum import summed
from holdfast.vault import CustomerVault, Footer, Manifest
from holdfast.vault.names import pack as pack_object


@dataclass
class _StreamState:
    row: Stream
    live: int
    state_sum: bytes


class Replay:
    """Puts one ended run back into the catalog: `open`, then every pack, then `close`."""

    def __init__(self, services: Services, customer: CustomerVault, manifest: Manifest) -> None:
        self._database = services.database
        self._customer = customer
        self._manifest = manifest
        self._streams: dict[str, _StreamState] = {}

    def open(self) -> None:
        manifest = self._manifest
        run = Run(
            id=manifest.run_id,
            instance_id=manifest.instance_id,
            sequence=manifest.sequence,
            status=manifest.status,
            queued_at=parse_time(manifest.queued_at or manifest.started_at),
            started_at=parse_time(manifest.started_at),
            ended_at=parse_time(manifest.ended_at),
            cancel_requested_at=None,
            definition_revision_id=manifest.definition_revision_id,
            options=manifest.options,
            failures=manifest.failures,
            counters=totals(manifest),
            worker=None,
        )
        with self._database.write() as connection:
            runs.restore(connection, run)
            descriptions = self._descriptions(connection)
            described = [(state.endpoint, descriptions.get(state.endpoint)) for state in manifest.endpoints]
            opened = (
                streams.ensure(connection, manifest.instance_id, described, manifest.sequence)
                if described
                else {stream.endpoint: stream for stream in streams.of_instance(connection, manifest.instance_id)}
            )
        self._streams = {name: _StreamState(row, row.live, row.state_sum) for name, row in opened.items()}

    def _descriptions(self, connection: Connection) -> Mapping[str, str | None]:
        """The endpoints' descriptions in the run's document, where this release can still read it."""
        if self._manifest.definition_revision_id is None:
            return {}
        try:
            return _descriptions(definitions.revision(connection, self._manifest.definition_revision_id).document)
        except (NotFound, DefinitionError):
            return {}

    def register(self, pack_id: str, *, contents_only: bool) -> Footer:
        """Note a pack, its chunks and the blobs it describes. Raises Damaged, ObjectMissing."""
        footer, directory = self._customer.packs.read_contents(pack_id)
        manifest = self._manifest
        if footer.instance_id != manifest.instance_id or footer.sequence > manifest.sequence:
            name = pack_object(self._customer.customer_id, pack_id)
            raise Damaged(f"{name} belongs to another backup than its manifest says", object_name=name)
        with self._database.write() as connection:
            register_pack(
                connection, self._customer.customer_id, pack_id, footer, directory.size_bytes,
                contents_only=contents_only,
            )  # fmt: skip
        return footer

    def apply(self, pack_id: str) -> int:
        """Apply a pack's operations, which is noted before if need be; answers how many record versions it has.

        Raises Damaged, ObjectMissing.
        """
        with self._database.read() as connection:
            is_known = bool(packs.numbers(connection, [pack_id]))
        footer = self._customer.read_footer(pack_id) if is_known else self.register(pack_id, contents_only=False)
        with self._database.write() as connection:
            number = packs.numbers(connection, [pack_id])[pack_id]
            written = self._write_versions(connection, footer, number)
            for deletions in footer.deletions:
                self._delete(connection, deletions.endpoint, deletions.keys)
            for state in self._streams.values():
                streams.advance(connection, state.row.id, live=state.live, state_sum=state.state_sum)
        return written

    def _stream(self, connection: Connection, endpoint: str) -> _StreamState:
        """An endpoint that the manifest does not name had been dropped from the definition before this run."""
        if endpoint not in self._streams:
            row = streams.add_behind(connection, self._manifest.instance_id, endpoint, self._manifest.sequence)
            self._streams[endpoint] = _StreamState(row, row.live, row.state_sum)
        return self._streams[endpoint]

    def _write_versions(self, connection: Connection, footer: Footer, number: int) -> int:
        """Records and references of a pack: rows whose slot and scope are filled in for each stream."""
        versions = list(footer.versions())
        wanted = [version.blob for version in versions if version.blob] + [
            one.blob for one in footer.references if one.blob
        ]
        blob_numbers = blobs.numbers(connection, wanted)
        pack_numbers = packs.numbers(connection, [reference.pack for reference in footer.references])
        self._require(number, wanted, blob_numbers, "blob")
        self._require(number, [reference.pack for reference in footer.references], pack_numbers, "pack")
        by_endpoint: dict[str, dict[str, tuple[CurrentRow, str]]] = {}
        for version in versions:
            row = CurrentRow(
                version.key, None, 0, self._manifest.sequence, version.digest, version.compare, UNKNOWN_SHAPE, number,
                version.frame, version.offset, version.length, blob_numbers[version.blob] if version.blob else None,
            )  # fmt: skip
            by_endpoint.setdefault(version.endpoint, {})[version.key] = row, version.parent
        for one in footer.references:
            row = CurrentRow(
                one.key, None, 0, self._manifest.sequence, one.digest, one.compare or None, UNKNOWN_SHAPE,
                pack_numbers[one.pack], one.frame, one.offset, one.length, blob_numbers[one.blob] if one.blob else None,
            )  # fmt: skip
            by_endpoint.setdefault(one.endpoint, {})[one.key] = row, one.parent
        for endpoint, rows in by_endpoint.items():
            self._write(connection, self._stream(connection, endpoint), rows)
        return len(versions)

    def _require(self, number: int, wanted: Sequence[str], found: dict[str, int], kind: str) -> None:
        for one in wanted:
            if one not in found:
                raise Damaged(
                    f"pack {number} of backup {self._manifest.sequence} needs {kind} {one}, which is lost",
                    object_name=f"{kind} {one}",
                )

    def _write(
        self, connection: Connection, state: _StreamState, rows: dict[str, tuple[CurrentRow, str]]
    ) -> None:  # fmt: skip
        stream = state.row.id
        opened = scopes.ensure(connection, stream, list({parent for _, parent in rows.values()}))
        old = records.lookup(connection, stream, list(rows))
        slot = streams.allocate_slots(connection, stream, len(rows) - len(old)) if len(rows) > len(old) else 0
        new_rows: list[CurrentRow] = []
        changed_rows: list[CurrentRow] = []
        live: Counter[int] = Counter()
        for key, (row, parent) in rows.items():
            scope, before = opened[parent].id, old.get(key)
            live[scope] += 1
            if before is None:
                new_rows.append(row._replace(scope=scope, slot=slot))
                slot += 1
            else:
                changed_rows.append(row._replace(scope=scope, slot=before.slot))
                if before.scope is not None:
                    live[before.scope] -= 1
        records.insert_new(connection, stream, columns_of(new_rows))
        records.replace(connection, stream, self._manifest.sequence, changed_rows)
        scopes.add_live(connection, live)
        state.live += len(new_rows)
        self._sum(connection, state, added=new_rows + changed_rows, removed=list(old.values()))

    def _delete(self, connection: Connection, endpoint: str, keys: list[str]) -> None:
        state = self._stream(connection, endpoint)
        rows = list(records.lookup(connection, state.row.id, keys).values())
        records.delete(connection, state.row.id, self._manifest.sequence, [row.record_key for row in rows])
        gone = Counter(row.scope for row in rows if row.scope is not None)
        scopes.add_live(connection, {scope: -number for scope, number in gone.items()})
        state.live -= len(rows)
        self._sum(connection, state, added=[], removed=rows)

    def _sum(
        self, connection: Connection, state: _StreamState, *, added: list[CurrentRow], removed: list[CurrentRow]
    ) -> None:
        state.state_sum = summed(connection, state.state_sum, added=added, removed=removed)

    def close(self) -> list[str]:
        """Write what the run counted and owed; answers where the state is not what the manifest says."""
        manifest = self._manifest
        wrong: list[str] = []
        with self._database.write() as connection:
            for said in manifest.endpoints:
                state = self._streams[said.endpoint]
                if (state.live, state.state_sum) != (said.live, said.state_sum):
                    wrong.append(
                        f"backup {manifest.sequence} of instance {manifest.instance_id}: {said.endpoint} has "
                        f"{state.live} records, the manifest says {said.live}"
                        + ("" if state.live != said.live else ", with other content")
                    )
            keep_counts(connection, manifest)
            alarms.note_day(connection, manifest)
            self._owe(connection)
        return wrong

    def _owe(self, connection: Connection) -> None:
        """The debts as this run left them: the next run goes on paying."""
        manifest = self._manifest
        for state in self._streams.values():
            debts.clear(connection, state.row.id)
        for owed in manifest.debts:
            stream = self._stream(connection, owed.endpoint).row.id
            scope = scopes.ensure(connection, stream, [owed.parent])[owed.parent].id
            debt = Debt(
                stream, owed.key, owed.kind, scope, owed.cause, owed.message, owed.attempts, owed.first_sequence,
                manifest.sequence,
            )  # fmt: skip
            debts.put(connection, [debt])


@lru_cache(maxsize=64)
def _descriptions(document: str) -> Mapping[str, str | None]:
    return {endpoint.name: endpoint.description for endpoint in load(document).endpoints}


def register_pack(
    connection: Connection, customer_id: int, pack_id: str, footer: Footer, size_bytes: int, *, contents_only: bool
) -> int:
    """Note a pack with its chunks and the blobs it describes; answers its number. One that is known stays as it is."""
    known = packs.numbers(connection, [pack_id])
    if known:
        return known[pack_id]
    number = packs.add(
        connection,
        pack_id,
        customer_id=customer_id,
        instance_id=footer.instance_id,
        run_id=footer.run_id,
        sequence=footer.sequence,
        batch=footer.batch,
        kind="records" if footer.records or footer.deletions else "blobs",
        size_bytes=size_bytes,
        raw_bytes=footer.raw_bytes,
        refers_to=() if contents_only else packs.numbers(connection, [one.pack for one in footer.references]).values(),
        contents_only=contents_only,
    )
    places = {digest: ChunkPlace(number, *place) for digest, *place in footer.chunk_places()}
    blobs.add_chunks(connection, customer_id, places)
    described = blobs.numbers(connection, [blob.id for blob in footer.blobs])
    for blob in footer.blobs:
        if blob.id not in described:
            blobs.add(
                connection,
                blob.id,
                customer_id=customer_id,
                instance_id=footer.instance_id,
                pack=number,
                size_bytes=blob.size_bytes,
                digest=blob.digest,
                content_type=blob.content_type,
                name=blob.name,
                version=blob.version,
                chunk_digests=blob.chunks,
                fetched_at=parse_time(footer.created_at),
            )
    return number
