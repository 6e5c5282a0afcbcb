"""Empties condemned packs: writes anew what of them is still needed, between each two kept runs by itself.

What is written is final for the later of the two: each record's version, a deletion only if the record is gone there.
So the new packs may apply behind all others of the stretch, and a crash between any two steps leaves a catalog in which
every row stands where its bytes are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from holdfast.catalog import blobs, emptying, packs, records, runs, streams
from holdfast.catalog.blobs import ChunkPlace
from holdfast.catalog.emptying import Move, StandingRow
from holdfast.catalog.packs import PackRow
from holdfast.catalog.rows import RecordRow
from holdfast.errors import Damaged, ObjectMissing
from holdfast.operations.prune.windows import Window, windows
from holdfast.operations.prune.work import Work
from holdfast.vault import BlobDescriptor, Footer, PackWriter, Place, digests
from holdfast.vault.footers import Reference
from holdfast.vault.names import pack as pack_name

_RECORDS_AT_ONCE = 10_000
_PACK_BYTES = 16 * 1024 * 1024
_CHUNKS_AT_ONCE = 16
"""At most 64 MB."""


def empty_condemned(work: Work) -> None:
    """Write anew what is needed of the instance's condemned packs. One that cannot be read stays, and is reported."""
    with work.services.database.read() as connection:
        kept = [run for run in runs.all_of_instance(connection, work.instance.id) if run.ended_at is not None]
    for window in windows(kept):
        while True:
            try:
                _Emptier(work, window).run()
                break
            except (Damaged, ObjectMissing) as error:
                _acquit_damaged(work, error)


def _acquit_damaged(work: Work, error: Damaged | ObjectMissing) -> None:
    """Take a pack that cannot be read out of the condemned ones. Raises the error where it is not one of them."""
    with work.transaction() as connection:
        for pack in packs.of_instance(connection, work.instance.id):
            name = pack_name(work.customer.customer_id, pack.object_id)
            if pack.condemned_at is not None and pack.deleting_at is None and name in str(error):
                packs.acquit(connection, pack.id)
                work.report.damaged.append(f"{name}: {error}")
                return
    raise error


@dataclass
class _Pending:
    """What the pack that is being written has taken over, to be committed with it."""

    moves: dict[int, list[tuple[StandingRow, tuple[int, int, int]]]] = field(default_factory=dict)
    """By stream: rows and where they stand in the new pack."""
    chunks: dict[bytes, tuple[ChunkPlace, tuple[int, int, int]]] = field(default_factory=dict)
    described: list[int] = field(default_factory=list)
    refers_to: set[int] = field(default_factory=set)
    operations: int = 0


