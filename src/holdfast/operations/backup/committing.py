"""Makes a batch durable: packs what is new, puts the pack, then one catalog transaction under the lease's fence.

Runs in one thread of its own, one batch after the other. A crash before the transaction leaves at most a pack nobody
names; a crash after it leaves a checkpoint behind which no page is read again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import blobs as catalog_blobs
from holdfast.catalog import debts, records, scopes, seen, skips, streams
from holdfast.catalog.debts import PENDING, Debt
from holdfast.catalog.records import CurrentRow
from holdfast.catalog.scopes import Scope
from holdfast.catalog.skips import Skip
from holdfast.clock import now, parse_time
from holdfast.definitions.cursors import not_later
from holdfast.errors import SourceError
from holdfast.operations.backup.comparing import Comparison, compare
from holdfast.operations.backup.due import MADE_UNDER
from holdfast.operations.backup.parents import Parents, fields_of, place_of
from holdfast.operations.backup.seen import SeenSlots
from holdfast.operations.backup.state import Listing, Stream
from holdfast.operations.backup.writing import RunWriter
from holdfast.sources.cursors import greatest
from holdfast.sources.page import Page, Parent
from holdfast.sources.source import Source
from holdfast.vault import PackWriter, digests

_ROWS_AT_ONCE = 10_000
"""Deletions committed in one transaction."""


class Committer:
    """Commits what listings show and do not show. Not thread-safe: the collector calls it from one thread."""

    def __init__(self, writer: RunWriter, source: Source) -> None:
        self._writer = writer
        self._context = writer.context
        self._database = writer.database
        self._source = source

    def commit_pages(self, pages: Sequence[tuple[Listing, Page]]) -> None:
        """Compare, pack and commit pages in the order in which they were read, with their listings' checkpoints."""
        by_stream: dict[int, list[tuple[Listing, Page]]] = {}
        for listing, page in pages:
            by_stream.setdefault(listing.stream.id, []).append((listing, page))
            _advance(listing, page)
        with self._database.read() as connection:
            comparisons = [
                compare(self._context, connection, group[0][0].stream, group) for _, group in sorted(by_stream.items())
            ]
            for comparison in comparisons:
                self._choose_blobs(connection, comparison)
        writer = self._writer.pack_writer()
        placed = [(comparison, _add_records(writer, comparison)) for comparison in comparisons]
        pack = self._writer.put(writer)
        with self._writer.transaction() as connection:
            pack_number = self._writer.register(connection, pack, "records")
            for comparison, places in placed:
                self._apply(connection, comparison, places, pack_number)
            skips.put(connection, self._context.run_id, _skips(pages))
            for listing in {id(listing): listing for listing, _ in pages}.values():
                self._save_listing(connection, listing)
            self._writer.save_streams(connection, [comparison.stream for comparison in comparisons])

    def commit_deletions(self, stream: Stream, keys: Iterable[str]) -> None:
        """Record that these records are gone at the source, in transactions of a bounded size."""
        remaining = iter(keys)
        while group := list(islice(remaining, _ROWS_AT_ONCE)):
            writer = self._writer.pack_writer()
            writer.add_deletions(stream.name, group)
            pack = self._writer.put(writer)
            with self._writer.transaction() as connection:
                self._writer.register(connection, pack, "records")
                self._delete(connection, stream, group)
                self._writer.save_streams(connection, [stream])

    def orphaned(self, stream: Stream, parents: Parents) -> list[Listing]:
        """The scopes that have records and whose parents are known to be gone: nobody can list them any more."""
        with self._database.read() as connection:
            filled = [scope for scope in scopes.of_stream(connection, stream.id) if scope.live]
            present = parents.present(connection, [scope.parent_key for scope in filled])
        return [
            Listing(stream, scope.id, Parent(scope.parent_key, {}), True, None)
            for scope in filled
            if scope.parent_key not in present
        ]

    def lists_everything(self, stream: Stream, parents: Parents) -> bool:
        """Whether this run has listed every parent's scope in full."""
        with self._database.read() as connection:
            found = scopes.of_stream(connection, stream.id)
            present = parents.present(connection, [scope.parent_key for scope in found])
        return parents.live <= sum(scope.parent_key in present and self._is_listed_in_full(scope) for scope in found)

    def _is_listed_in_full(self, scope: Scope) -> bool:
        context = self._context
        is_skipped = scope.run_id == context.run_id and scope.state == "skipped"
        return is_skipped or scope.last_full_run == context.sequence

    def unseen_keys(self, listing: Listing) -> Iterator[str]:
        """The record keys of a listing's scope that this run has not seen, ascending."""
        seen_slots = listing.stream.seen
        return (key for key, slot in self._scope_keys(listing) if slot not in seen_slots)

    def count_unseen(self, listing: Listing) -> int:
        return sum(1 for _ in self.unseen_keys(listing))

    def _scope_keys(self, listing: Listing) -> Iterator[tuple[str, int]]:
        with self._database.read() as connection:
            yield from records.scope_keys(connection, listing.stream.id, listing.scope_id, prefix=listing.key_prefix)

    def slots_of(self, listing: Listing, record_ids: list[str]) -> list[int | None]:
        """Beside these ids the slots of the records, None where none is stored."""
        with self._database.read() as connection:
            return [row[1] for row in records.known(connection, listing.stream.id, listing.keys_of(record_ids))]

    def living(self, listing: Listing, record_ids: list[str]) -> list[str]:
        """The keys of those of these records that are stored."""
        with self._database.read() as connection:
            return list(records.lookup(connection, listing.stream.id, listing.keys_of(record_ids)))

    def keys_beyond(self, listing: Listing, *swept: SeenSlots) -> Iterator[str]:
        """The keys of the scope that none of these sweeps nor this run has seen, ascending."""
        seen_slots = (listing.stream.seen, *swept)
        return (key for key, slot in self._scope_keys(listing) if not any(slot in one for one in seen_slots))

    def remember(self, listing: Listing, memory: Mapping[str, Any]) -> None:
        """Let the listing's scope remember this for the next runs, beside what it remembers already."""
        listing.memory = {**listing.memory, **memory, MADE_UNDER: listing.stream.fingerprint}
        with self._writer.transaction() as connection:
            scopes.remember(connection, listing.scope_id, listing.memory)

    def adopt_strays(self, stream: Stream, listed: Mapping[int, Listing | None]) -> None:
        """Move records of global ids to the parent that shows them, where their own does not. `listed` are the scopes
        whose listings are known whole, with the listing where it is to be settled still."""
        strays = {key: stray for key, stray in stream.strays.items() if stray.scope in listed}
        for key in strays:
            del stream.strays[key]
        context = self._context
        with self._database.read() as connection:
            found = records.lookup(connection, stream.id, list(strays))
            rows = {key: row for key, row in found.items() if row.scope == strays[key].scope}
            blob_ids = catalog_blobs.get_many(connection, {row.blob for row in rows.values() if row.blob is not None})
            seen_in = {strays[key].seen_in for key in rows}
            parents = {scope: scopes.get(connection, scope).parent_key for scope in seen_in}
        if not rows:
            return
        writer = self._writer.pack_writer()
        moves: Counter[int] = Counter()
        moved = []
        for key, row in rows.items():
            blob = None if row.blob is None else blob_ids[row.blob].object_id
            scope = strays[key].seen_in
            writer.add_reference(
                stream.name, key, row.digest, row.compare, place_of(context, row), blob, parents[scope]
            )  # fmt: skip
            moved.append(row._replace(scope=scope, run_from=context.sequence))
            moves.update(_moved(row.scope, scope))
            if (listing := listed.get(scope)) is not None:
                listing.present += 1
        pack = self._writer.put(writer)
        stream.counts.unchanged -= len(moved)
        stream.counts.changed += len(moved)
        with self._writer.transaction() as connection:
            self._writer.register(connection, pack, "records", [row.pack for row in rows.values()])
            records.replace(connection, stream.id, context.sequence, moved)
            scopes.add_live(connection, moves)
            self._writer.save_streams(connection, [stream])

    def live_in_scope(self, listing: Listing) -> int:
        with self._database.read() as connection:
            return scopes.get(connection, listing.scope_id).live

    def settle_listing(self, listing: Listing) -> None:
        """The deletions of a full listing are settled: complete its scope."""
        with self._writer.transaction() as connection:
            self._complete(connection, listing)

    def skip_listing(self, listing: Listing, code: str, message: str) -> None:
        """Keep that the parent has no such list, and why."""
        with self._writer.transaction() as connection:
            skip = Skip(listing.stream.id, listing.parent_key, "", code, message)
            skips.put(connection, self._context.run_id, [skip])
            scopes.set_checkpoint(
                connection, listing.scope_id, self._context.run_id, "skipped", listing.checkpoint()
            )  # fmt: skip
            self._writer.save_streams(connection, [listing.stream])

    def save_listing(self, listing: Listing, state: str) -> None:
        """Keep where a listing stands outside of a batch: a second pass begins, the counts disagree."""
        with self._writer.transaction() as connection:
            scopes.set_checkpoint(connection, listing.scope_id, self._context.run_id, state, listing.checkpoint())
            self._writer.save_streams(connection, [listing.stream])

    def save_streams(self, saved: Sequence[Stream]) -> None:
        with self._writer.transaction() as connection:
            self._writer.save_streams(connection, saved)

    def _apply(self, connection: Connection, comparison: Comparison, placed: "_Placed", pack: int | None) -> None:
        """Write one stream's part of a batch."""
        stream, sequence = comparison.stream, self._context.sequence
        moves: Counter[int] = Counter()
        new_slots: Sequence[int] = ()
        if comparison.new:
            assert pack is not None
            new_slots = self._insert_new(connection, comparison, placed.new, pack)
            moves.update(scope for scope in map(attrgetter("scope_id"), comparison.new.listings) if scope is not None)
            stream.seen.update(new_slots)
            stream.live += len(new_slots)
        changed_rows: list[CurrentRow] = []
        for record, (frame, start, length) in zip(comparison.changed, placed.changed, strict=True):
            assert pack is not None
            read, old = record.read, record.old
            changed_rows.append(CurrentRow(
                read.key, read.listing.scope_id, old.slot, sequence, read.digest, record.compare,
                digests.shape(read.raw), pack, frame, start, length, None if record.blob is None else record.blob.id,
            ))  # fmt: skip
            moves.update(_moved(old.scope, read.listing.scope_id))
        records.replace(connection, stream.id, sequence, changed_rows)
        if stream.lost:
            again = [row.record_key for row in changed_rows if row.record_key in stream.lost]
            debts.settle(connection, stream.id, "record", again)
            stream.lost.difference_update(again)
        records.recompare(connection, stream.id, comparison.recompared)
        scopes.add_live(connection, moves)
        stream.state_sum = digests.add(stream.state_sum, comparison.new.digests)  # none has its blob yet
        self._writer.sum(connection, stream, added=changed_rows, removed=[record.old for record in comparison.changed])
        self._owe_blobs(connection, comparison)
        if comparison.deleted:
            self._delete(connection, stream, comparison.deleted)
        seen_slots = [*comparison.slots, *new_slots]
        if seen_slots or comparison.strays:
            seen.add(connection, self._context.run_id, stream.id, self._writer.batch, seen_slots, comparison.strays)

    def _insert_new(
        self, connection: Connection, comparison: Comparison, places: list[tuple[int, int, int]], pack: int
    ) -> Sequence[int]:
        """Insert the new records, and answer their slots. Whole columns at a time: 0.3 us a row instead of 3."""
        new = comparison.new
        first = streams.allocate_slots(connection, comparison.stream.id, len(new))
        count = len(new)
        slots = range(first, first + count)
        frames, starts, lengths = zip(*places, strict=True)
        records.insert_new(connection, comparison.stream.id, (
            new.keys, [listing.scope_id for listing in new.listings], slots, [self._context.sequence] * count,
            new.digests, new.compares or [None] * count, list(map(digests.shape, new.raws)), [pack] * count, frames,
            starts, lengths, [None] * count,
        ))  # fmt: skip
        return slots

    def _delete(self, connection: Connection, stream: Stream, keys: Sequence[str]) -> None:
        rows = list(records.lookup(connection, stream.id, keys).values())
        records.delete(connection, stream.id, self._context.sequence, keys)
        debts.settle(connection, stream.id, "blob", keys)
        debts.settle(connection, stream.id, "record", keys)
        gone = Counter(row.scope for row in rows if row.scope is not None)
        scopes.add_live(connection, {scope: -number for scope, number in gone.items()})
        self._writer.sum(connection, stream, added=[], removed=rows)
        stream.live -= len(rows)
        stream.counts.deleted += len(rows)

    def _choose_blobs(self, connection: Connection, comparison: Comparison) -> None:
        """What blob each version begins with: carried over where its declared version is the same, else owed."""
        stream = comparison.stream
        if stream.endpoint.blob is None:
            return
        new = comparison.new
        for key, raw, listing in zip(new.keys, new.raws, new.listings, strict=True):
            if self._has_blob(stream, listing, raw)[0]:
                comparison.owed_blobs.append((key, listing))
        numbers = {record.old.blob for record in comparison.changed if record.old.blob is not None}
        stored = catalog_blobs.get_many(connection, numbers)
        for record in comparison.changed:
            has_blob, version = self._has_blob(stream, record.read.listing, record.read.raw)
            if not has_blob:
                continue
            old = None if record.old.blob is None else stored[record.old.blob]
            # Without a declared version nothing tells one content from another: it is asked for again.
            if old is not None and version is not None and version == old.version:
                record.blob = old
            else:
                comparison.owed_blobs.append((record.read.key, record.read.listing))

    def _has_blob(self, stream: Stream, listing: Listing, raw: bytes) -> tuple[bool, str | None]:
        """Whether a record has a blob, and its declared version."""
        try:
            reference = self._source.blob_reference(stream.name, listing.parent, fields_of(raw))
        except SourceError:
            return True, None  # whoever fetches it says what is wrong with it
        return reference is not None, None if reference is None else reference.version

    def _owe_blobs(self, connection: Connection, comparison: Comparison) -> None:
        stream, sequence = comparison.stream, self._context.sequence
        owed = [
            Debt(stream.id, key, "blob", listing.scope_id, PENDING, "", 0, sequence, sequence)
            for key, listing in comparison.owed_blobs
        ]
        debts.put(connection, owed)

    def _save_listing(self, connection: Connection, listing: Listing) -> None:
        """The listing's checkpoint; one that has ended and leaves nothing to settle completes its scope at once."""
        something_follows = listing.awaits_proof or listing.then_full or listing.lost or listing.may_have_slipped
        nothing_follows = listing.ended and not something_follows
        if nothing_follows and (not listing.full or listing.present == scopes.get(connection, listing.scope_id).live):
            self._complete(connection, listing)
        else:
            state = "listed" if listing.ended else "reading"
            scopes.set_checkpoint(connection, listing.scope_id, self._context.run_id, state, listing.checkpoint())

    def _complete(self, connection: Connection, listing: Listing) -> None:
        context = self._context
        scopes.complete(
            connection, listing.scope_id, context.run_id, context.sequence, state="complete", cursor=_cursor(listing),
            fingerprint=listing.stream.fingerprint, full_at=now() if listing.full else None,
            testimony=listing.testimony,
        )  # fmt: skip
        listing.settled = True


