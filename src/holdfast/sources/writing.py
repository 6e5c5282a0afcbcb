"""Requests that change something at a source: a definition's `restore` rendered, sent once, and what came back."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

from holdfast.definitions import identity
from holdfast.definitions.document import Connection, Endpoint, Paging
from holdfast.definitions.filters import json_text
from holdfast.definitions.restoring import KEY, Upload, Write
from holdfast.definitions.selectors import selector
from holdfast.errors import DefinitionError, PageUnreadable
from holdfast.sources.answers import refusal
from holdfast.sources.bodies import Content
from holdfast.sources.client import Client
from holdfast.sources.exchange import Request, Streamed
from holdfast.sources.judging import Judge
from holdfast.sources.listing import Listing
from holdfast.sources.multipart import UploadedFile, file_in_form, packed
from holdfast.sources.page import Page, Parent
from holdfast.sources.splitter import decode_leniently
from holdfast.sources.targets import Targets

__all__ = ["WriteKind", "Writer", "Written"]

WriteKind = Literal["create", "update", "undelete"]


@dataclass(frozen=True)
class Written:
    """What a source answered to a write that it took."""

    id: str | None
    """The record's id as the answer tells it; None: it does not."""
    fields: Mapping[str, Any] | None
    """The record in the answer, decoded; None: there is none."""


class Writer:
    """Writes to one endpoint. Raises DefinitionError throughout where a template needs what is not there."""

    def __init__(
        self, endpoint: Endpoint, connection: Connection, listing: Listing, targets: Targets, client: Client
    ) -> None:
        self._endpoint = endpoint
        self._connection = connection
        self._listing = listing
        self._targets = targets
        self._client = client

    def prepare(
        self, what: WriteKind, parent: Parent | None, fields: Mapping[str, Any], *, key: str, blob: str | None,
        file: UploadedFile | None,
    ) -> Request:  # fmt: skip
        """See `Source.prepare`."""
        write = self._write(what)
        context = {**_context(parent, fields, key), "blob": blob}
        url = self._targets.url(write.path, write.query, context, required=True)
        headers = self._headers(write.headers, context)
        if write.fields is not None:
            body, kind = _selected(write, fields, with_nulls=what != "create")
            return Request(url, {**headers, "Content-Type": kind}, write.method, body)
        if write.multipart is not None:
            parts, kind = packed(write.multipart, {**self._targets.variables, **context}, file)
            return Request(url, {**headers, **_about(kind, parts)}, write.method, parts)
        if write.body is not None:
            content = Content(write.body, {**self._targets.variables, **context})
            return Request(url, {**headers, "Content-Type": content.content_type}, write.method, content.encoded())
        return Request(url, headers, write.method)

    async def send(self, what: WriteKind, request: Request, about: str) -> Written:
        """See `Source.write`."""
        write = self._write(what)
        graphql = write.body is not None and write.body.graphql is not None
        judge = Judge([*self._endpoint.answers, *self._connection.answers], graphql=graphql)
        said = f"{self._endpoint.name} {about}, {what}"
        answer = await self._client.send(request, what=said, judge=judge)
        if not answer.is_success:
            raise refusal(answer.status, answer.body, said, answer.verdict)
        return self._read(write, answer.body)

    async def upload(
        self, parent: Parent | None, fields: Mapping[str, Any], file: UploadedFile, *, key: str, about: str
    ) -> None:
        """See `Source.upload`."""
        said = f"{self._endpoint.name} {about}, blob"
        request = self.prepare_upload(parent, fields, file, key=key)
        answer = await self._client.send(request, what=said, judge=self._listing.judge)
        if not answer.is_success:
            raise refusal(answer.status, answer.body, said, answer.verdict)

    def prepare_upload(
        self, parent: Parent | None, fields: Mapping[str, Any], file: UploadedFile, *, key: str
    ) -> Request:  # fmt: skip
        """See `Source.prepare_upload`."""
        upload = self._endpoint.restore and self._endpoint.restore.blob
        assert upload, "the definition says how a blob is put back"
        context = _context(parent, fields, key)
        body, kind = _packed(upload, file)
        headers = {**self._headers(upload.headers, context), **_about(kind, body)}
        return Request(
            self._targets.url(upload.path, upload.query, context, required=True), headers, upload.method, body
        )

    async def found(self, parent: Parent | None, fields: Mapping[str, Any]) -> AsyncGenerator[Page, None]:
        """See `Source.found`."""
        find = self._endpoint.restore and self._endpoint.restore.find
        assert find, "the definition says how a record is found"
        assert find.path is not None, "it is looked for elsewhere than in the endpoint's list"
        searched = replace(
            self._endpoint, path=find.path, query=find.query, records=find.records, paging=find.paging or Paging(),
            method="GET", body=None, incremental=None, count=None, within=None,
        )  # fmt: skip
        listing = Listing(searched, self._connection, self._targets, self._client)
        url = self._targets.single(find.path, find.query, parent, fields)
        async with aclosing(listing.found(parent, url)) as pages:
            async for page in pages:
                yield page

    def _write(self, what: WriteKind) -> Write:
        write = self._endpoint.restore and self._endpoint.restore.writes().get(what)
        assert write, "the definition says how"
        return write

    def _headers(self, declared: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, str]:
        return self._targets.headers({**self._endpoint.headers, **declared}, more=context, required=declared)

    def _read(self, write: Write, body: bytes) -> Written:
        """What an answer says of the record. A body that is none of JSON says nothing: reading back will."""
        try:
            whole = decode_leniently(body)
        except PageUnreadable:
            return Written(None, None)
        found = selector(write.select or self._endpoint.record_select).find(whole)
        record = found if isinstance(found, dict) else None
        record_id: str | None = None
        with suppress(PageUnreadable):
            chosen, within = (write.id, whole) if write.id else (self._endpoint.id, record)
            record_id = identity.join([identity.part(selector(text).find(within)) for text in chosen])
        return Written(record_id, record)


