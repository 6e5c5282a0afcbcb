"""What the target has already: records by their ids or by what the definition's `find` compares, and parents."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.definitions import identity
from holdfast.definitions.document import Endpoint
from holdfast.definitions.selectors import selector
from holdfast.errors import NotFound, SourceRefused
from holdfast.operations.restore.comparing import match_of
from holdfast.operations.restore.context import Context, fields_of, parent_place
from holdfast.operations.restore.ties import with_id
from holdfast.sources.judging import GONE
from holdfast.sources.page import ListingAbsent, Parent

_FEW = 20
"""Records of one list that are asked for one by one; of more the list is read, which has a hundred on a page."""
_BACK_AGAIN = 3
"""Looks at what was just written before it counts as not being there: some sources take a moment."""


@dataclass(frozen=True)
class Live:
    """A record that the source has."""

    id: str
    fields: Mapping[str, Any]
    trashed: bool


@dataclass
class Scope:
    """What one list at the target has of what was looked for."""

    by_id: dict[str, Live] = field(default_factory=dict)
    by_match: dict[str, list[Live]] = field(default_factory=dict)

    def add(self, live: Live, match: str | None) -> None:
        self.by_id[live.id] = live
        if match is not None:
            self.by_match.setdefault(match, []).append(live)


class Expected:
    """A parent that this restore will make: nothing is below it yet."""


@dataclass(frozen=True)
class Coming(Parent):
    """A parent that was not at the target when it was looked at: it comes to be with what belongs to it."""


class Looker:
    """Looks at one target. What it has seen of parents it remembers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parents: dict[tuple[str, str], Parent | Expected | str] = {}
        self._listed: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}

    async def scope(
        self, endpoint: Endpoint, parent: Parent | None, ids: Sequence[str], wanted: Sequence[Mapping[str, Any]]
    ) -> Scope:
        """What the source has of these ids, and of what would match these records. Raises SourceError."""
        found = Scope()
        restore = endpoint.restore
        matches = {match for one in wanted if (match := match_of(endpoint, one)) is not None}
        by_search = restore is not None and restore.find is not None and restore.find.path is not None
        asks = endpoint.record_path is not None or endpoint.detail is not None
        if ids and asks and (endpoint.detail is not None or len(ids) <= _FEW or by_search):
            for record_id, fields in zip(ids, wanted, strict=True):
                live = await self.one(endpoint, parent, with_id(endpoint, fields, record_id))
                if live is not None:
                    found.add(live, match_of(endpoint, live.fields))
            if found.by_id.keys() >= set(ids) or not matches:
                return found
        if by_search:
            for fields in wanted:
                await self._search(endpoint, parent, fields, found)
        elif endpoint.detail is None:
            await self._list(endpoint, parent, set(ids), matches, found)
        return found

    async def one(self, endpoint: Endpoint, parent: Parent | None, fields: Mapping[str, Any]) -> Live | None:
        """The record with this id; None: it is not there. Raises SourceError."""
        found = await self._context.source.look(endpoint.name, parent, fields)
        if found is None:
            return None
        raw, is_deleted = found
        return self._live(endpoint, raw, is_deleted=is_deleted)

    async def back(self, endpoint: Endpoint, parent: Parent | None, fields: Mapping[str, Any]) -> Live | None:
        """As `one`, for a record that was just written."""
        wait = self._context.definition.connection.retry.first_wait.total_seconds()
        for attempt in range(_BACK_AGAIN):
            if attempt:
                await asyncio.sleep(wait * 2**attempt)
            found = await self.one(endpoint, parent, fields)
            if found is not None and not found.trashed:
                return found
        return None

    async def everything(self, endpoint: Endpoint, parent: Parent | None) -> Scope:
        """All that a list has. Raises SourceError."""
        found = Scope()
        await self._list(endpoint, parent, None, None, found)
        return found

    async def parent(self, endpoint: Endpoint, parent_key: str) -> Parent | Expected | str | None:
        """The parent at the target of records whose parent in the backup has this key; None: they have none. Text says
        why there is none at the target.
        """
        if not endpoint.parents:
            return None
        if not parent_key:
            return "nobody knows which record it belongs to"
        name, key = parent_place(endpoint, parent_key)
        if (name, key) not in self._parents:
            self._parents[name, key] = await self._parent(self._context.definition.endpoint(name), key)
        found = self._parents[name, key]
        if isinstance(found, Parent) and len(endpoint.parents) > 1:
            return replace(found, key=identity.child_key(name, found.key))
        return found

    def forget(self, endpoint: Endpoint, key: str) -> None:
        """A record was written: as a parent it is to be looked at again."""
        self._parents.pop((endpoint.name, key), None)
        self._listed.clear()

    async def _parent(self, endpoint: Endpoint, key: str) -> Parent | Expected | str:
        context = self._context
        if context.ties.is_expected(endpoint.name, key) and context.only_plans:
            return Expected()
        try:
            stored = context.browser.record(context.given.state, endpoint.name, key)
        except NotFound:
            return f"the backup has no {endpoint.name} {key}, which it belongs to"
        (above_key,) = context.parent_keys(endpoint, [stored])
        above = await self.parent(endpoint, above_key)
        absent = f"{endpoint.name} {key}, which it belongs to, is not at the target: restore it as well"
        if isinstance(above, str):
            return above
        if isinstance(above, Expected):
            return absent  # below what is made first there is only what is made too
        target_id = context.ties.target_id(endpoint.name, key)
        fields = context.ties.as_target(endpoint, key, above_key, fields_of(stored.raw))
        if target_id is None:
            if not context.finds_by_id(endpoint):
                return absent
            target_id = context.source.identify(endpoint.name, stored.raw)
        live = await self._by_id(endpoint, above, target_id, fields)
        if live is None and endpoint.restore is not None and endpoint.restore.comes_with:
            own_key = identity.record_key("" if above is None else above.key, target_id, global_id=endpoint.global_id)
            return Coming(own_key, fields, parent=above)
        if live is None:
            return absent
        own_key = identity.record_key("" if above is None else above.key, target_id, global_id=endpoint.global_id)
        return Parent(own_key, live, parent=above)

    async def _by_id(
        self, endpoint: Endpoint, parent: Parent | None, record_id: str, fields: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        if endpoint.record_path is not None or endpoint.detail is not None:
            live = await self.one(endpoint, parent, fields)
            # Where the address is made of a number that counts anew, another record may stand there now.
            return None if live is None or live.trashed or live.id != record_id else live.fields
        place = endpoint.name, "" if parent is None else parent.key
        if place not in self._listed:
            scope = await self.everything(endpoint, parent)
            self._listed[place] = {key: live.fields for key, live in scope.by_id.items() if not live.trashed}
        return self._listed[place].get(record_id)

    async def _list(
        self, endpoint: Endpoint, parent: Parent | None, ids: set[str] | None, matches: set[str] | None, found: Scope
    ) -> None:
        """Read the endpoint's own list, keeping what is among `ids` or `matches`; None: all of it."""
        source = self._context.source
        find = endpoint.restore.find if endpoint.restore is not None else None
        if endpoint.within is not None and (find is None or find.path is None):
            raise SourceRefused(f"{endpoint.name} has no list of its own: it stands within {endpoint.within}")
        own = endpoint.within is None
        try:
            listed = source.pages(endpoint.name, parent) if own else source.found(endpoint.name, parent, {})
            async with aclosing(listed) as pages:
                async for page in pages:
                    deleted = page.deleted or [False] * len(page.raws)
                    for record_id, raw, is_deleted in zip(page.ids, page.raws, deleted, strict=True):
                        if ids is not None and record_id not in ids and not matches:
                            continue
                        live = self._live(endpoint, raw, is_deleted=is_deleted)
                        match = match_of(endpoint, live.fields)
                        if ids is None or record_id in ids or (matches is not None and match in matches):
                            found.add(live, match)
        except ListingAbsent:
            return
        except SourceRefused as error:
            if not (isinstance(parent, Coming) and error.status in GONE):
                raise

    async def _search(
        self, endpoint: Endpoint, parent: Parent | None, fields: Mapping[str, Any], found: Scope
    ) -> None:  # fmt: skip
        wanted = match_of(endpoint, fields)
        try:
            async with aclosing(self._context.source.found(endpoint.name, parent, fields)) as pages:
                async for page in pages:
                    deleted = page.deleted or [False] * len(page.raws)
                    for record_id, raw, is_deleted in zip(page.ids, page.raws, deleted, strict=True):
                        live = self._live(endpoint, raw, is_deleted=is_deleted)
                        if match_of(endpoint, live.fields) == wanted and record_id not in found.by_id:
                            found.add(live, wanted)
        except ListingAbsent:
            return

    def _live(self, endpoint: Endpoint, raw: bytes, *, is_deleted: bool) -> Live:
        fields = fields_of(raw)
        trash = endpoint.restore.trashed if endpoint.restore is not None else None
        trashed = is_deleted or (trash is not None and selector(trash.field).find(fields) == trash.equals)
        return Live(self._context.source.identify(endpoint.name, raw), fields, trashed)
