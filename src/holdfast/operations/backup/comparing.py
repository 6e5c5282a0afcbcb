"""Decides of each record that was read: new, changed, unchanged, repeated or deleted. Only reads the catalog.

A keyed digest over endpoint, record key and raw bytes decides nearly always. Where it differs but the shape (a cheap
fingerprint that key order and white space do not change) is equal, the old bytes are read and compared canonically.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from holdfast.catalog.blobs import Blob
from holdfast.catalog.records import CurrentRow, known, lookup
from holdfast.catalog.seen import Stray
from holdfast.errors import CatalogBusy
from holdfast.operations.backup.parents import place_of
from holdfast.operations.backup.state import Listing, RunContext, Stream
from holdfast.sources.page import Page
from holdfast.vault import digests

UNKNOWN_SHAPE = -1
"""Of a record that a rebuild has found: its old bytes are read when it differs."""


_STRAYS_AT_MOST = 100_000
"""Bounds memory where records belong to many parents at once; strays beyond stay where they are until a later run."""


class Read(NamedTuple):
    """A record as it was read."""

    key: str
    raw: bytes
    digest: bytes
    listing: Listing


@dataclass(frozen=True, slots=True)
class NewRecords:
    """Records that the catalog does not know, side by side: a first backup has a million of them."""

    keys: Sequence[str] = ()
    """Ascending."""
    raws: Sequence[bytes] = ()
    digests: Sequence[bytes] = ()
    listings: Sequence[Listing] = ()
    compares: Sequence[bytes | None] = ()
    """Empty where the endpoint has neither volatile fields nor stubs."""

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(slots=True)
class Changed:
    """A new version of a record that exists."""

    read: Read
    compare: bytes | None
    old: CurrentRow
    blob: Blob | None = None
    """The old version's, where the source says that it is the same."""


@dataclass
class Comparison:
    """The outcome for one stream's pages of a batch. `slots` are the known records seen for the first time."""

    stream: Stream
    new: NewRecords = NewRecords()
    changed: list[Changed] = field(default_factory=list)
    owed_blobs: list[tuple[str, Listing]] = field(default_factory=list)
    """By key, what has a blob that is to be fetched."""
    deleted: list[str] = field(default_factory=list)
    """Keys of records that a tombstone tells of."""
    slots: list[int] = field(default_factory=list)
    recompared: dict[str, bytes] = field(default_factory=dict)
    """By key, what unchanged records are compared by from now on."""
    strays: dict[str, Stray | None] = field(default_factory=dict)
    """What has become of `stream.strays` in this batch, as `seen` keeps it."""
    listings: dict[str, dict[int | None, Listing]] = field(default_factory=dict)
    """By key and scope, the lists in which the batch has a record more than once."""


@dataclass
class _Readings:
    """The records of a batch's pages, side by side, each key once: the later reading."""

    keys: list[str] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    compares: list[bytes | None] = field(default_factory=list)
    """Beside them where the list shows stubs, else empty."""
    tombstones: set[str] = field(default_factory=set)
    repeated: dict[str, dict[int | None, Listing]] = field(default_factory=dict)
    """By key and scope, the lists of what was read more than once."""


def compare(
    context: RunContext, connection: Connection, stream: Stream, pages: Sequence[tuple[Listing, Page]]
) -> Comparison:
    """Compare a batch's pages of one stream with the catalog's current versions, and count."""
    readings = _gather(stream, pages)
    if stream.endpoint.detail is not None:
        return _compare_details(context, connection, stream, readings)
    comparison = Comparison(stream, listings=readings.repeated)
    current = known(connection, stream.id, readings.keys)
    found = digests.record_digests(context.customer.digest_key, stream.name, readings.keys, readings.raws)
    tombstones, lost = readings.tombstones, stream.lost
    new: list[int] = []
    different: list[Read] = []
    for index, (key, digest, listing, (old_digest, slot, scope, _)) in enumerate(
        zip(readings.keys, found, readings.listings, current, strict=True)
    ):
        if tombstones and key in tombstones:
            stream.counts.tombstones += 1
            if slot is not None:
                comparison.deleted.append(key)
                listing.present -= slot in stream.seen
        elif slot is None:
            new.append(index)
        elif old_digest == digest and not (lost and key in lost):
            _mark_unchanged(comparison, key, slot, scope, listing)
        else:
            different.append(Read(key, readings.raws[index], digest, listing))
    if different:
        rows = lookup(connection, stream.id, [read.key for read in different])
        _sort_out(context, comparison, different, rows)
    _take_new(context, comparison, readings, found, new)
    return comparison


