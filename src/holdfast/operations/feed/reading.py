"""Reads the feed from a cursor on: what the catalog noted of every run, with the records as they were after it."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from holdfast.catalog import changes, runs, steps, streams
from holdfast.catalog.changes import Change
from holdfast.catalog.fields import Learned
from holdfast.catalog.instances import Instance
from holdfast.catalog.steps import Step
from holdfast.catalog.streams import Stream
from holdfast.errors import InputError, NotFound
from holdfast.operations.browsing import Browser
from holdfast.operations.compare import RecordChange
from holdfast.operations.feed.cursors import Cursor
from holdfast.operations.feed.learning import FieldLearner
from holdfast.operations.feed.paths import FieldPath
from holdfast.operations.services import Services

_KINDS: dict[str, Literal["created", "changed", "deleted"]] = {
    "added": "created", "changed": "changed", "deleted": "deleted",
}  # fmt: skip


@dataclass(frozen=True)
class FeedEvent:
    """A record that was created, changed or deleted; or a field that this record has and none before it had."""

    kind: Literal["created", "changed", "deleted", "field"]
    endpoint: str
    key: str
    run_id: int
    run: int
    ended_at: datetime
    cursor: Cursor
    """Reading on from here gives everything behind this event, and a new field's record once more."""
    raw: bytes | None = None
    """The record as it is from then on."""
    has_blob: bool = False
    changed: Sequence[str] = ()
    """Paths of what differs in a changed record; empty where only its blob does, or it is too deep to tell."""
    field: FieldPath | None = None


@dataclass(frozen=True)
class FeedPage:
    events: Sequence[FeedEvent]
    next: Cursor
    """To be given to go on, now or when there is more."""
    has_more: bool


@dataclass(frozen=True)
class _Part:
    """Changes of one stream in one step, in key order."""

    stream: Stream
    step: Step
    changes: list[Change] = field(default_factory=list)


def read_feed(services: Services, instance: Instance, after: Cursor, *, limit: int) -> FeedPage:
    """At most `limit` changed records behind the cursor, by run, endpoint and id, and the fields they bring.

    The same cursor gives the same events, as long as no backup between is pruned; what a pruned one brought comes with
    the next that is kept. Raises InputError for a cursor that lies ahead of every backup: whoever followed it would
    miss what comes up to there.
    """
    browser = Browser(services)
    with services.database.read() as connection:
        newest = _newest(connection, instance)
        if after.run > newest + 1:  # `latest` gives the one behind the newest
            raise InputError(
                f"this cursor lies ahead: it is of backup {after.run}, and "
                + (f"the newest is number {newest}" if newest else "there is none yet"),
                field="after", hint="Give one as an answer of this instance's feed had it.",
            )  # fmt: skip
        known = steps.steps(connection, instance.id, 0)
        parts, has_more = _parts(connection, instance, known, after, limit)
    events: list[FeedEvent] = []
    cursor = after
    customer = services.vault.customer(instance.customer_id)
    for part in parts:
        learner = FieldLearner(services, browser, customer, part.stream)
        learner.learn(known, Learned(part.step.run, part.changes[-1].record_key))
        for event in _events(browser, learner, instance.customer_id, part, cursor):
            events.append(event)
            cursor = event.cursor
    return FeedPage(events, cursor, has_more)


def beginning(services: Services, instance: Instance, sequence: int) -> Cursor:
    """Where a backup of this number begins, also one that is pruned. Raises NotFound where there is none so far."""
    with services.database.read() as connection:
        newest = _newest(connection, instance)
    if sequence > newest:
        hint = f"The newest is number {newest}." if newest else "There is none yet."
        raise NotFound(f"there is no backup number {sequence}", field="backup", hint=hint)
    return Cursor(sequence)


def _newest(connection: Connection, instance: Instance) -> int:
    """The number of the newest backup, active or ended; 0: there is none."""
    run = runs.newest(connection, instance.id)
    return 0 if run is None else run.sequence


