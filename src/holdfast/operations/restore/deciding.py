"""What is to be done with each chosen record: created, updated, undeleted, left alone, or impossible, and why."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any, cast

from holdfast.catalog.restore_records import AS_IT_WAS, BLOB_NOT_COMPARED, DIFFERS, Action
from holdfast.definitions.document import Endpoint
from holdfast.definitions.filters import json_text
from holdfast.definitions.restoring import Restore
from holdfast.definitions.selectors import selector
from holdfast.errors import DefinitionError, PageUnreadable, SourceRefused
from holdfast.operations.browsing import StoredRecord
from holdfast.operations.restore import blobs
from holdfast.operations.restore.comparing import is_equal, match_of
from holdfast.operations.restore.context import Context, fields_of
from holdfast.operations.restore.looking import Expected, Live, Looker, Scope
from holdfast.operations.restore.ordering import without_what_they_need
from holdfast.operations.restore.paths import replaced
from holdfast.operations.restore.steps import as_if_made, needs_update
from holdfast.operations.restore.ties import Tied, own_id, with_id
from holdfast.sources.page import Parent
from holdfast.sources.writing import WriteKind

_SILENT = "the definition does not say how its records are restored"
_AT_ONCE = 1_000
"""Records of one list that are held in memory together."""


@dataclass(frozen=True)
class Decision:
    endpoint: Endpoint
    key: str
    parent_key: str
    action: Action
    fields: Mapping[str, Any]
    """The record as it is to be, with what it refers to as it is at the target."""
    why: str | None = None
    live: Live | None = None
    """What is at the target already."""
    seen: tuple[str, ...] = ()
    """The ids of all that look like it."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """Fields in which something stands for what is not at the target, each with why."""
    has_blob: bool = False
    is_duplicate: bool = False
    below_new: bool = False
    """Its parent is not at the target yet, so that nobody could look."""
    refers: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    """What it refers to of its own endpoint; and that without which it cannot be."""


class Decider:
    """Decides for one restore or plan. A live record at the target stands for one stored record only."""

    def __init__(self, context: Context, looker: Looker) -> None:
        self._context = context
        self._looker = looker
        self._claimed: set[tuple[str, str]] = set()

    async def endpoint(self, endpoint: Endpoint) -> AsyncIterator[Decision]:
        """Every chosen record of an endpoint, once. Raises SourceError where the target cannot be looked at."""
        context, restore = self._context, endpoint.restore
        refers_to_itself = restore is not None and any(
            one.endpoint == endpoint.name for one in restore.references.values()
        )
        if refers_to_itself:
            for some in context.options.records(context.browser, context.given.state, endpoint.name):
                for stored, parent_key in zip(some, context.parent_keys(endpoint, some), strict=True):
                    context.ties.expect(endpoint, stored.key, parent_key, fields_of(stored.raw))
        made = self._all(endpoint)
        if not refers_to_itself:
            async for decision in made:
                yield decision
            return
        decisions = [one async for one in made]
        context.ties.expect_no_more(endpoint)  # not all of them are to be made
        for decision in without_what_they_need(decisions):
            yield decision

    async def _all(self, endpoint: Endpoint) -> AsyncIterator[Decision]:
        for parent_key, records in self._grouped(endpoint).items():
            for begin in range(0, len(records), _AT_ONCE):
                for decision in await self._of_parent(endpoint, parent_key, records[begin : begin + _AT_ONCE]):
                    yield decision

    def _grouped(self, endpoint: Endpoint) -> dict[str, list[str]]:
        """The keys of the chosen records by their parents' keys, in the order of the definition, or numbers in theirs:
        what is made anew stands in the order in which it was made."""
        context = self._context
        order = [selector(text) for text in (endpoint.restore.order if endpoint.restore is not None else ())]
        found: dict[str, list[tuple[list[_Place], _Place, str]]] = {}
        for some in context.options.records(context.browser, context.given.state, endpoint.name):
            for stored, parent_key in zip(some, context.parent_keys(endpoint, some), strict=True):
                fields = fields_of(stored.raw) if order else {}
                placed = [_placed(one.find(fields)) for one in order]
                found.setdefault(parent_key, []).append((placed, _counting(stored.key), stored.key))
        return {parent_key: [key for *_, key in sorted(keys)] for parent_key, keys in found.items()}

    async def _of_parent(self, endpoint: Endpoint, parent_key: str, keys: list[str]) -> list[Decision]:
        context, restore = self._context, endpoint.restore
        records = context.browser.records_of(context.given.state, endpoint.name, keys)
        if restore is None or (restore.never is not None and restore.find is None):
            why = restore.never if restore is not None and restore.never is not None else _SILENT
            return [self._impossible(endpoint, one, parent_key, {}, why) for one in records]
        fields = [fields_of(one.raw) for one in records]
        parent = await self._looker.parent(endpoint, parent_key)
        if isinstance(parent, str):
            return [
                self._impossible(endpoint, one, parent_key, own, parent)
                for one, own in zip(records, fields, strict=True)
            ]
        ties = [context.ties.tied(endpoint, parent_key, one) for one in fields]
        scope, ids = Scope(), self._ids(endpoint, records)
        if not isinstance(parent, Expected):
            try:
                scope = await self._looker.scope(endpoint, parent, ids, [one.fields for one in ties])
            except PageUnreadable as error:
                return [
                    self._impossible(endpoint, one, parent_key, own, str(error))
                    for one, own in zip(records, fields, strict=True)
                ]
        made = []
        for index, (stored, tied) in enumerate(zip(records, ties, strict=True)):
            live = self._match(endpoint, tied.fields, ids[index] if ids else None, scope)
            decision = self._decide(endpoint, restore, stored, parent_key, parent, tied, live, scope)
            made.append(replace(decision, below_new=isinstance(parent, Expected)))
        if isinstance(parent, Expected) or not any(one.is_duplicate for one in made):
            return made
        return await self._but_duplicates_there(endpoint, restore, parent, made)

    async def _but_duplicates_there(
        self, endpoint: Endpoint, restore: Restore, parent: Parent | None, decisions: list[Decision]
    ) -> list[Decision]:
        """The same, without the duplicates that an earlier restore of this backup has made."""
        wanted = [one.fields for one in decisions if one.is_duplicate]
        ids = [own_id(endpoint, one) for one in wanted] if restore.keeps_id else []
        there = await self._looker.scope(endpoint, parent, ids, wanted)
        left = "it is there, and differs; so is its duplicate, from an earlier restore"
        return [
            replace(one, action="leave", why=left, is_duplicate=False)
            if one.is_duplicate and _is_in(there, endpoint, restore, one.fields)
            else one
            for one in decisions
        ]

    def _ids(self, endpoint: Endpoint, records: list[StoredRecord]) -> list[str]:
        """The ids by which these records can be known at the target; none where ids mean nothing there."""
        context = self._context
        known = context.ties.target_ids(endpoint.name, [one.key for one in records])
        if not context.finds_by_id(endpoint) and len(known) < len(records):
            return []
        return [known.get(one.key) or context.source.identify(endpoint.name, one.raw) for one in records]

    def _match(self, endpoint: Endpoint, fields: Mapping[str, Any], record_id: str | None, scope: Scope) -> Live | None:
        """What stands for a record at the target: the one with its id, else the first free one like it."""
        if record_id is not None and record_id in scope.by_id:
            self._claimed.add((endpoint.name, record_id))
            return scope.by_id[record_id]
        match = match_of(endpoint, fields)
        for live in scope.by_match.get(match or "", ()):
            if (endpoint.name, live.id) in self._claimed or self._is_another(endpoint, live.id):
                continue
            self._claimed.add((endpoint.name, live.id))
            return live
        return None

    def _is_another(self, endpoint: Endpoint, live_id: str) -> bool:
        """Whether a record of the backup has this id itself: two records may look the same."""
        context = self._context
        if not context.given.in_place or (endpoint.parents and not endpoint.global_id):
            return False
        return bool(context.browser.records_of(context.given.state, endpoint.name, [live_id]))

    def _decide(
        self, endpoint: Endpoint, restore: Restore, stored: StoredRecord, parent_key: str,
        parent: Parent | Expected | None, tied: Tied, live: Live | None, scope: Scope,
    ) -> Decision:  # fmt: skip
        fields = tied.fields
        seen = tuple(one.id for one in scope.by_match.get(match_of(endpoint, fields) or "", ()))
        base = Decision(
            endpoint, stored.key, parent_key, "leave", fields, live=live, seen=seen, has_blob=stored.has_blob,
            refers=tied.refers, needs=tied.needs, instead=tied.instead,
        )  # fmt: skip
        rule = self._context.options.on_conflict
        if live is not None and not live.trashed:
            by_blob = restore.blob.changes if restore.blob is not None and stored.has_blob else {}
            same = is_equal(endpoint, fields, live.fields, {**by_blob, **tied.instead})
            blob: bool | None = True
            if same and stored.has_blob:
                was = fields_of(stored.raw)
                by_id = self._context.given.in_place and live.id == own_id(endpoint, was)
                blob = blobs.is_same(endpoint, was, live.fields, same_record=by_id)
            if same and blob is not False:
                return replace(base, why=AS_IT_WAS if blob else BLOB_NOT_COMPARED)
            if rule == "skip":
                return replace(base, why=DIFFERS)
        if live is not None and live.trashed and _is_in_trash(restore, fields):
            return replace(base, why="it is in the trash, as it was")
        for exception in restore.impossible:
            with suppress(PageUnreadable):
                if not exception.when or selector(exception.when).find(fields):
                    return replace(base, action="impossible", why=exception.because)
        if live is not None and not live.trashed:
            if rule == "duplicate":
                return self._duplicate(base, restore, parent)
            if restore.update is None:
                return replace(base, action="impossible", why="it differs, and the definition has no `update`")
            return self._checked(replace(base, action="update"), parent)
        if tied.missing:
            return replace(base, action="impossible", why=tied.missing[0])
        if live is not None and restore.undelete is not None:
            return self._checked(replace(base, action="undelete"), parent)
        if restore.comes_with:
            return replace(base, action="create", live=None)
        if restore.create is None:
            return replace(base, action="impossible", why="it is gone, and the definition has no `create`")
        return self._checked(replace(base, action="create", live=None), parent)

    def _duplicate(self, base: Decision, restore: Restore, parent: Parent | Expected | None) -> Decision:
        if restore.create is None or not restore.rename:
            why = "it differs, and the definition does not say how a duplicate is told from it (`create`, `rename`)"
            return replace(base, action="impossible", why=why)
        renamed = duplicated(self._context, base.endpoint, base.fields)
        made = replace(base, action="create", fields=renamed, live=None, is_duplicate=True, seen=())
        return self._checked(made, parent)

    def _checked(self, decision: Decision, parent: Parent | Expected | None) -> Decision:
        """The same, or impossible where one of its requests cannot be made: the record is not made first, and its blob
        then found to have no place to go to."""
        if isinstance(parent, Expected):
            return decision
        endpoint, action, source = decision.endpoint, cast(WriteKind, decision.action), self._context.source
        carried = blobs.carries(endpoint, action)
        if carried and not decision.has_blob and blobs.is_missing(self._context, endpoint, parent, decision.fields):
            return replace(decision, action="impossible", why="the backup does not have its blob")
        fields = decision.fields
        if decision.live is not None:
            fields = with_id(endpoint, fields, decision.live.id)
        blob, file = ("", blobs.NO_FILE) if decision.has_blob else (None, None)
        try:
            source.prepare(endpoint.name, action, parent, fields, key="key", blob=blob, file=file)
            if decision.has_blob and endpoint.restore is not None and endpoint.restore.blob is not None:
                made = as_if_made(endpoint, fields)
                source.prepare_upload(endpoint.name, parent, made, blobs.NO_FILE, key="key")
            if action == "create" and needs_update(endpoint, fields):
                made = as_if_made(endpoint, fields)
                source.prepare(endpoint.name, "update", parent, made, key="key", blob=blob, file=file)
        except (DefinitionError, PageUnreadable, SourceRefused) as error:
            return replace(decision, action="impossible", why=str(error))
        return decision

    def _impossible(
        self, endpoint: Endpoint, stored: StoredRecord, parent_key: str, fields: Mapping[str, Any], why: str
    ) -> Decision:
        return Decision(endpoint, stored.key, parent_key, "impossible", fields, why, has_blob=stored.has_blob)


def _is_in_trash(restore: Restore, fields: Mapping[str, Any]) -> bool:
    trash = restore.trashed
    return trash is not None and selector(trash.field).find(fields) == trash.equals


_Place = tuple[bool, float, str]


def _counting(key: str) -> _Place:
    return (False, len(key), key) if key.isdecimal() else (True, 0, key)


def _placed(value: Any) -> _Place:
    """Where a value stands in an order: numbers by size before texts by their letters; what is missing comes last."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return False, value, ""
    return True, float(value is None), value if isinstance(value, str) else json_text(value)


def _is_in(scope: Scope, endpoint: Endpoint, restore: Restore, fields: Mapping[str, Any]) -> bool:
    if restore.keeps_id:
        return own_id(endpoint, fields) in scope.by_id
    return (match_of(endpoint, fields) or "") in scope.by_match


def duplicated(context: Context, endpoint: Endpoint, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a duplicate: those that tell it from the original say of which backup it is."""
    ended = context.given.state.run.ended_at
    assert ended is not None, "only ended backups are restored"
    moment = ended.astimezone(UTC)
    made = dict(fields)
    for path in endpoint.restore.rename if endpoint.restore is not None else ():
        plain = f"-restored-{moment:%Y%m%dT%H%M%S}" if path in endpoint.id else f" (restored, {moment:%Y-%m-%d %H:%M})"
        made = replaced(made, path, lambda old, plain=plain: f"{old}{plain}")  # type: ignore[misc]
    return made