def _take_new(
    context: RunContext, comparison: Comparison, readings: "_Readings", found: Sequence[bytes], new: list[int]
) -> None:
    """The records at these places of the readings are new."""
    if not new:
        return
    stream, keys = comparison.stream, readings.keys
    new.sort(key=keys.__getitem__)
    listings = [readings.listings[index] for index in new]
    raws = [readings.raws[index] for index in new]
    new_keys = [keys[index] for index in new]
    compares: Sequence[bytes | None] = ()
    if stream.endpoint.detail is not None:
        compares = [readings.compares[index] for index in new]
    elif stream.endpoint.volatile:
        compares = [_comparable(context, stream, key, raw) for key, raw in zip(new_keys, raws, strict=True)]
    comparison.new = NewRecords(new_keys, raws, [found[index] for index in new], listings, compares)
    stream.counts.new += len(new)
    for listing in listings:
        listing.present += 1


def _gather(stream: Stream, pages: Sequence[tuple[Listing, Page]]) -> _Readings:
    readings = _Readings()
    for listing, page in pages:
        keys = listing.keys_of(page.ids)
        readings.keys += keys
        readings.raws += page.raws
        readings.listings += [listing] * len(keys)
        if stream.endpoint.detail is not None:
            readings.compares += page.compares or [None] * len(keys)
        stream.counts.listed += len(keys) + page.repeated + len(page.skipped) + page.lost
        stream.counts.repeated += page.repeated
        if page.deleted is not None:
            for key, deleted in zip(keys, page.deleted, strict=True):
                (readings.tombstones.add if deleted else readings.tombstones.discard)(key)
    last = {key: index for index, key in enumerate(readings.keys)}
    repeated = len(readings.keys) - len(last)
    if repeated:
        stream.counts.repeated += repeated
        stream.counts.moved += repeated
        again = {key for index, key in enumerate(readings.keys) if last[key] != index}
        for key, listing in zip(readings.keys, readings.listings, strict=True):
            if key in again:
                readings.repeated.setdefault(key, {})[listing.scope_id] = listing
        order = sorted(last.values())
        readings.keys = [readings.keys[i] for i in order]
        readings.raws = [readings.raws[i] for i in order]
        readings.listings = [readings.listings[i] for i in order]
        if readings.compares:
            readings.compares = [readings.compares[i] for i in order]
    return readings


def _compare_details(
    context: RunContext, connection: Connection, stream: Stream, readings: _Readings
) -> Comparison:  # fmt: skip
    """The same for records of which the list shows stubs: those whose stubs have not changed come without bytes."""
    comparison = Comparison(stream, listings=readings.repeated)
    rows = lookup(connection, stream.id, readings.keys)
    found = digests.record_digests(context.customer.digest_key, stream.name, readings.keys, readings.raws)
    compares = dict(zip(readings.keys, readings.compares, strict=True))
    volatile = stream.endpoint.volatile
    doubtful: list[Changed] = []
    new: list[int] = []
    for index, (key, raw, digest, listing) in enumerate(
        zip(readings.keys, readings.raws, found, readings.listings, strict=True)
    ):
        row = rows.get(key)
        if key in readings.tombstones:
            stream.counts.tombstones += 1
            if row is not None:
                comparison.deleted.append(key)
                listing.present -= row.slot in stream.seen
        elif row is None:
            if not raw:
                raise CatalogBusy(f"{stream.name} {key} was deleted while its stub was compared")
            new.append(index)
        elif raw and key in stream.lost:
            comparison.changed.append(Changed(Read(key, raw, digest, listing), compares[key], row))
        elif not raw or row.digest == digest:
            _mark_same(comparison, Changed(Read(key, raw, digest, listing), compares[key], row))
        elif volatile or row.shape in (UNKNOWN_SHAPE, digests.shape(raw)):
            doubtful.append(Changed(Read(key, raw, digest, listing), compares[key], row))
        else:
            comparison.changed.append(Changed(Read(key, raw, digest, listing), compares[key], row))
    _take_new(context, comparison, readings, found, new)
    old_raws = context.customer.read_many([place_of(context, one.old) for one in doubtful])
    for one, old_raw in zip(doubtful, old_raws, strict=True):
        if digests.comparable(old_raw, volatile) == digests.comparable(one.read.raw, volatile):
            _mark_same(comparison, one)
        else:
            comparison.changed.append(one)
    comparison.changed.sort(key=lambda record: record.read.key)
    for record in comparison.changed:
        _count_changed(context, comparison, record)
    return comparison


