"""Reads one endpoint: its list page by page, and records by id. Takes answers apart and checks what is in them."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from holdfast.definitions import identity
from holdfast.definitions.document import Connection, Endpoint
from holdfast.definitions.filters import json_text
from holdfast.definitions.selectors import selector
from holdfast.errors import PageUnreadable, SourceRefused
from holdfast.sources.answers import refusal
from holdfast.sources.client import Client
from holdfast.sources.columns import Columns
from holdfast.sources.exchange import Answer, Request, asking
from holdfast.sources.judging import GONE, Judge, without_skips
from holdfast.sources.page import Page, Parent, Position
from holdfast.sources.paging import beside_selectors, token_of, told_count
from holdfast.sources.scanner import locate
from holdfast.sources.splitter import Split, Splitter, decode_leniently, utf8
from holdfast.sources.targets import Targets
from holdfast.sources.walking import Course, charset, named, walk
from holdfast.sources.wrapping import Wrapping

__all__ = ["Listing"]


class _OtherRecord(PageUnreadable):
    """What was asked for by its id came with another one."""


class Listing:
    """How the records of one endpoint are read, for any parent."""

    def __init__(self, endpoint: Endpoint, connection: Connection, targets: Targets, client: Client) -> None:
        """Raises DefinitionError for selectors and templates that are none."""
        self.endpoint = endpoint
        rules = [*endpoint.answers, *connection.answers]
        graphql = endpoint.body is not None and endpoint.body.graphql is not None
        self.judge = Judge(rules, graphql=graphql)
        self.judge_of_blobs = self.judge
        if endpoint.blob is not None and endpoint.blob.answers:
            self.judge_of_blobs = Judge([*endpoint.blob.answers, *rules], graphql=graphql)
        self._judge_of_existence = Judge(without_skips(rules), graphql=graphql)
        self._targets = targets
        self._client = client
        nested = endpoint.within is not None
        self._token = endpoint.incremental.token if endpoint.incremental else None
        self._count = endpoint.count if endpoint.count and endpoint.count.path is None else None
        told = [self._token, self._count and self._count.select]
        beside = [*beside_selectors(endpoint.paging), *(text for text in told if text)]
        self._wrapping = Wrapping.of(endpoint)
        self._splitter = Splitter(endpoint.records, beside, may_lack=nested, wrapping=self._wrapping)
        self._columns = Columns(endpoint, self._splitter.records.text)

    async def pages(
        self, parent: Parent | None, cursor: str | None, position: Position | None
    ) -> AsyncGenerator[Page, None]:
        """See `Source.pages`."""
        endpoint = self.endpoint
        course = Course(
            whose=self.name(parent),
            url=self._targets.listing(endpoint, parent, cursor, endpoint.paging.query),
            headers=self._targets.headers(endpoint.headers, parent),
            paging=endpoint.paging,
            judge=self.judge,
            read=self._read,
            method=endpoint.method,
            content=self._targets.content(endpoint, parent, cursor),
            is_delta=cursor is not None,
            is_child=parent is not None,
            optional_on=endpoint.optional_on,
            expired_on=frozenset() if endpoint.incremental is None else endpoint.incremental.expired_on,
            finish=self._finish,
        )
        async with aclosing(walk(self._client, course, position)) as pages:
            async for page in pages:
                yield page

    def within(self, parent: Parent, raw: bytes) -> Page:
        """See `Source.within`."""
        try:
            return replace(self._taken_apart(raw)[0], number=1, body_bytes=len(raw))
        except PageUnreadable as error:
            raise named(error, self.name(parent)) from error

    async def found(self, parent: Parent | None, url: str) -> AsyncGenerator[Page, None]:
        """The pages of another list of the endpoint's records, at this URL."""
        course = Course(
            whose=f"{self.name(parent)}, find",
            url=url,
            headers=self._targets.headers(self.endpoint.headers, parent),
            paging=self.endpoint.paging,
            judge=self.judge,
            read=self._read,
            is_child=parent is not None,
            optional_on=GONE,
        )
        async with aclosing(walk(self._client, course, None)) as pages:
            async for page in pages:
                yield page

    async def look(self, parent: Parent | None, fields: Mapping[str, Any]) -> tuple[bytes, bool] | None:
        """See `Source.look`."""
        try:
            found = await self._ask_for(parent, fields, self._judge_of_existence)
        except _OtherRecord:
            return None
        return found

    async def record(
        self, parent: Parent | None, fields: Mapping[str, Any], *, heeds_skips: bool = False
    ) -> bytes | None:  # fmt: skip
        """See `Source.record`."""
        found = await self._ask_for(parent, fields, self.judge if heeds_skips else self._judge_of_existence)
        return None if found is None or found[1] else found[0]

    async def _ask_for(
        self, parent: Parent | None, fields: Mapping[str, Any], judge: Judge
    ) -> tuple[bytes, bool] | None:
        endpoint, detail = self.endpoint, self.endpoint.detail
        if endpoint.record_path is not None:
            path, query, select = endpoint.record_path, endpoint.record_query, endpoint.record_select
            return await self._ask(parent, fields, path, query, select, judge)
        if detail is not None:
            return await self._ask(parent, fields, detail.path, detail.query, detail.select, judge)
        raise SourceRefused(
            f"endpoint {endpoint.name}: the definition has no `record` and no `detail`, so no record has an address"
        )

    async def detail(self, parent: Parent | None, stub: bytes) -> bytes | None:
        """See `Source.detail`."""
        detail = self.endpoint.detail
        assert detail is not None, "only stubs have a detail"
        fields = decode_leniently(stub)
        found = await self._ask(parent, fields, detail.path, detail.query, detail.select, self.judge)
        return None if found is None or found[1] else found[0]

    def version(self, raw: bytes) -> bytes | None:
        """See `Source.version`."""
        assert self.endpoint.detail is not None, "only stubs have a version"
        fields = decode_leniently(raw)
        values = [selector(text).find(fields) for text in self.endpoint.detail.version]
        return None if any(value is None for value in values) else json_text(values).encode("utf-8", "surrogatepass")

    def fields_of_id(self, record_id: str) -> dict[str, Any]:
        """See `Source.fields_of_id`."""
        ids = self.endpoint.id
        fields: dict[str, Any] = {}
        for text, part in zip(ids, identity.split(record_id, len(ids)), strict=True):
            within = fields
            *above, last = selector(text).path or (text,)
            for name in above:
                within = within.setdefault(name, {})
            within[last] = part
        return fields

    def identify(self, raw: bytes) -> tuple[str, bool]:
        """A record's id, and whether it says that it is deleted. Raises PageUnreadable."""
        return self._columns.read_one(raw)

    async def _ask(
        self, parent: Parent | None, fields: Mapping[str, Any], path: str, query: Mapping[str, str], select: str,
        judge: Judge,
    ) -> tuple[bytes, bool] | None:  # fmt: skip
        """One record, of which `fields` are known, and whether it says that it is deleted. None: it is gone. Raises
        SourceError."""
        record_id = self._columns.id_of(fields)
        what = f"{self.name(parent)}, record {record_id}"
        url = self._targets.single(path, query, parent, fields)
        request = Request(url, self._targets.headers(self.endpoint.headers, parent))
        with asking(request):
            answer = await self._client.fetch(request, what=what, judge=judge)
            if is_gone(answer):
                return None
            if not answer.is_success:
                raise refusal(answer.status, answer.body, what, answer.verdict)
            try:
                raw = self._single(utf8(answer.body, charset(answer)), select)
                if self._wrapping is not None:
                    raw = self._wrapping.completed(raw, fields)
                found_id, is_deleted = self._columns.read_one(raw)
            except PageUnreadable as error:
                raise named(error, what) from error
            if found_id != record_id:
                raise _OtherRecord(f"{what}: the source answered with another record, {found_id}")
            return raw, is_deleted

    def name(self, parent: Parent | None) -> str:
        """The list, or what belongs to it, in messages."""
        return f"endpoint {self.endpoint.name}{f' of {parent.key}' if parent else ''}"

    def _read(self, answer: Answer) -> tuple[Page, Split]:
        body = utf8(answer.body, charset(answer))
        if answer.status == 204 and not body:
            return Page(0, [], [], [] if self.endpoint.tombstones else None, None, None, 0, 0), Split(
                [], lambda _: None
            )
        return self._taken_apart(body)

    def _taken_apart(self, body: bytes) -> tuple[Page, Split]:
        split = self._splitter.split(body)
        rows = self._columns.read(body, split.raws)
        raws, ids, deleted = split.raws, rows.ids, rows.deleted
        repeated = 0
        if len(set(ids)) != len(ids):
            kept = _without_repeated(ids, raws)
            repeated = len(ids) - len(kept)
            raws, ids = [raws[index] for index in kept], [ids[index] for index in kept]
            deleted = None if deleted is None else [deleted[index] for index in kept]
        return Page(0, raws, ids, deleted, rows.cursor, None, 0, 0, repeated), split

    def _finish(self, page: Page, answer: Answer, split: Split) -> Page:
        if self._token is not None and page.next is None:
            page = replace(page, cursor=token_of(split.find(self._token), self._token))
        if self._count is not None:
            page = replace(page, counted=told_count(self._count, answer.headers, split.find))
        return page

    def _single(self, body: bytes, select: str) -> bytes:
        """The record in the answer for one: where `select` says, where pages have their list, or all of it."""
        path = selector(select).path or self._splitter.records.path
        if path:
            place = locate(body, path)
            if place is not None and body[place[0] : place[0] + 1] == b"{":
                return body[place[0] : place[1]]
        return body.strip()


def is_gone(answer: Answer) -> bool:
    """Whether the answer says that what was asked for does not exist."""
    return answer.status in GONE if answer.verdict is None else answer.verdict.means == "gone"


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
