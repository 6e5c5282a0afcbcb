"""Makes the catalog again from the vault and its key: who there is, every backup, every record at every backup.

Reads revisions, manifests and packs' footers, no record. What only the catalog had is begun anew: cursors (the next
backup lists everything), tokens, exports, logs.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from holdfast.catalog import (
    blobs,
    debts,
    definitions,
    packs,
    records,
    runs,
    scopes,
    streams,
    vendors,
)
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.debts import Debt
from holdfast.catalog.records import CurrentRow
from holdfast.catalog.runs import Run
from holdfast.catalog.streams import Stream
from holdfast.clock import parse_time
from holdfast.definitions.loading import load
from holdfast.errors import Conflict, Damaged, NotFound
from holdfast.operations import revisions
from holdfast.operations.backup.comparing import UNKNOWN_SHAPE
from holdfast.operations.backup.totals import keep_counts, totals
from holdfast.operations.services import Services
from holdfast.operations.state_sum import summed
from holdfast.vault import CustomerVault, Footer, Manifest, read_revisions
from holdfast.vault.names import pack as pack_object


@dataclass
class RebuildReport:
    """What was found. `disagreements` name backups whose state, put together again, is not what their manifest says."""

    instances: int = 0
    backups: int = 0
    packs: int = 0
    records: int = 0
    disagreements: list[str] = field(default_factory=list)


def rebuild(services: Services, progress: Callable[[RebuildReport], None] | None = None) -> RebuildReport:
    """Fill an empty catalog. Raises Conflict where it is not empty, Damaged where the vault cannot be read."""
    database = services.database
    database.migrate()
    services.engine.migrate()
    with database.read() as connection:
        if vendors.all_vendors(connection):
            raise Conflict(
                "the catalog is not empty", hint="Move its file away first; the vault has everything.", code="not_empty"
            )
    report = RebuildReport()
    found = list(read_revisions(services.vault, revisions.KINDS))
    with database.write() as connection:
        for kind in revisions.KINDS:
            for revision in sorted((one for one in found if one.kind == kind), key=lambda one: int(one.object_id)):
                revisions.restore(connection, revision)
    for revision in found:
        if revision.kind == "instance":
            report.instances += 1
            _rebuild_instance(services, int(revision.object_id), revision.customer_id, report, progress)
    return report


def _rebuild_instance(
    services: Services,
    instance_id: int,
    customer_id: int,
    report: RebuildReport,
    progress: Callable[[RebuildReport], None] | None,
) -> None:
    customer = services.vault.customer(customer_id)
    for manifest in customer.read_manifests(instance_id):
        replay = _Replay(services, customer, manifest)
        replay.open()
        for pack_id in manifest.packs:
            report.records += replay.pack(pack_id)
            report.packs += 1
            if progress is not None:
                progress(report)
        report.disagreements += replay.close()
        report.backups += 1
        if progress is not None:
            progress(report)


@dataclass
class _StreamState:
    row: Stream
    live: int
    state_sum: bytes


class _Replay:
    """Puts one ended run back into the catalog."""

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
            described = [
                (state.endpoint, self._description(connection, state.endpoint)) for state in manifest.endpoints
            ]
            opened = (
                streams.ensure(connection, manifest.instance_id, described, manifest.sequence)
                if described
                else {stream.endpoint: stream for stream in streams.of_instance(connection, manifest.instance_id)}
            )
        self._streams = {name: _StreamState(row, row.live, row.state_sum) for name, row in opened.items()}

    def _description(self, connection: Connection, endpoint: str) -> str | None:
        if self._manifest.definition_revision_id is None:
            return None
        try:
            revision = definitions.revision(connection, self._manifest.definition_revision_id)
            return load(revision.document).endpoint(endpoint).description
        except (NotFound, KeyError):
            return None

    def pack(self, pack_id: str) -> int:
        """Apply one pack's operations; answers how many record versions it has."""
        footer, directory = self._customer.packs.read_contents(pack_id)
        manifest = self._manifest
        if (footer.instance_id, footer.run_id) != (manifest.instance_id, manifest.run_id):
            name = pack_object(self._customer.customer_id, pack_id)
            raise Damaged(f"{name} belongs to another backup than its manifest says", object_name=name)
        kind = "records" if footer.records or footer.deletions else "blobs"
        with self._database.write() as connection:
            number = packs.add(
                connection,
                pack_id,
                customer_id=self._customer.customer_id,
                instance_id=manifest.instance_id,
                run_id=manifest.run_id,
                sequence=manifest.sequence,
                batch=footer.batch,
                kind=kind,
                size_bytes=directory.size_bytes,
                raw_bytes=footer.raw_bytes,
                refers_to=packs.numbers(connection, list({one.pack for one in footer.references})).values(),
            )
            places = {digest: ChunkPlace(number, *place) for digest, *place in footer.chunk_places()}
            blobs.add_chunks(connection, self._customer.customer_id, places)
            self._add_blobs(connection, footer, number)
            written = self._write_versions(connection, footer, number)
            for deletions in footer.deletions:
                self._delete(connection, deletions.endpoint, deletions.keys)
            for state in self._streams.values():
                streams.advance(connection, state.row.id, live=state.live, state_sum=state.state_sum)
        return written

    def _add_blobs(self, connection: Connection, footer: Footer, pack: int) -> None:
        for described in footer.blobs:
            blobs.add(
                connection,
                described.id,
                customer_id=self._customer.customer_id,
                instance_id=self._manifest.instance_id,
                pack=pack,
                size_bytes=described.size_bytes,
                digest=described.digest,
                content_type=described.content_type,
                name=described.name,
                version=described.version,
                chunk_digests=described.chunks,
                fetched_at=parse_time(footer.created_at),
            )

    def _write_versions(self, connection: Connection, footer: Footer, number: int) -> int:
        """Records and references of a pack: rows whose slot and scope are filled in for each stream."""
        versions = list(footer.versions())
        wanted = [version.blob for version in versions if version.blob] + [
            one.blob for one in footer.references if one.blob
        ]
        blob_numbers = blobs.numbers(connection, wanted)
        pack_numbers = packs.numbers(connection, [reference.pack for reference in footer.references])
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
            self._write(connection, self._streams[endpoint], rows)
        return len(versions)

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
        records.insert_new(connection, stream, new_rows)
        records.replace(connection, stream, self._manifest.sequence, changed_rows)
        scopes.add_live(connection, live)
        state.live += len(new_rows)
        self._sum(connection, state, added=new_rows + changed_rows, removed=list(old.values()))

    def _delete(self, connection: Connection, endpoint: str, keys: list[str]) -> None:
        state = self._streams[endpoint]
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
            self._owe(connection)
        return wrong

    def _owe(self, connection: Connection) -> None:
        """The debts as this run left them: the next run goes on paying."""
        manifest = self._manifest
        for state in self._streams.values():
            earlier = debts.of_stream(connection, state.row.id)
            for kind in ("record", "blob"):
                debts.settle(connection, state.row.id, kind, [debt.record_key for debt in earlier if debt.kind == kind])
        for owed in manifest.debts:
            stream = self._streams[owed.endpoint].row.id
            scope = scopes.ensure(connection, stream, [owed.parent])[owed.parent].id
            debt = Debt(
                stream, owed.key, owed.kind, scope, owed.cause, owed.message, owed.attempts, owed.first_sequence,
                manifest.sequence,
            )  # fmt: skip
            debts.put(connection, [debt])