class _Emptier:
    """One stretch."""

    def __init__(self, work: Work, window: Window) -> None:
        self._work = work
        self._window = window
        self._database = work.services.database
        self._customer = work.customer
        self._rewritten: set[int] = set()
        """Packs from which or into which `_move_records` has moved everything of this stretch."""
        self._referred: set[tuple[str, str]] = set()
        """Endpoint and key of what was referred to: of several footers that are lost each is made of all there is."""
        self._batch = 0
        self._names: dict[int, str] = {}
        self._parents: dict[int, str] = {}
        self._writer: PackWriter
        self._pending: _Pending

    def run(self) -> None:
        with self._database.read() as connection:
            rows = packs.of_instance(connection, self._work.instance.id)
            condemned = [pack for pack in rows if pack.condemned_at is not None and pack.deleting_at is None]
            referring = packs.referring_to(connection, [pack.id for pack in condemned])
            by_name = {stream.endpoint: stream.id for stream in streams.of_instance(connection, self._work.instance.id)}
            self._batch = packs.last_batch(connection, self._work.instance.id, self._window.last)
        if not condemned:
            return
        self._begin()
        self._rewritten = {pack.id for pack in condemned}
        self._names = {pack.id: pack.object_id for pack in rows}
        here = self._window.of(rows)
        sources = [
            pack
            for pack in here
            if not pack.contents_only
            and pack.deleting_at is None
            and (pack.condemned_at is not None or pack.id in referring)
        ]
        for endpoint, stream in by_name.items():
            self._move_records(endpoint, stream)
        stays = any(pack.condemned_at is None and not pack.contents_only and pack not in sources for pack in here)
        for source in sources:
            self._move_operations(source, by_name, stays=stays)
        if self._work.salvage is not None:
            # What a version had that nobody can read any more must not come back from before it.
            for endpoint, stream in by_name.items():
                with self._database.read() as connection:
                    ended = emptying.ended_in(connection, stream, self._window.after, self._window.last)
                self._move_deletions(endpoint, stream, ended, stays=stays)
        for pack in here:
            if pack.condemned_at is not None and pack.deleting_at is None:
                if pack.contents_only:
                    self._move_descriptions(pack, self._footer(pack).blobs)
                self._move_chunks(pack)
        self._commit()
        with self._work.transaction() as connection:
            packs.void(connection, [source.id for source in sources])

    # --- records

    def _move_records(self, endpoint: str, stream: int) -> None:
        after: str | None = None
        while True:
            with self._database.read() as connection:
                rows = emptying.records_in(
                    connection, self._work.instance.id, stream, self._window.after, self._window.last, after=after,
                    limit=_RECORDS_AT_ONCE,
                )  # fmt: skip
                blob_ids = {
                    blob.id: blob.object_id
                    for blob in blobs.get_many(connection, [row.blob for row in rows if row.blob is not None]).values()
                }
                self._learn_parents(connection, rows)
            if not rows:
                return
            raws, found = self._read(endpoint, stream, rows)
            places = self._writer.add_records(
                endpoint,
                [row.record_key for row in rows],
                raws,
                found,
                [row.compare for row in rows],
                [None if row.blob is None else blob_ids[row.blob] for row in rows],
                ["" if row.scope is None else self._parents[row.scope] for row in rows],
            )
            self._pending.moves.setdefault(stream, []).extend(zip(rows, places, strict=True))
            self._pending.operations += len(rows)
            self._commit_if_full()
            after = rows[-1].record_key

    def _read(self, endpoint: str, stream: int, rows: Sequence[StandingRow]) -> tuple[list[bytes], list[bytes]]:
        """The records' bytes and digests. Raises Damaged, ObjectMissing."""
        salvage = self._work.salvage
        if salvage is None:
            raws = self._customer.read_many([self._place(row) for row in rows])
        else:
            raws = [salvage.read(endpoint, stream, row, self._place(row)) for row in rows]
        found = digests.record_digests(self._customer.digest_key, endpoint, [row.record_key for row in rows], raws)
        for row, digest in zip(rows, found, strict=True):
            if digest != row.digest:
                name = pack_name(self._customer.customer_id, self._names[row.pack])
                raise Damaged(f"{name} holds another record {row.record_key}", object_name=name)
        return raws, found

    def _footer(self, pack: PackRow) -> Footer:
        """What the pack says it holds. Raises Damaged, ObjectMissing where nobody knows."""
        salvage = self._work.salvage if pack.condemned_at is not None else None
        if salvage is not None and salvage.rewrites_footers:
            return salvage.footer(pack, self._window)
        try:
            return self._customer.read_footer(pack.object_id)
        except (Damaged, ObjectMissing):
            if salvage is None:
                raise
            return salvage.footer(pack, self._window)

    def _learn_parents(self, connection: Connection, rows: Sequence[StandingRow | RecordRow]) -> None:
        unknown = {row.scope for row in rows if row.scope is not None} - self._parents.keys()
        self._parents.update(emptying.parent_keys(connection, unknown))

    # --- what stands in footers alone: references, deletions, descriptions of blobs

    def _move_operations(self, source: PackRow, by_name: dict[str, int], *, stays: bool) -> None:
        footer = self._footer(source)
        references: dict[str, list[Reference]] = {}
        for reference in footer.references:
            references.setdefault(reference.endpoint, []).append(reference)
        for endpoint, some in references.items():
            if endpoint in by_name:
                self._move_references(endpoint, by_name[endpoint], some)
        if source.condemned_at is None:
            self._refer_to_own(source, footer, by_name)
        for deletions in footer.deletions:
            if deletions.endpoint in by_name:
                self._move_deletions(deletions.endpoint, by_name[deletions.endpoint], deletions.keys, stays=stays)
        if source.condemned_at is not None:
            self._move_descriptions(source, footer.blobs)

    def _move_references(self, endpoint: str, stream: int, references: Sequence[Reference]) -> None:
        """Those that are their record's version at the end of the stretch."""
        versions = self._versions(stream, [reference.key for reference in references])
        with self._database.read() as connection:
            numbers = blobs.numbers(connection, [one.blob for one in references if one.blob])
        self._refer(
            endpoint,
            [
                (version, one.compare or None)
                for one in references
                if (version := versions.get(one.key)) is not None
                and version.digest == one.digest
                and version.blob == (numbers.get(one.blob) if one.blob else None)
            ],
        )

    def _refer_to_own(self, source: PackRow, footer: Footer, by_name: dict[str, int]) -> None:
        """Records of a pack that stays but no longer applies: their bytes stay, their versions are written anew."""
        for columns in footer.records:
            if columns.endpoint not in by_name:
                continue
            stream = by_name[columns.endpoint]
            compares = {key: columns.compares[16 * index : 16 * index + 16] for index, key in enumerate(columns.keys)}
            versions = self._versions(stream, columns.keys)
            mine = [version for version in versions.values() if version.pack == source.id]
            self._refer(columns.endpoint, [(one, _or_none(compares[one.record_key])) for one in mine])

    def _versions(self, stream: int, keys: Sequence[str]) -> dict[str, RecordRow]:
        """The versions at the end of the stretch that were written within it."""
        with self._database.read() as connection:
            found = records.get_many(connection, stream, keys, self._window.last)
            self._learn_parents(connection, list(found.values()))
        return {key: row for key, row in found.items() if row.run_from > self._window.after}

    def _refer(self, endpoint: str, versions: Iterable[tuple[RecordRow, bytes | None]]) -> None:
        # What stood in a condemned pack of this stretch has been written as a whole.
        wanted = [
            (row, compare)
            for row, compare in versions
            if row.pack not in self._rewritten and (endpoint, row.record_key) not in self._referred
        ]
        self._referred.update((endpoint, row.record_key) for row, _ in wanted)
        with self._database.read() as connection:
            found = blobs.get_many(connection, [row.blob for row, _ in wanted if row.blob is not None])
            self._names.update(packs.object_ids(connection, [row.pack for row, _ in wanted]))
        for row, compare in wanted:
            self._writer.add_reference(
                endpoint,
                row.record_key,
                row.digest,
                compare,
                self._place(row),
                None if row.blob is None else found[row.blob].object_id,
                "" if row.scope is None else self._parents[row.scope],
            )
            self._pending.refers_to.add(row.pack)
            self._pending.operations += 1
        self._commit_if_full()

    def _move_deletions(self, endpoint: str, stream: int, keys: Sequence[str], *, stays: bool) -> None:
        """Of records that are gone at the end of the stretch, and that something before may have put there."""
        with self._database.read() as connection:
            there = records.get_many(connection, stream, keys, self._window.last)
            before = records.get_many(connection, stream, keys, self._window.after) if self._window.after else {}
        gone = [key for key in keys if key not in there and (stays or key in before)]
        self._writer.add_deletions(endpoint, gone)
        self._pending.operations += len(gone)
        self._commit_if_full()

    def _move_descriptions(self, source: PackRow, descriptors: Sequence[BlobDescriptor]) -> None:
        with self._database.read() as connection:
            needed = emptying.described_in(connection, source.id)
        for descriptor in descriptors:
            if descriptor.id in needed:
                self._writer.add_blob(descriptor)
                self._pending.described.append(needed[descriptor.id])
                self._pending.operations += 1
        self._commit_if_full()

    # --- chunks

    def _move_chunks(self, pack: PackRow) -> None:
        after = b""
        while True:
            with self._database.read() as connection:
                found = emptying.chunks_in(
                    connection, self._customer.customer_id, pack.id, after=after, limit=_CHUNKS_AT_ONCE
                )
            if not found:
                return
            # In the order in which they stand, so that a frame that holds several is decoded once.
            found.sort(key=lambda one: (one[1].frame, one[1].start))
            raws = self._customer.read_many([Place(pack.object_id, *place[1:]) for _, place in found])
            for (digest, place), raw in zip(found, raws, strict=True):
                if digests.content_digest(self._customer.chunk_key, raw) != digest:
                    name = pack_name(self._customer.customer_id, pack.object_id)
                    raise Damaged(f"{name} holds another chunk than it should", object_name=name)
                self._pending.chunks[digest] = place, self._writer.add_chunk(digest, raw)
                self._pending.operations += 1
            after = max(digest for digest, _ in found)
            self._commit_if_full()

    # --- writing

    def _begin(self) -> None:
        self._batch += 1
        self._writer = self._customer.pack_writer(
            self._work.instance.id, self._window.run_id, self._window.last, self._batch
        )
        self._pending = _Pending()

    def _commit_if_full(self) -> None:
        if self._pending.operations >= _RECORDS_AT_ONCE or self._writer.size_bytes >= _PACK_BYTES:
            self._commit()

    def _commit(self) -> None:
        """Put the pack, then let the rows stand there: one transaction."""
        pending, batch = self._pending, self._batch
        pack = self._writer.finish()
        self._begin()
        if pack is None:
            return
        self._work.pause()
        self._customer.put_pack(pack)
        with self._work.transaction() as connection:
            number = packs.add(
                connection, pack.id, customer_id=self._customer.customer_id, instance_id=self._work.instance.id,
                run_id=self._window.run_id, sequence=self._window.last, batch=batch,
                kind="records" if pack.footer.records or pack.footer.deletions else "blobs",
                size_bytes=len(pack.data), raw_bytes=pack.footer.raw_bytes, refers_to=pending.refers_to,
            )  # fmt: skip
            for stream, moved in pending.moves.items():
                emptying.move_records(
                    connection,
                    stream,
                    [
                        Move(row.record_key, row.pack, row.frame, row.start, number, frame, start)
                        for row, (frame, start, _) in moved
                    ],
                )
            emptying.move_chunks(
                connection,
                self._customer.customer_id,
                {digest: (old, ChunkPlace(number, *place)) for digest, (old, place) in pending.chunks.items()},
            )
            emptying.move_descriptions(connection, pending.described, number)
        self._rewritten.add(number)
        self._names[number] = pack.id
        self._work.report.packs_written += 1
        self._work.report.freed_bytes -= len(pack.data)

    def _place(self, row: StandingRow | RecordRow) -> Place:
        return Place(self._names[row.pack], row.frame, row.start, row.length)


def _or_none(compare: bytes) -> bytes | None:
    return compare if any(compare) else None