def latest(services: Services, instance: Instance) -> Cursor:
    """Behind everything that there is now."""
    with services.database.read() as connection:
        found = steps.steps(connection, instance.id, 0)
    return Cursor(found[-1].run + 1) if found else Cursor(0)


def _parts(
    connection: Connection, instance: Instance, known: Sequence[Step], after: Cursor, limit: int
) -> tuple[list[_Part], bool]:
    """What a page consists of, and whether there is more."""
    if not known:
        return [], False
    last = known[-1].run
    by_run = {step.run: step for step in known}
    waiting: list[tuple[int, str, str | None, Stream]] = []  # the next step's run, endpoint, after which key
    for stream in streams.of_instance(connection, instance.id):
        if stream.endpoint == after.endpoint and after.run in by_run:
            waiting.append((after.run, stream.endpoint, after.key, stream))
        else:
            _wait(connection, waiting, known, stream, after.run - (stream.endpoint >= after.endpoint), last)
    heapq.heapify(waiting)
    found: list[_Part] = []
    while waiting:
        if limit <= 0:
            return found, _has_more(connection, waiting, known, last)
        run, _, key, stream = heapq.heappop(waiting)
        step = by_run[run]
        page = changes.page(connection, stream.id, step.before, run, after=key, limit=limit)
        if page:
            found.append(_Part(stream, step, page))
        if len(page) < limit:
            _wait(connection, waiting, known, stream, run, last)
        else:
            heapq.heappush(waiting, (run, stream.endpoint, page[-1].record_key, stream))
        limit -= len(page)
    return found, False


def _wait(
    connection: Connection, waiting: list[tuple[int, str, str | None, Stream]], known: Sequence[Step], stream: Stream,
    after_run: int, last: int,
) -> None:  # fmt: skip
    """Put a stream's next step among those that wait."""
    following = changes.next_run(connection, stream.id, after_run, last)
    if following is not None:
        step = next(step for step in known if step.run >= following)
        heapq.heappush(waiting, (step.run, stream.endpoint, None, stream))


def _has_more(
    connection: Connection, waiting: list[tuple[int, str, str | None, Stream]], known: Sequence[Step], last: int
) -> bool:
    """Whether any of these has a change, now or later: a step that was noted may have come to nothing."""
    by_run = {step.run: step for step in known}
    while waiting:
        run, _, key, stream = heapq.heappop(waiting)
        if changes.page(connection, stream.id, by_run[run].before, run, after=key, limit=1):
            return True
        _wait(connection, waiting, known, stream, run, last)
    return False


def _events(browser: Browser, learner: FieldLearner, customer_id: int, part: _Part, cursor: Cursor) -> list[FeedEvent]:
    """A part's changes as events; a record's new fields before the record itself."""
    rows = [row for one in part.changes for row in (one.before, one.after) if row is not None]
    raws = dict(
        zip(((row.record_key, row.run_from) for row in rows), browser.read_rows(customer_id, rows), strict=True)
    )
    now = {one.record_key: raws[one.record_key, one.after.run_from] for one in part.changes if one.after is not None}
    brought = learner.brought(part.step, now)
    about = (part.step.run_id, part.step.run, part.step.ended_at)
    events: list[FeedEvent] = []
    for one in part.changes:
        endpoint, key = part.stream.endpoint, one.record_key
        events += [FeedEvent("field", endpoint, key, *about, cursor, field=path) for path in brought.get(key, [])]
        cursor = Cursor(part.step.run, endpoint, key)
        before = None if one.before is None else raws[key, one.before.run_from]
        fields = RecordChange(endpoint, one.kind, key, before, now.get(key), False).fields() or []
        events.append(
            FeedEvent(
                _KINDS[one.kind], endpoint, key, *about, cursor, now.get(key),
                one.after is not None and one.after.blob is not None, [field.path for field in fields],
            )
        )  # fmt: skip
    return events