def _mark_same(comparison: Comparison, record: Changed) -> None:
    """A record whose content is what was stored; its stub may be another one all the same."""
    read, old = record.read, record.old
    _mark_unchanged(comparison, read.key, old.slot, old.scope, read.listing)
    if record.compare is not None and record.compare != old.compare:
        comparison.recompared[read.key] = record.compare


def _sort_out(
    context: RunContext, comparison: Comparison, different: list[Read], rows: Mapping[str, CurrentRow]
) -> None:
    """Known records whose bytes are not the current ones: changed, or the same in another spelling."""
    stream = comparison.stream
    reordered: list[Changed] = []
    for read in different:
        record = Changed(read, _comparable(context, stream, read.key, read.raw), rows[read.key])
        old = record.old
        if read.key in stream.lost:
            comparison.changed.append(record)
        elif record.compare is not None:
            if record.compare == old.compare:
                _mark_unchanged(comparison, read.key, old.slot, old.scope, read.listing)
            else:
                comparison.changed.append(record)
        elif old.shape in (UNKNOWN_SHAPE, digests.shape(read.raw)):
            reordered.append(record)
        else:
            comparison.changed.append(record)
    _settle_reordered(context, comparison, reordered)
    comparison.changed.sort(key=lambda record: record.read.key)
    for record in comparison.changed:
        _count_changed(context, comparison, record)


def _comparable(context: RunContext, stream: Stream, key: str, raw: bytes) -> bytes | None:
    """The digest that decides about a change where the endpoint has volatile fields; None where the raw one does."""
    if not stream.endpoint.volatile:
        return None
    reduced = digests.comparable(raw, stream.endpoint.volatile)
    return digests.record_digest(context.customer.digest_key, stream.name, key, reduced)


def _mark_unchanged(comparison: Comparison, key: str, slot: int, scope: int | None, listing: Listing) -> None:
    stream = comparison.stream
    # Of the lists that have it, its own counts: else it would move with what happens to be read together.
    listing = comparison.listings.get(key, {}).get(scope, listing)
    if stream.seen.add(slot):
        stream.counts.unchanged += 1
        comparison.slots.append(slot)
        if scope is None or scope == listing.scope_id:
            listing.present += 1
        elif len(stream.strays) < _STRAYS_AT_MOST:
            stream.strays[key] = comparison.strays[key] = Stray(scope, listing.scope_id)
    else:
        _count_repeated(stream, listing)
        if scope == listing.scope_id:
            _find_home(comparison, key, listing)


def _find_home(comparison: Comparison, key: str, listing: Listing) -> None:
    """A record that may have been taken for a stray was seen where it belongs, or belongs where it was seen last."""
    if comparison.stream.strays.pop(key, None) is not None:
        comparison.strays[key] = None
        listing.present += 1


def _count_repeated(stream: Stream, listing: Listing) -> None:
    stream.counts.repeated += 1
    stream.counts.moved += not listing.second_pass


def _settle_reordered(context: RunContext, comparison: Comparison, records: list[Changed]) -> None:
    """Read the old bytes of records whose shape is equal: only key order or white space may differ."""
    old_raws = context.customer.read_many([place_of(context, record.old) for record in records])
    for record, old_raw in zip(records, old_raws, strict=True):
        read, old = record.read, record.old
        if digests.canonical(old_raw) == digests.canonical(read.raw):
            _mark_unchanged(comparison, read.key, old.slot, old.scope, read.listing)
        else:
            comparison.changed.append(record)


def _count_changed(context: RunContext, comparison: Comparison, record: Changed) -> None:
    """Count a version to be written; of a record that this run had read before, the later reading stands."""
    stream, old, listing = comparison.stream, record.old, record.read.listing
    if stream.seen.add(old.slot):
        stream.counts.changed += 1
        listing.present += 1
        comparison.slots.append(old.slot)
    else:
        _count_repeated(stream, listing)
        _find_home(comparison, record.read.key, listing)
        if old.run_from != context.sequence:  # its earlier reading was counted as unchanged
            stream.counts.unchanged -= 1
            stream.counts.changed += 1
