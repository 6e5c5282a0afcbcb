"""Examines a backup at its end, before it is ended: what of it is far from what is usual. Reads only."""

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import alarms, changes, counts, daily_sums, packs, records, runs, streams
from holdfast.catalog import blobs as catalog_blobs
from holdfast.catalog.alarms import Kind
from holdfast.catalog.blobs import Blob
from holdfast.catalog.daily_sums import day_of
from holdfast.catalog.streams import Stream
from holdfast.clock import parse_time
from holdfast.errors import HoldfastError
from holdfast.operations.alarms.encryption import (
    SAMPLE_BYTES,
    BlobChange,
    Signs,
    commonest_extension,
    looks_encrypted,
)
from holdfast.operations.alarms.figures import figures
from holdfast.operations.alarms.usual import CHANGES, DELETIONS, Day, Past, Scale, Verdict, judge
from holdfast.operations.services import Services
from holdfast.vault import EndpointState, Manifest, Place

_log = logging.getLogger(__name__)

_DAYS = 400
_RUNS = 60
_CHANGES_AT_ONCE = 1_000
_CHANGES_AT_MOST = 20_000
_SAMPLES = 64
_OTHERS = 32
_ACKNOWLEDGED_OFTEN = 2
_RAISED_OFTEN = 3
"""What was acknowledged so often, or came so often at all, is usual from then on."""


@dataclass(frozen=True)
class Finding:
    """Worth an alarm."""

    kind: Kind
    endpoint: str
    message: str
    figures: Mapping[str, Any]


def examine(services: Services, manifest: Manifest) -> list[Finding]:
    """What a run that is about to end has found that is far from what is usual. An instance's first run has nothing to
    be measured by."""
    found: list[Finding] = []
    with services.database.read() as connection:
        before = runs.previous_ended(connection, manifest.instance_id, manifest.sequence)
        if before is None:
            return []
        earlier = runs.by_sequence(connection, manifest.instance_id, before)
        held = {} if earlier is None else {
            name: one.held for name, one in counts.of_run(connection, earlier.id).items()
        }  # fmt: skip
        for state in manifest.endpoints:
            stream = streams.find(connection, manifest.instance_id, state.endpoint)
            if stream is not None and stream.first_run < manifest.sequence:
                found += _mass(connection, manifest, stream, state, held.get(state.endpoint, 0))
    for state in manifest.endpoints:
        if state.blobs:
            found += _encryption(services, manifest, state, before)
    return found


def _mass(
    connection: Connection, manifest: Manifest, stream: Stream, state: EndpointState, held_before: int
) -> Iterator[Finding]:
    """Deletions and changes of one endpoint."""
    mine = figures(state, held_before)
    measured: tuple[tuple[Kind, int, Scale, str], ...] = (
        ("mass_deletion", mine.deleted, DELETIONS, "are gone at the source"),
        ("mass_change", mine.changed, CHANGES, "have changed at the source"),
    )
    today = day_of(parse_time(manifest.ended_at))
    for kind, value, scale, what in measured:
        if not value:
            continue
        past = _past(connection, manifest, stream, kind, today)
        verdict = judge(value, today, mine.live_before, past, scale)
        if verdict is not None:
            yield Finding(kind, state.endpoint, _told(verdict, mine.live_before, state, what), {
                "value": verdict.value, "usual": verdict.usual, "limit": verdict.limit, "days": verdict.days,
                "live": mine.live_before,
            })  # fmt: skip


def _told(verdict: Verdict, live: int, state: EndpointState, what: str) -> str:
    told = f"{verdict.value:,} of {live:,} records of {state.endpoint} {what}"
    if verdict.days:
        told += f"; on a usual day it is {verdict.usual:,.0f}"
    return told + (f". {state.held:,} of them are held back" if state.held else "")


def _past(connection: Connection, manifest: Manifest, stream: Stream, kind: Kind, today: int) -> Past:
    deletes = kind == "mass_deletion"
    raised = alarms.of_kind(connection, manifest.instance_id, stream.endpoint, kind)
    acknowledged = [alarm for alarm in raised if alarm.acknowledged_at is not None]
    known = raised if len(raised) >= _RAISED_OFTEN else acknowledged
    if known is acknowledged and len(acknowledged) < _ACKNOWLEDGED_OFTEN:
        known = []
    sums = {
        one.day: one.deleted if deletes else one.changed
        for one in daily_sums.newest(connection, stream.id, _DAYS)
    }  # fmt: skip
    for alarm in known:
        day = day_of(alarm.raised_at)
        sums[day] = sums.get(day, 0) + int(alarm.figures["value"])
    left_out = {alarm.sequence for alarm in raised} - {alarm.sequence for alarm in known}
    each = [
        (one.deleted + one.held if deletes else one.changed)
        for one in counts.before(connection, stream.id, manifest.sequence, _RUNS)
        if one.sequence > stream.first_run and one.sequence not in left_out
    ]
    days = [Day(number, value) for number, value in sorted(sums.items()) if number != today]
    return Past(each, days, sums.get(today, 0))


