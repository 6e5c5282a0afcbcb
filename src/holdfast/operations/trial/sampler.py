"""Samples one endpoint: a few pages of a few of its lists, one record by its address, one blob's beginning, the
heads of a few more."""

import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from holdfast.definitions.document import Definition, Endpoint
from holdfast.definitions.identity import child_key
from holdfast.definitions.selectors import selector
from holdfast.errors import CredentialRefused, DefinitionError, SourceError, SourceUnreachable
from holdfast.operations.trial.findings import EndpointSample, SampledBlob, SampledPage, SampledRecord, Seen
from holdfast.sources.links import link_to
from holdfast.sources.page import ListingAbsent, Page, Parent, Skipped
from holdfast.sources.source import Source
from holdfast.sources.splitter import decode_leniently

_RECORDS_KEPT = 5_000
"""Of an endpoint: pages may be long."""
_BLOB_BYTES = 4 * 1024 * 1024
_BLOBS = 3
"""Of an endpoint are asked for; only the first of them that comes is read."""


class Sampler:
    """Samples one endpoint."""

    def __init__(
        self, source: Source, definition: Definition, endpoint: Endpoint, seen: list[Seen], pages: int, lists: int
    ) -> None:  # fmt: skip
        self._source = source
        self._definition = definition
        self._endpoint = endpoint
        self._seen = seen
        self._pages = pages
        self._lists = lists
        self.found = EndpointSample(endpoint)
        self.parents: list[Parent] = []
        """Its first records, as parents of other endpoints."""
        self._raws: list[tuple[Parent | None, bytes]] = []
        self.is_hopeless = False
        """Every further request would end the same way."""

    async def sample(self, above: "Sequence[Sampler]") -> None:
        """Sample it, below the records that these have found."""
        found, endpoint = self.found, self._endpoint
        try:
            for parent in self._chosen(above):
                await self._list(parent)
            if found.failure is None:
                await self._beside(self.parents[0].parent if self.parents else None)
        except (SourceError, DefinitionError) as error:
            found.failure = error.in_full
            self.is_hopeless = isinstance(error, CredentialRefused | SourceUnreachable)
        failed = [one.found.name for one in above if one.found.failure is not None]
        if failed and not found.pages and found.failure is None:
            found.failure = f"its parent {failed[0]} could not be read"
        elif above and not found.lists_read and found.failure is None and endpoint.within is None:
            found.notes.append(f"nothing was asked: there is no record of {', '.join(one.found.name for one in above)}")

    def _chosen(self, above: "Sequence[Sampler]") -> list[Parent | None]:
        """The parents whose lists are sampled; notes how many lists there are."""
        if not above:
            self.found.lists = 1
            return [None]
        endpoint = self._endpoint
        several = len(above) > 1
        chosen: list[Parent | None] = []
        for one in above:
            per_list, _ = one.found.records_per_list()
            there = per_list * one.found.lists
            wanted = [
                replace(parent, key=child_key(one.found.name, parent.key)) if several else parent
                for parent in one.parents
                if endpoint.where is None or selector(endpoint.where).find(parent.fields)
            ]
            self.found.lists += there * (len(wanted) / len(one.parents) if one.parents else 0.0)
            chosen += wanted[: self._lists]
        return chosen[: self._lists]

    async def _list(self, parent: Parent | None) -> None:
        found, endpoint = self.found, self._endpoint
        if endpoint.within is not None:
            assert parent is not None, "what stands within a record has a parent"
            raw = _raw_of(parent)
            self._take(parent, self._source.within(endpoint.name, parent, raw), 0.0)
            found.lists_read += 1
            return
        key = "" if parent is None else parent.key
        try:
            before = len(self._seen)
            async with aclosing(self._source.pages(endpoint.name, parent)) as pages:
                async for page in pages:
                    answers = self._seen[before:]
                    before = len(self._seen)
                    found.answers += answers
                    self._take(parent, page, sum(one.seconds for one in answers))
                    if page.number == 1 and not found.lists_read:
                        await self._count(parent, page, answers[-1] if answers else None)
                        before = len(self._seen)
                    if page.number >= self._pages:
                        break
        except ListingAbsent as absent:
            found.notes.append(str(absent))
        except Skipped as skipped:
            found.notes.append(f"{key or 'the list'} is skipped: {skipped}")
        found.lists_read += 1

    def _take(self, parent: Parent | None, page: Page, seconds: float) -> None:
        found, endpoint = self.found, self._endpoint
        key = "" if parent is None else parent.key
        found.pages.append(
            SampledPage(key, page.number, len(page.ids), page.body_bytes, seconds, page.next is not None)
        )  # fmt: skip
        deleted = page.deleted or [False] * len(page.ids)
        field = endpoint.incremental.field if endpoint.incremental is not None else ""
        for record_id, raw, gone in zip(page.ids, page.raws, deleted, strict=True):
            if len(found.records) >= _RECORDS_KEPT:
                return
            fields = _fields(raw)
            value = selector(field).find(fields) if field else None
            blob = None if gone else self._blob_of(parent, fields)
            found.records.append(
                SampledRecord(key, record_id, None if value is None else str(value), blob, gone, fields)
            )  # fmt: skip
            if len(self._raws) < self._lists and not gone:
                self._raws.append((parent, raw))
                own = record_id if parent is None or endpoint.global_id else child_key(parent.key, record_id)
                self.parents.append(_Kept(own, fields, parent=parent, raw=raw))

    def _blob_of(self, parent: Parent | None, fields: Mapping[str, Any]) -> str | None:
        try:
            reference = self._source.blob_reference(self._endpoint.name, parent, fields)
        except (DefinitionError, SourceError) as error:
            self.found.notes.append(f"blob: {error}")
            return None
        return None if reference is None else _place(reference.url) or "within the record"

    async def _count(self, parent: Parent | None, page: Page, answer: Seen | None) -> None:
        """How many records the list has, as far as the source says."""
        found, endpoint = self.found, self._endpoint
        if endpoint.count is not None and endpoint.count.path is not None:
            found.counted, found.counted_by = await self._source.count(endpoint.name, parent), "`count`"
        elif page.counted is not None:
            found.counted, found.counted_by = page.counted, "`count`"
        elif endpoint.paging.total and answer is not None:
            total = selector(endpoint.paging.total).find(decode_leniently(answer.body))
            if isinstance(total, int):
                found.counted, found.counted_by = total, "`paging.total`"
        elif answer is not None and page.next is not None:
            last = link_to(["".join(answer.headers.get("Link", ""))], "last")
            pages = parse_qs(urlsplit(last).query).get("page", []) if last else []
            if pages and pages[0].isdigit():
                found.counted, found.counted_by = int(pages[0]) * len(page.ids), "`Link` to the last page"

    async def _beside(self, parent: Parent | None) -> None:
        """What is asked for apart from the list: a whole record, a blob, a feed, a sweep, a list of deletions."""
        source, endpoint, found = self._source, self._endpoint, self.found
        name = endpoint.name
        if self._raws:
            parent, raw = self._raws[0]
            await self._record(parent, raw)
            await self._blob()
        if not found.lists_read:
            return
        if endpoint.changes is not None:
            found.feed_cursor = await source.first_cursor(name, parent)
            async with aclosing(source.changes(name, parent, found.feed_cursor)) as pages:
                await anext(pages, None)
        if endpoint.sweep is not None:
            async with aclosing(source.sweep(name, parent)) as pages:
                page = await anext(pages, None)
            found.swept, found.sweep_goes_on = (0, False) if page is None else (len(page.ids), page.next is not None)
        if endpoint.deletions is not None:
            async with aclosing(source.removals(name, parent, None)) as removals:
                await anext(removals, None)

    async def _record(self, parent: Parent | None, raw: bytes) -> None:
        source, endpoint, found = self._source, self._endpoint, self.found
        before = len(self._seen)
        whole: bytes | None = None
        try:
            if endpoint.detail is not None:
                whole = await source.detail(endpoint.name, parent, raw)
            elif endpoint.record_path is not None:
                whole = await source.record(endpoint.name, parent, _fields(raw))
            else:
                return
        except Skipped as skipped:
            found.notes.append(str(skipped))
            return
        found.detail_seconds = sum(one.seconds for one in self._seen[before:])
        found.whole_of = found.records[0].id
        if whole is None:
            which = "detail" if endpoint.detail is not None else "record"
            found.notes.append(f"record {found.whole_of} is listed, but where `{which}` says that it is, there is none")
        else:
            found.whole = _fields(whole)

    async def _blob(self) -> None:
        endpoint, found = self._endpoint, self.found
        if endpoint.blob is None:
            return
        if endpoint.detail is not None and found.whole is not None:
            with_blob = [(found.whole_of, found.whole)] if self._blob_of(self._raws[0][0], found.whole) else []
        else:
            with_blob = [(one.id, one.fields) for one in found.records if one.blob is not None]
        if not with_blob:
            found.notes.append("none of the records seen has a blob: is `blob` right?")
            return
        for record_id, fields in with_blob[:_BLOBS]:
            await self._ask_for_blob(record_id, fields)

    async def _ask_for_blob(self, record_id: str, fields: Mapping[str, Any]) -> None:
        source, endpoint, found = self._source, self._endpoint, self.found
        parent = next((of for of, raw in self._raws if _fields(raw) == fields), self._raws[0][0])
        began, size = time.monotonic(), 0
        try:
            async with source.blob(endpoint.name, parent, fields) as blob:
                content_type = blob.content_type
                if found.blob is None:
                    async for piece in blob:
                        size += len(piece)
                        if size >= _BLOB_BYTES:
                            break
                    found.blob = SampledBlob(
                        record_id, size, blob.size, content_type, blob.version, time.monotonic() - began
                    )
        except Skipped as skipped:
            found.notes.append(f"blob of {record_id}: {skipped}")
        except SourceError as error:
            found.notes.append(f"the blob of {record_id} cannot be had: {error.in_full}")
        else:
            if content_type is not None and content_type.startswith("text/html"):
                found.notes.append(f"the blob of {record_id} is a page of HTML: is that the login page?")


@dataclass(frozen=True)
class _Kept(Parent):
    """A parent with its bytes, for what stands within it."""

    raw: bytes = b""


def _raw_of(parent: Parent) -> bytes:
    assert isinstance(parent, _Kept), "parents are sampled records"
    return parent.raw


def _fields(raw: bytes) -> Mapping[str, Any]:
    fields = decode_leniently(raw)
    assert isinstance(fields, dict), "records are objects"
    return fields


def _place(url: str) -> str:
    """An address without its query, which may be signed."""
    return url.partition("?")[0]