def _context(parent: Parent | None, fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    context: dict[str, Any] = {"record": fields, KEY: key}
    if parent is not None:
        context["parent"] = parent.fields
        if parent.parent is not None:
            context["grandparent"] = parent.parent.fields
    return context


def _repeated(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A form's fields with lists as fields of one name. Null is empty text."""
    for name, value in content.items():
        for one in value if isinstance(value, list) else [value]:
            yield from _flattened(name, one)


def _about(content_type: str, body: bytes | Streamed) -> dict[str, str]:
    """The headers that tell of a body; a streamed one is else sent in chunks, which some servers refuse."""
    length = {"Content-Length": str(body.size_bytes)} if isinstance(body, Streamed) else {}
    return {"Content-Type": content_type, **length}


def _packed(upload: Upload, file: UploadedFile) -> tuple[Streamed, str]:
    """The body of an upload and its content type."""
    if upload.part is None:
        return Streamed(file.size_bytes, file.open), file.content_type
    return file_in_form(upload.part, file)


def _selected(write: Write, fields: Mapping[str, Any], *, with_nulls: bool) -> tuple[bytes, str]:
    """The body that the write's `fields` make, and its content type."""
    content: dict[str, Any] = {}
    for name, text in (write.fields or {}).items():
        path = selector(text).path
        value = selector(text).find(fields)
        if value is None and (not with_nulls or path is None or not _has(fields, path)):
            continue
        within = content
        *above, last = name.split(".")
        for part in above:
            within = within.setdefault(part, {})
        within[last] = value
    try:
        if write.encoding != "json":
            found = _flattened("", content) if write.encoding == "form" else _repeated(content)
            return urlencode(list(found)).encode(), "application/x-www-form-urlencoded"
        return json_text(content).encode(), "application/json"
    except UnicodeEncodeError as error:
        raise DefinitionError("text with a lone surrogate cannot be sent in a body") from error


def _has(value: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return False
        value = value[name]
    return True


def _flattened(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A form's fields as most APIs take nested ones: `a[b]`, `a[0]`. Null is empty text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flattened(f"{name}[{key}]" if name else str(key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flattened(f"{name}[{index}]", inner)
    elif value is None:
        yield name, ""
    else:
        yield name, value if isinstance(value, str) else json_text(value)