def _encryption(services: Services, manifest: Manifest, state: EndpointState, before: int) -> Iterator[Finding]:
    with services.database.read() as connection:
        stream = streams.find(connection, manifest.instance_id, state.endpoint)
        if stream is None or stream.first_run >= manifest.sequence:
            return
        replaced, new = _changed_blobs(connection, stream.id, before, manifest.sequence)
        rows = records.page(connection, stream.id, sequence=before, limit=10 * _OTHERS) if new else []
        others = list(catalog_blobs.get_many(connection, [row.blob for row in rows if row.blob is not None]).values())
    signs = _signs(_Beginnings(services, manifest.customer_id), replaced, new, others, seed=manifest.run_id)
    if signs.are_alarming:
        ending = f", most of them to {signs.extension}" if signs.extension else ""
        yield Finding(
            "mass_encryption",
            state.endpoint,
            f"the blobs of {state.endpoint} look encrypted: of {signs.replaced:,} that were replaced {signs.renamed:,} "
            f"were renamed{ending}, {signs.untyped:,} lost their content type; of {signs.sampled + signs.new_sampled} "
            f"looked into {signs.turned + signs.new_encrypted} are noise",
            {name: getattr(signs, name) for name in Signs.__dataclass_fields__} | {"value": signs.replaced + signs.new},
        )


def _changed_blobs(
    connection: Connection, stream: int, before: int, now: int
) -> tuple[list[tuple[Blob, Blob]], list[Blob]]:
    """(old, new) of blobs that were replaced, and those of records that had none, as far as a bounded look tells."""
    pairs: list[tuple[int | None, int]] = []
    after: str | None = None
    seen = 0
    while seen < _CHANGES_AT_MOST:
        page = changes.page(connection, stream, before, now, after=after, limit=_CHANGES_AT_ONCE)
        for one in page:
            old = None if one.before is None else one.before.blob
            if one.after is not None and one.after.blob is not None and one.after.blob != old:
                pairs.append((old, one.after.blob))
        seen += len(page)
        if len(page) < _CHANGES_AT_ONCE:
            break
        after = page[-1].record_key
    found = catalog_blobs.get_many(connection, {number for pair in pairs for number in pair if number is not None})
    # The same content fetched again, because nothing tells its version, is no replacement.
    replaced = [
        (found[old], found[new]) for old, new in pairs if old is not None and found[old].digest != found[new].digest
    ]
    return replaced, [found[new] for old, new in pairs if old is None]


def _signs(
    beginnings: "_Beginnings", replaced: Sequence[tuple[Blob, Blob]], new: Sequence[Blob], others: Sequence[Blob],
    *, seed: int,
) -> Signs:  # fmt: skip
    chance = random.Random(seed)  # whoever ends the run again samples the same
    told = [BlobChange(now.name, now.content_type, old.name, old.content_type) for old, now in replaced]
    enough = Signs(replaced=len(replaced), new=len(new)).could_alarm
    pairs = chance.sample(replaced, min(len(replaced), _SAMPLES)) if enough else []
    read = [(old, now) for old, now in ((beginnings.of(a), beginnings.of(b)) for a, b in pairs) if old and now]
    newer = [data for data in map(beginnings.of, chance.sample(new, min(len(new), _SAMPLES) * enough)) if data]
    older = [data for data in map(beginnings.of, chance.sample(others, min(len(others), _OTHERS) * enough)) if data]
    return Signs(
        replaced=len(replaced),
        renamed=sum(one.is_renamed for one in told),
        untyped=sum(one.is_untyped for one in told),
        sampled=len(read),
        turned=sum(looks_encrypted(now) and not looks_encrypted(old) for old, now in read),
        new=len(new),
        new_sampled=len(newer),
        new_encrypted=sum(map(looks_encrypted, newer)),
        others_sampled=len(older),
        others_encrypted=sum(map(looks_encrypted, older)),
        extension=commonest_extension(told),
    )


class _Beginnings:
    """Reads how blobs begin."""

    def __init__(self, services: Services, customer_id: int) -> None:
        self._database = services.database
        self._customer = services.vault.customer(customer_id)

    def of(self, blob: Blob) -> bytes:
        """Nothing for one that cannot be read: that is for `verify` to tell, and no reason not to end a backup."""
        if not blob.chunks:
            return b""
        first = blob.chunk_digests[0]
        try:
            with self._database.read() as connection:
                place = catalog_blobs.chunk_places(connection, self._customer.customer_id, [first])[first]
                name = packs.object_ids(connection, [place.pack])[place.pack]
            data = self._customer.read(Place(name, place.frame, place.start, place.length))
        except (HoldfastError, KeyError) as error:
            _log.warning("blob %s cannot be looked into: %s", blob.object_id, error)
            return b""
        return data[:SAMPLE_BYTES]
