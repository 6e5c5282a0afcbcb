"""Reads one endpoint: its listing page by page, and records by id. Asks, splits, checks, says where it goes on."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from holdfast.definitions.document import Endpoint
from holdfast.definitions.selectors import selector
from holdfast.errors import PageUnreadable, PositionExpired, SourceRefused
from holdfast.sources.answers import refusal
from holdfast.sources.client import Answer, Client
from holdfast.sources.columns import Columns, Rows
from holdfast.sources.page import ListingAbsent, Page, Parent, Position
from holdfast.sources.paging import Reply, Trail, beside_selectors, continuation, next_position, query_of
from holdfast.sources.scanner import NotJson, locate
from holdfast.sources.splitter import Split, Splitter, excerpt, utf8
from holdfast.sources.targets import Targets, with_parameter

__all__ = ["Listing"]

_EXPIRED = frozenset({400, 404, 410, 422})
"""What sources answer to a page position they no longer know."""
_UNREADABLE_ATTEMPTS = 3
"""Tries of a page whose body is no JSON: an answer cut off on its way without a length looks just so."""
_GONE = frozenset({404, 410})
_INLINE_BYTES = 1024 * 1024
"""Larger bodies are taken apart in a thread: the slower ways take up to 50 ms per MB, and others are being read too."""


class Listing:
    """How the records of one endpoint are read, for any parent."""

    def __init__(self, endpoint: Endpoint, targets: Targets, client: Client) -> None:
        """Raises DefinitionError for selectors and templates that are none."""
        self.endpoint = endpoint
        self._targets = targets
        self._client = client
        self._splitter = Splitter(endpoint.records, beside_selectors(endpoint.paging))
        self._columns = Columns(endpoint, self._splitter.records.text)

    async def pages(
        self, parent: Parent | None, cursor: str | None, position: Position | None
    ) -> AsyncGenerator[Page, None]:
        """See `Source.pages`."""
        endpoint, paging = self.endpoint, self.endpoint.paging
        base = self._targets.listing(endpoint, parent, cursor, paging.query)
        headers = self._targets.headers(endpoint.headers, parent)
        trail = Trail(position, base)
        while True:
            number = continuation(position)[0] + 1
            what = _what(endpoint, parent, f"page {number}")
            url = (
                position["url"] if position and "url" in position else with_parameter(base, query_of(paging, position))
            )
            page = await self._page(url, headers, position, number, what)
            try:
                trail.page(page.ids, page.raws)
                if page.next is not None:
                    trail.move(page.next)
            except PageUnreadable as error:
                raise _named(error, what) from error
            yield page
            if page.next is None:
                return
            position = page.next

    async def record(self, parent: Parent | None, fields: Mapping[str, Any]) -> bytes | None:
        """See `Source.record`."""
        endpoint = self.endpoint
        if endpoint.record_path is None:
            raise SourceRefused(
                f"endpoint {endpoint.name}: the definition has no `record_path`, so no record has an address"
            )
        record_id = self._columns.id_of(fields)
        what = _what(endpoint, parent, f"record {record_id}")
        url = self._targets.record(endpoint.record_path, parent, fields)
        answer = await self._client.fetch(url, self._targets.headers(endpoint.headers, parent), what=what)
        if answer.status in _GONE:
            return None
        if not _is_success(answer.status):
            raise refusal(answer.status, answer.body, what)
        try:
            raw = self._single(utf8(answer.body, _charset(answer)))
            found_id, is_deleted = self._columns.read_one(raw)
        except PageUnreadable as error:
            raise _named(error, what) from error
        if found_id != record_id:
            raise PageUnreadable(f"{what}: the source answered with another record, {found_id}")
        return None if is_deleted else raw

    async def _page(self, url: str, headers: dict[str, str], position: Position | None, number: int, what: str) -> Page:
        requests = 0
        attempt = 0
        while True:
            answer = await self._client.fetch(url, headers, what=what)
            requests += answer.requests
            attempt += 1
            self._check_status(answer, position, what)
            try:
                if len(answer.body) <= _INLINE_BYTES:
                    return self._read(answer, position, number, requests)
                return await asyncio.to_thread(self._read, answer, position, number, requests)
            except NotJson as error:
                if attempt == _UNREADABLE_ATTEMPTS:
                    raise _named(error, what) from error
            except PageUnreadable as error:
                raise _named(error, what) from error

    def _check_status(self, answer: Answer, position: Position | None, what: str) -> None:
        status = answer.status
        if _is_success(status):
            return
        if position is None and status in self.endpoint.optional_on:
            raise ListingAbsent(f"{what}: there is no such list (the source answered {status})", status=status)
        if position is not None and status in _EXPIRED:
            raise PositionExpired(
                f"{what}: the source no longer knows this position (it answered {status}): {excerpt(answer.body)}",
                status=status,
                hint="The listing has to start again from its first page.",
            )
        raise refusal(status, answer.body, what)

    def _read(self, answer: Answer, position: Position | None, number: int, requests: int) -> Page:
        body = utf8(answer.body, _charset(answer))
        if answer.status == 204 and not body:
            split, rows = Split([], lambda _: None), Rows([], [] if self.endpoint.tombstones else None, None)
        else:
            split = self._splitter.split(body)
            rows = self._columns.read(body, split.raws)
        following = next_position(
            self.endpoint.paging, position, Reply(answer.headers, split.find, len(split.raws), answer.url)
        )
        if following is not None and "url" in following:
            following = {**following, "url": self._client.without_credential(following["url"])}
        raws, ids, deleted = split.raws, rows.ids, rows.deleted
        repeated = 0
        if len(set(ids)) != len(ids):
            kept = _without_repeated(ids, raws)
            repeated = len(ids) - len(kept)
            raws, ids = [raws[index] for index in kept], [ids[index] for index in kept]
            deleted = None if deleted is None else [deleted[index] for index in kept]
        return Page(number, raws, ids, deleted, rows.cursor, following, len(answer.body), requests, repeated)

    def _single(self, body: bytes) -> bytes:
        """The record in the answer for one: at `record_select`, where pages have their list, or all of it."""
        path = selector(self.endpoint.record_select).path or self._splitter.records.path
        if path:
            place = locate(body, path)
            if place is not None and body[place[0] : place[0] + 1] == b"{":
                return body[place[0] : place[1]]
        return body.strip()


def _without_repeated(ids: Sequence[str], raws: Sequence[bytes]) -> list[int]:
    """Which records to keep where some ids stand twice. Raises PageUnreadable where their content differs."""
    first: dict[str, int] = {}
    for index, record_id in enumerate(ids):
        before = first.setdefault(record_id, index)
        if raws[before] != raws[index] and _content(raws[before]) != _content(raws[index]):
            raise PageUnreadable(
                f"the id {record_id} stands twice on one page, with different content",
                hint="Is `id` in the definition what identifies a record? It can be composite.",
            )
    return list(first.values())


def _content(raw: bytes) -> str:
    """A text that is equal for records that differ only in key order and white space."""
    try:
        value = json.loads(raw, parse_float=_number, parse_int=_number)
        return json.dumps(value, sort_keys=True)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "surrogateescape")


def _number(token: str) -> dict[str, str]:
    # A number's spelling counts, and no text is ever equal to it.
    return {"\0number": token}


def _what(endpoint: Endpoint, parent: Parent | None, which: str) -> str:
    return f"endpoint {endpoint.name}{f' of {parent.key}' if parent else ''}, {which}"


def _named(error: PageUnreadable, what: str) -> PageUnreadable:
    return PageUnreadable(f"{what}: {error}", status=error.status, hint=error.hint)


def _is_success(status: int) -> bool:
    # 206 would be a part of an answer that was asked for whole.
    return 200 <= status < 300 and status != 206


def _charset(answer: Answer) -> str | None:
    content_type = answer.headers.get("Content-Type", "")
    if "charset" not in content_type:
        return None
    return content_type.partition("charset=")[2].partition(";")[0].strip().strip('"') or None