def _moved(old_scope: int | None, new_scope: int) -> dict[int, int]:
    if old_scope is None or old_scope == new_scope:
        return {}
    return {old_scope: -1, new_scope: 1}


def _cursor(listing: Listing) -> str | None:
    """Where the next delta begins: behind what was read, but not behind the moment at which the reading began.

    What changes at a place of the list that was read already has a later time than that, and no later page shows it.
    """
    incremental = listing.stream.endpoint.incremental
    if incremental is None or not incremental.field:
        return listing.reached or listing.cursor
    found = greatest([value for value in (listing.cursor, listing.reached) if value is not None])
    return found if found is None or listing.started is None else not_later(found, parse_time(listing.started))


def _advance(listing: Listing, page: Page) -> None:
    """Move a listing behind a page that is about to be committed."""
    counted = listing.stream.counts
    counted.requests += page.requests
    counted.bytes_read += page.body_bytes
    counted.skipped += len(page.skipped)
    counted.lost += page.lost
    listing.read_records += len(page.ids) - (sum(page.deleted) if page.deleted else 0)
    if page.is_part:
        return
    counted.pages += 1
    listing.page_number = page.number
    listing.position = page.next
    listing.reached = page.cursor or listing.reached
    listing.ended = page.next is None


def _skips(pages: Iterable[tuple[Listing, Page]]) -> list[Skip]:
    return [
        Skip(listing.stream.id, listing.parent_key, record_id, code, message)
        for listing, page in pages
        for record_id, code, message in page.skipped
    ]


@dataclass(frozen=True)
class _Placed:
    """Where a comparison's records lie in the pack: (frame, offset, length) beside `new` and `changed`."""

    new: list[tuple[int, int, int]]
    changed: list[tuple[int, int, int]]


def _add_records(writer: PackWriter, comparison: Comparison) -> _Placed:
    name, new, changed = comparison.stream.name, comparison.new, comparison.changed
    placed_new = writer.add_records(
        name,
        new.keys,
        new.raws,
        new.digests,
        new.compares,
        (),
        [listing.parent_key for listing in new.listings],
    )
    placed_changed = writer.add_records(
        name,
        [record.read.key for record in changed],
        [record.read.raw for record in changed],
        [record.read.digest for record in changed],
        [record.compare for record in changed],
        [None if record.blob is None else record.blob.object_id for record in changed],
        [record.read.listing.parent_key for record in changed],
    )
    writer.add_deletions(name, comparison.deleted)
    return _Placed(placed_new, placed_changed)
