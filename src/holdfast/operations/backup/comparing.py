"""Decides of each record that was read: new, changed, unchanged, repeated or deleted. Only reads the catalog.

A keyed digest over endpoint, record key and raw bytes decides nearly always. Where it differs but the shape (a cheap
fingerprint that key order and white space do not change) is equal, the old bytes are read and compared canonically.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from holdfast.catalog.blobs import Blob
from holdfast.catalog.records import CurrentRow, known, lookup
from holdfast.operations.backup.parents import place_of
from holdfast.operations.backup.state import Listing, RunContext, Stray, Stream
from holdfast.sources.page import Page
from holdfast.vault import digests

UNKNOWN_SHAPE = -1
"""Of a record that a rebuild has found: its old bytes are read when it differs."""


_STRAYS_AT_MOST = 100_000
"""Bounds memory where records belong to many parents at once; strays beyond stay where they are until a later run."""


@dataclass(slots=True)
class Written:
    """A record version to be written. `old` is what it replaces, None for a new record."""

    key: str
    raw: bytes
    digest: bytes
    compare: bytes | None
    listing: Listing
    old: CurrentRow | None
    blob: Blob | None = None
    """The blob it begins with: the old version's where the source says that it is the same."""
    owes_blob: bool = False


@dataclass
class Comparison:
    """The outcome for one stream's pages of a batch. `slots` are the known records seen for the first time."""

    stream: Stream
    written: list[Written] = field(default_factory=list)
    deleted: list[CurrentRow] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)


@dataclass
class _Readings:
    """The records of a batch's pages, side by side, each key once: the later reading."""

    keys: list[str] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    tombstones: set[str] = field(default_factory=set)


def compare(
    context: RunContext, connection: Connection, stream: Stream, pages: Sequence[tuple[Listing, Page]]
) -> Comparison:
    """Compare a batch's pages of one stream with the catalog's current versions, and count."""
    readings = _gather(stream, pages)
    comparison = Comparison(stream)
    current = known(connection, stream.id, readings.keys)
    found = digests.record_digests(context.customer.digest_key, stream.name, readings.keys, readings.raws)
    tombstones = readings.tombstones
    different: list[tuple[str, bytes, bytes, Listing]] = []
    for key, raw, digest, listing, (old_digest, slot, scope, _) in zip(
        readings.keys, readings.raws, found, readings.listings, current, strict=True
    ):
        if slot is not None and old_digest == digest and (not tombstones or key not in tombstones):
            _mark_unchanged(comparison, key, slot, scope, listing)
        else:
            different.append((key, raw, digest, listing))
    if different:
        _sort_out(context, connection, comparison, different, tombstones)
    return comparison


def _gather(stream: Stream, pages: Sequence[tuple[Listing, Page]]) -> _Readings:
    readings = _Readings()
    for listing, page in pages:
        keys = listing.keys_of(page.ids)
        readings.keys += keys
        readings.raws += page.raws
        readings.listings += [listing] * len(keys)
        stream.counts.listed += len(keys) + page.repeated
        stream.counts.repeated += page.repeated
        if page.deleted is not None:
            for key, deleted in zip(keys, page.deleted, strict=True):
                (readings.tombstones.add if deleted else readings.tombstones.discard)(key)
    last = {key: index for index, key in enumerate(readings.keys)}
    repeated = len(readings.keys) - len(last)
    if repeated:
        stream.counts.repeated += repeated
        stream.counts.moved += repeated
        order = sorted(last.values())
        readings.keys = [readings.keys[i] for i in order]
        readings.raws = [readings.raws[i] for i in order]
        readings.listings = [readings.listings[i] for i in order]
    return readings


def _sort_out(
    context: RunContext,
    connection: Connection,
    comparison: Comparison,
    different: list[tuple[str, bytes, bytes, Listing]],
    tombstones: set[str],
) -> None:
    """Records whose bytes are not the current ones: new, changed, deleted, or the same in another spelling."""
    stream = comparison.stream
    rows = lookup(connection, stream.id, [key for key, *_ in different])
    reordered: list[Written] = []
    for key, raw, digest, listing in different:
        row = rows.get(key)
        if key in tombstones:
            stream.counts.tombstones += 1
            if row is not None:
                comparison.deleted.append(row)
                listing.present -= row.slot in stream.seen
            continue
        record = Written(key, raw, digest, _comparable(context, stream, key, raw), listing, row)
        if row is not None and record.compare is not None and record.compare == row.compare:
            _mark_unchanged(comparison, key, row.slot, row.scope, listing)
        elif row is not None and record.compare is None and row.shape in (UNKNOWN_SHAPE, digests.shape(raw)):
            reordered.append(record)
        else:
            comparison.written.append(record)
    _settle_reordered(context, comparison, reordered)
    for record in comparison.written:
        _count_written(context, comparison, record)


def _comparable(context: RunContext, stream: Stream, key: str, raw: bytes) -> bytes | None:
    """The digest that decides about a change where the endpoint has volatile fields; None where the raw one does."""
    if not stream.endpoint.volatile:
        return None
    reduced = digests.comparable(raw, stream.endpoint.volatile)
    return digests.record_digest(context.customer.digest_key, stream.name, key, reduced)


def _mark_unchanged(comparison: Comparison, key: str, slot: int, scope: int | None, listing: Listing) -> None:
    stream = comparison.stream
    if stream.seen.add(slot):
        stream.counts.unchanged += 1
        comparison.slots.append(slot)
        if scope is None or scope == listing.scope_id:
            listing.present += 1
        elif len(stream.strays) < _STRAYS_AT_MOST:
            stream.strays[key] = Stray(scope, listing)
    else:
        _count_repeated(stream, listing)
        if scope == listing.scope_id and stream.strays.pop(key, None) is not None:
            listing.present += 1


def _count_repeated(stream: Stream, listing: Listing) -> None:
    stream.counts.repeated += 1
    stream.counts.moved += not listing.second_pass


def _settle_reordered(context: RunContext, comparison: Comparison, records: list[Written]) -> None:
    """Read the old bytes of records whose shape is equal: only key order or white space may differ."""
    old_rows = [record.old for record in records if record.old is not None]
    old_raws = context.customer.read_many([place_of(context, row) for row in old_rows])
    for record, row, old_raw in zip(records, old_rows, old_raws, strict=True):
        if digests.canonical(old_raw) == digests.canonical(record.raw):
            _mark_unchanged(comparison, record.key, row.slot, row.scope, record.listing)
        else:
            comparison.written.append(record)


def _count_written(context: RunContext, comparison: Comparison, record: Written) -> None:
    """Count a version to be written; of a record that this run had read before, the later reading stands."""
    stream, old = comparison.stream, record.old
    if old is None:
        stream.counts.new += 1
        record.listing.present += 1
    elif stream.seen.add(old.slot):
        stream.counts.changed += 1
        record.listing.present += 1
        comparison.slots.append(old.slot)
    else:
        _count_repeated(stream, record.listing)
        if old.run_from != context.sequence:  # its earlier reading was counted as unchanged
            stream.counts.unchanged -= 1
            stream.counts.changed += 1
