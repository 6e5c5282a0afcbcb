"""Writes one record: journaled before and after, looked for before a write of which nobody knows is repeated, and at
the end read back and compared.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, cast

from holdfast.catalog.restore_records import BLOB, RestoreRecord
from holdfast.definitions.document import Endpoint
from holdfast.errors import CredentialRefused, DefinitionError, SourceError, SourceFailed, WriteUncertain
from holdfast.operations.browsing import StoredRecord
from holdfast.operations.restore import blobs
from holdfast.operations.restore.comparing import compared, match_of, unexpected
from holdfast.operations.restore.context import Context, fields_of
from holdfast.operations.restore.deciding import duplicated
from holdfast.operations.restore.journal import Journal
from holdfast.operations.restore.looking import Expected, Live, Looker
from holdfast.operations.restore.paths import with_values
from holdfast.operations.restore.steps import comes_by_itself, needs_update, reads_back
from holdfast.operations.restore.ties import Tied, own_id, with_id
from holdfast.sources.page import Parent
from holdfast.sources.writing import WriteKind

_DUPLICATE = "duplicate"
_IN_A_ROW = 5
"""Records that come to nothing one after the other, each after all its attempts, for no fault of their own: then it is
the source. A record that a source cannot take without an error of its own is seldom, and more seldom beside another."""


class RecordWriter:
    """Writes the records of one restore, one after the other."""

    def __init__(self, context: Context, journal: Journal, looker: Looker) -> None:
        self._context = context
        self._journal = journal
        self._looker = looker
        self._in_a_row = 0

    async def write(self, endpoint: Endpoint, row: RestoreRecord) -> RestoreRecord:
        """Bring a record to its end as far as that goes without reading its whole list back.

        What the source refuses ends in the journal. Raises CredentialRefused, SourceFailed where the source answers
        nothing but errors, and DefinitionError, CatalogError and VaultError that are none of this record.
        """
        stored = self._context.browser.record(self._context.given.state, endpoint.name, row.record_key)
        try:
            parent = await self._looker.parent(endpoint, row.parent_key)
            if isinstance(parent, str):
                return self._journal.note(row, "failed", message=parent)
            assert not isinstance(parent, Expected), "a restore makes its parents first"
            tied = self._context.ties.tied(endpoint, row.parent_key, fields_of(stored.raw))
            if tied.missing:
                return self._journal.note(row, "failed", message=tied.missing[0])
            fields = tied.fields
            if row.message == _DUPLICATE:
                fields = duplicated(self._context, endpoint, fields)
            one = _OneRecord(self, endpoint, stored, parent, fields, tied)
            done = one.expected(row) if comes_by_itself(endpoint, row.action) else await one.through(row)
            self._in_a_row = 0
            return done
        except CredentialRefused:
            raise
        except (SourceError, DefinitionError) as error:
            said = str(error) if error.hint is None else f"{error} ({error.hint})"
            row = self._journal.note(row, "failed", message=said)
            self._count(error)
            return row

    def _count(self, error: SourceError | DefinitionError) -> None:
        """Raises SourceFailed where it is not the record that the source has something against."""
        if not (error.retryable or isinstance(error, WriteUncertain)):
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row == _IN_A_ROW:
            raise SourceFailed(
                f"the source took none of {_IN_A_ROW} records in a row, and the rest was not tried; the last: {error}",
                hint="Ask for the same restore again when the source is well: what was made is found, not made twice.",
                code="source_down",
            )

    async def read_list_back(self, endpoint: Endpoint) -> None:
        """Compare what was written to an endpoint whose records cannot be asked for one by one."""
        lists: dict[str, Any] = {}
        after = -1
        while rows := self._journal.written(endpoint.name, after):
            after = rows[-1].place
            for row in rows:
                stored = self._context.browser.record(self._context.given.state, endpoint.name, row.record_key)
                parent = await self._looker.parent(endpoint, row.parent_key)
                if isinstance(parent, str | Expected):
                    self._journal.note(row, "failed", message="its parent is no longer at the target")
                    continue
                if row.parent_key not in lists:
                    lists[row.parent_key] = await self._looker.everything(endpoint, parent)
                tied = self._context.ties.tied(endpoint, row.parent_key, fields_of(stored.raw))
                fields = tied.fields
                if row.message == _DUPLICATE:
                    fields = duplicated(self._context, endpoint, fields)
                live = lists[row.parent_key].by_id.get(row.target_id)
                await _OneRecord(self, endpoint, stored, parent, fields, tied).judge(row, live)

    @property
    def context(self) -> Context:
        return self._context

    @property
    def journal(self) -> Journal:
        return self._journal

    @property
    def looker(self) -> Looker:
        return self._looker


class _OneRecord:
    """One record on its way to the target; `fields` is what it is to be, `tied` what it refers to there."""

    def __init__(
        self, writer: RecordWriter, endpoint: Endpoint, stored: StoredRecord, parent: Parent | None,
        fields: Mapping[str, Any], tied: Tied,
    ) -> None:  # fmt: skip
        self._writer = writer
        self._context, self._journal, self._looker = writer.context, writer.journal, writer.looker
        self._endpoint = endpoint
        assert endpoint.restore is not None, "the definition says how"
        self._restore = endpoint.restore
        self._stored = stored
        self._parent = parent
        self._fields = fields
        self._tied = tied

    async def through(self, row: RestoreRecord) -> RestoreRecord:
        """Every request that is left for the record. Raises SourceError, DefinitionError."""
        live: Live | None = None
        if row.state == "planned":
            row = self._journal.note(row, "intent")
            row, live = await self._send(row, uncertain=False)
        elif row.state == "intent":
            row, live = await self._send(row, uncertain=True)
        if row.state == "failed":
            return row
        if self._stored.has_blob and self._restore.blob is not None and row.stage < 2:
            fields = self._as_at_target(row, live)
            await blobs.put_back(self._context, self._endpoint, self._parent, fields, self._stored, self._key("blob"))
            row = self._journal.note(row, "written", stage=2)
        if row.action == "create" and needs_update(self._endpoint, self._fields) and row.stage < 3:
            if row.stage == 2 and reads_back(self._endpoint):
                # The blob may have changed the record: what the source has set by it stays.
                live = await self._looker.back(self._endpoint, self._parent, self._as_at_target(row, live))
            await self._until_certain("update", self._as_at_target(row, live), row)
            row = self._journal.note(row, "written", stage=3)
        if row.action == "undelete" and self._restore.update is not None and row.stage < 3:
            # What was in the trash may have changed before or while it got there.
            live = await self._back(row, live)
            if live is None or not self._differs(row, live):
                return await self.judge(row, live)
            await self._until_certain("update", self._as_at_target(row, live), row)
            row = self._journal.note(row, "written", stage=3)
        if not reads_back(self._endpoint):
            return row
        return await self.judge(row, await self._back(row, live))

    def expected(self, row: RestoreRecord) -> RestoreRecord:
        """What comes to be by itself, as what belongs to it is written: read back when that is done."""
        return row if row.state == "written" else self._written(row, own_id(self._endpoint, self._fields), None)

    async def _back(self, row: RestoreRecord, live: Live | None) -> Live | None:
        """The record as it is at the target now."""
        if reads_back(self._endpoint):
            return await self._looker.back(self._endpoint, self._parent, self._as_at_target(row, live))
        found = (await self._looker.everything(self._endpoint, self._parent)).by_id.get(row.target_id or "")
        return None if found is None or found.trashed else found

    def _differs(self, row: RestoreRecord, live: Live) -> bool:
        return unexpected(compared(self._endpoint, self._fields, live.fields, self._changed_by(row)))

    async def _send(self, row: RestoreRecord, *, uncertain: bool) -> tuple[RestoreRecord, Live | None]:
        """The write itself, and what is known of the record then. `uncertain`: it may have been done already."""
        kind = cast(WriteKind, row.action)
        fields = self._fields
        if kind != "create":
            fields = self._as_at_target(row, None)
        live: Live | None = None
        target_id = row.target_id
        found = await self._done_already(row) if uncertain and kind == "create" else None
        if found is None:
            answer, found = await self._until_certain(kind, fields, row)
            if answer is not None:
                target_id = answer[0] or target_id
                if answer[1] is not None and target_id is not None:
                    live = Live(target_id, answer[1], False)
        if found is not None:
            target_id, live = found.id, found
        if target_id is None and self._restore.keeps_id:
            target_id = own_id(self._endpoint, self._fields)
        if target_id is None:
            found = await self._done_already(row)
            if found is None:
                said = "the source took it without an error, and no such record came of it"
                return self._journal.note(row, "failed", message=said), None
            target_id, live = found.id, found
        return self._written(row, target_id, live), live

    async def _until_certain(
        self, kind: WriteKind, fields: Mapping[str, Any], row: RestoreRecord
    ) -> tuple[tuple[str | None, Mapping[str, Any] | None] | None, Live | None]:
        """Send it until it is known to be done: what the source answered, or what was found where no answer came."""
        retry = self._context.definition.connection.retry
        has_blob = self._stored.has_blob
        lent = blobs.Lent(self._context, self._stored) if has_blob and blobs.takes_file(self._endpoint, kind) else None
        text = has_blob and blobs.takes_text(self._endpoint, kind)
        request = self._context.source.prepare(
            self._endpoint.name, kind, self._parent, fields, key=self._key(kind),
            blob=blobs.as_text(self._context, self._stored) if text else None, file=None if lent is None else lent.file,
        )  # fmt: skip
        for attempt in range(retry.attempts):
            try:
                with nullcontext() if lent is None else lent.sent():
                    answer = await self._context.source.write(self._endpoint.name, kind, request, row.record_key)
            except WriteUncertain:
                if attempt + 1 == retry.attempts:
                    raise
                wait = min(retry.first_wait.total_seconds() * 2**attempt, retry.longest_wait.total_seconds())
                await asyncio.sleep(wait)
                found = await self._done_already(row) if kind == "create" else None
                if found is not None:
                    return None, found
                continue
            return (answer.id, answer.fields), None
        raise AssertionError("the last attempt answers or raises")

    async def _done_already(self, row: RestoreRecord) -> Live | None:
        """The record that an earlier attempt has made, by its own id or by what it looks like; never one that was there
        before, or that is another record's."""
        if self._restore.keeps_id:
            if reads_back(self._endpoint):
                live = await self._looker.one(self._endpoint, self._parent, self._fields)
            else:
                live = (await self._looker.everything(self._endpoint, self._parent)).by_id.get(
                    own_id(self._endpoint, self._fields)
                )
            return None if live is None or live.trashed else live
        match = match_of(self._endpoint, self._fields)
        if match is None:
            return None
        scope = await self._looker.scope(self._endpoint, self._parent, [], [self._fields])
        candidates = [
            one for one in scope.by_match.get(match, ()) if one.id not in (row.seen or ()) and not one.trashed
        ]
        claimed = self._journal.claimed(self._endpoint.name, [one.id for one in candidates])
        return next((one for one in candidates if one.id not in claimed), None)

    async def judge(self, row: RestoreRecord, live: Live | None) -> RestoreRecord:
        """Compare what was read back with what was to be, its blob too; the end of a written record."""
        if live is None or live.trashed:
            said = "it was written, and reading it back found nothing"
            if comes_by_itself(self._endpoint, row.action):
                said = f"none of its {self._restore.comes_with} was restored, with which it comes to be"
            return self._journal.note(row, "failed", message=said)
        told = compared(self._endpoint, self._fields, live.fields, self._changed_by(row))
        told += await self._blob_told(row, live)
        nowhere = dict.fromkeys(self._tied.kept, "what it refers to is not at the target") | dict(self._tied.instead)
        known = {one["field"] for one in told}
        told += [{"field": field, "why": why} for field, why in nowhere.items() if field not in known]
        mappings = self._learned(row, live.id, live.fields)
        self._looker.forget(self._endpoint, self._stored.key)
        state = "differs" if unexpected(told) else "verified"
        return self._journal.note(row, state, target_id=live.id, differences=told or None, mappings=mappings)  # type: ignore[arg-type]

    async def _blob_told(self, row: RestoreRecord, live: Live) -> list[dict[str, Any]]:
        """What is to be told of the record's blob at the target; nothing where it is as it was."""
        if not self._stored.has_blob:
            own = self._endpoint.blob
            if own is None or own.lookup is not None:
                return []
            lacks = blobs.is_missing(self._context, self._endpoint, self._parent, fields_of(self._stored.raw))
            return [{"field": BLOB, "why": "the backup does not have it"}] if lacks else []
        left_out = {"field": BLOB, "why": "the definition does not say how blobs are put back"}
        is_put_back = blobs.puts_back(self._endpoint, row.action)
        if not blobs.is_read_back(self._endpoint, row.action):
            return [] if is_put_back else [left_out]
        found = await blobs.what_differs(self._context, self._endpoint, self._parent, live.fields, self._stored)
        if found is None:
            return []
        return [found if is_put_back else left_out]

    def _changed_by(self, row: RestoreRecord) -> dict[str, str]:
        """The fields that the source has changed by the requests of which this write was made, each with why."""
        restore, made = self._restore, dict(self._tied.instead)
        if self._stored.has_blob and restore.blob is not None:
            made |= restore.blob.changes
        for kind, write in restore.writes().items():
            updated = row.stage >= 3 or needs_update(self._endpoint, self._fields)
            if kind == row.action or (kind == "update" and updated):
                made |= write.changes
        return made

    def _written(self, row: RestoreRecord, target_id: str, live: Live | None) -> RestoreRecord:
        mappings = self._learned(row, target_id, None if live is None else live.fields)
        return self._journal.note(row, "written", target_id=target_id, stage=1, mappings=mappings)

    def _learned(
        self, row: RestoreRecord, target_id: str, found: Mapping[str, Any] | None
    ) -> list[tuple[str, str, str]]:  # fmt: skip
        if row.message == _DUPLICATE:
            return []  # what refers to the original still does
        stored = fields_of(self._stored.raw)
        parent_key = self._parent_key
        return self._context.ties.learned(self._endpoint, self._stored.key, parent_key, stored, found, target_id)

    @property
    def _parent_key(self) -> str:
        return self._context.parent_keys(self._endpoint, [self._stored])[0]

    def _as_at_target(self, row: RestoreRecord, live: Live | None) -> dict[str, Any]:
        """The record as it is to be, with what the source has set itself: its id, its number, its address."""
        assert row.target_id is not None, "it was written, or is there to be changed"
        fields = with_id(self._endpoint, self._fields, row.target_id)
        if live is None:
            fields = self._context.ties.as_target(self._endpoint, self._stored.key, self._parent_key, fields)
        return self._overlaid(fields, None if live is None else live.fields)

    def _overlaid(self, fields: Mapping[str, Any], live: Mapping[str, Any] | None) -> dict[str, Any]:
        made = dict(fields)
        if live is not None:
            for path in (*self._restore.ignored, *self._endpoint.volatile):
                made = with_values(made, live, path)
        return made

    def _key(self, what: str) -> str:
        """The same whenever this write is repeated by this restore, and another for every other write."""
        restore = self._context.restore
        assert restore is not None, "only a restore writes"
        told = f"{restore.id} {self._endpoint.name} {self._stored.key} {what}"
        return "holdfast-" + hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
