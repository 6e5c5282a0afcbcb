"""Blobs inside JSON and blobs behind a second call."""

import base64
from typing import Any

import pytest
from aiohttp import web

from holdfast.errors import PageUnreadable, SourceError, SourceFailed, SourceRefused
from holdfast.sources.inline import inline_bytes
from holdfast.sources.page import Skipped
from holdfast.sources.source import Source
from tests.support.scripted_source import Asked, ScriptedSource, open_source

DATA = bytes(range(256)) * 50
STANDARD = base64.b64encode(DATA).decode()
URL_SAFE = base64.urlsafe_b64encode(DATA).decode()


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        (STANDARD, None),
        (URL_SAFE, None),
        (URL_SAFE.rstrip("="), None),
        (base64.encodebytes(DATA).decode(), None),
        (f"data:image/png;base64,{STANDARD}", "image/png"),
        (f"data:;base64,{STANDARD}", None),
    ],
)
def test_base64_of_either_alphabet_is_understood(text: str, content_type: str | None) -> None:
    assert inline_bytes(text, "base64") == (DATA, content_type)


def test_text_is_its_own_bytes() -> None:
    assert inline_bytes("é✓", "text") == ("é✓".encode(), None)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(7, "base64"), ({"a": 1}, "text"), ("a!b", "base64"), ("abcde", "base64"), ("\ud800", "text")],
)
def test_what_is_no_such_text_is_refused(text: Any, encoding: Any) -> None:
    with pytest.raises(PageUnreadable):
        inline_bytes(text, encoding)


def items(blob: str) -> str:
    return f"- {{name: items, path: /items, id: id, records: items, blob: {{{blob}}}}}"


async def read(source: Source, record: dict[str, Any]) -> tuple[bytes, Any]:
    async with source.blob("items", None, record) as blob:
        return b"".join([piece async for piece in blob]), blob


INLINE = items("inline: file.data, version: [file.sha, id], size: file.size, content_type: file.type, name: file.name")
RECORD = {"id": 1, "file": {"data": STANDARD, "sha": "x", "size": len(DATA), "type": "a/b", "name": "n.bin"}}


async def test_a_blob_in_the_record_costs_no_request() -> None:
    async with ScriptedSource(lambda asked: None) as api, open_source(api, endpoints=INLINE) as source:
        reference = source.blob_reference("items", None, RECORD)
        assert reference is not None
        assert (reference.url, reference.version) == ("", "1:x1:1")
        data, blob = await read(source, RECORD)
        assert (data, blob.content_type, blob.name, blob.size, blob.version, blob.requests) == (
            DATA, "a/b", "n.bin", len(DATA), "1:x1:1", 0,
        )  # fmt: skip
        assert source.blob_reference("items", None, {"id": 2, "file": {"data": None}}) is None
        assert source.blob_reference("items", None, {"id": 2}) is None
        with pytest.raises(SourceFailed, match="12800 bytes came, but the source announced 5"):
            await read(source, {"id": 1, "file": {"data": STANDARD, "size": 5}})
        with pytest.raises(PageUnreadable, match="endpoint items, blob: the blob is no base64"):
            await read(source, {"id": 1, "file": {"data": "???"}})
    assert not api.log


LOOKED_UP = items('lookup: "/files/{{ record.file }}", url: "{{ answer.url }}", version: id, size: size')


async def test_a_blob_behind_a_second_call() -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/files/f1":
            return {"url": f"{api.url}/bytes?sig=1"}
        return web.Response(body=DATA, content_type="image/png")

    async with ScriptedSource(script) as api, open_source(api, endpoints=LOOKED_UP) as source:
        data, blob = await read(source, {"id": 1, "file": "f1", "size": len(DATA)})
        assert (data, blob.content_type, blob.version, blob.requests) == (DATA, "image/png", "1:1", 2)
        assert source.blob_reference("items", None, {"id": 1, "file": None}) is None


async def test_the_second_call_may_hold_the_blob_itself() -> None:
    endpoints = items('lookup: {path: "/m/{{ record.id }}", query: {format: raw}}, inline: raw, version: id')
    async with ScriptedSource(lambda asked: {"raw": URL_SAFE}) as api, open_source(api, endpoints=endpoints) as source:
        data, blob = await read(source, {"id": "a/b"})
        assert (data, blob.size, blob.requests) == (DATA, len(DATA), 1)
    assert (api.log[0].path, api.log[0].query) == ("/m/a/b", {"format": "raw"})


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ({}, Skipped, "the answer of `lookup` tells of none"),
        ({"url": None}, Skipped, "tells of none"),
        ([], PageUnreadable, "is no object, but a list"),
        ((404, {}), SourceRefused, "answered 404"),
        ((500, {}), SourceFailed, "answered 500"),
    ],
)
async def test_a_second_call_that_leads_nowhere(answer: Any, kind: type[SourceError], message: str) -> None:
    async with ScriptedSource(lambda asked: answer) as api, open_source(api, endpoints=LOOKED_UP) as source:
        with pytest.raises(kind, match=f"endpoint items, blob: .*{message}"):
            await read(source, {"id": 1, "file": "f1"})


async def test_a_second_call_that_finds_nothing_names_the_way_out() -> None:
    async with ScriptedSource(lambda asked: (404, {})) as api, open_source(api, endpoints=LOOKED_UP) as source:
        with pytest.raises(SourceRefused) as caught:
            await read(source, {"id": 1, "file": "f1"})
    assert "blob: {answers: [{status: 404, means: skip, because: ...}]}" in caught.value.in_full
    assert "`path`" not in caught.value.in_full
