"""Bodies of several parts: what stands in them, how long they are, what is left out."""

import email
import json
from collections.abc import AsyncIterator
from email.message import Message
from typing import Any

import pytest

from holdfast.definitions.restoring import Multipart, Part
from holdfast.errors import DefinitionError
from holdfast.sources.exchange import Streamed
from holdfast.sources.multipart import UploadedFile, packed

CONTENT = b"\r\n--no boundary\r\n\x00\xff\n"
CONTEXT: dict[str, Any] = {"record": {"name": 'a "name" é', "title": "é 😀", "size": 7, "none": None, "bad": "\ud800"}}


async def _content() -> AsyncIterator[bytes]:
    for at in range(0, len(CONTENT), 5):
        yield CONTENT[at : at + 5]


FILE = UploadedFile(len(CONTENT), _content, "text/x\r\nInjected: yes", "the file\r\n.txt")


async def whole(body: bytes | Streamed) -> bytes:
    if isinstance(body, bytes):
        return body
    read = b"".join([piece async for piece in body.open()])
    assert len(read) == body.size_bytes
    return read


async def parts(multipart: Multipart, file: UploadedFile | None = FILE) -> list[Message]:
    body, kind = packed(multipart, CONTEXT, file)
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + await whole(body))
    payload = message.get_payload()
    assert isinstance(payload, list)
    return payload  # type: ignore[return-value]


async def test_a_form_has_texts_json_and_the_file() -> None:
    form = Multipart((
        Part(name="a", text="{{ record.title }}"),
        Part(name="left out", text="{{ record.none }}"),
        Part(name="b", json={"size": "{{ record.size }}", "no": "{{ record.none }}", "t": "{{ record.title }}"}),
        Part(name="content", is_file=True, filename="{{ record.name }}.txt"),
    ))  # fmt: skip
    text, data, file = await parts(form)
    assert (text["Content-Disposition"], text["Content-Type"]) == ('form-data; name="a"', None)
    assert text.get_payload(decode=True) == "é 😀".encode()
    assert data["Content-Type"] == "application/json"
    sent = data.get_payload()
    assert isinstance(sent, str)
    assert (sent.isascii(), json.loads(sent)) == (True, {"size": 7, "t": "é 😀"})
    assert (file["Content-Type"], file["Injected"]) == ("text/xInjected: yes", None)
    body, _ = packed(form, CONTEXT, FILE)
    assert b'name="content"; filename="a name \xc3\xa9.txt"\r\n' in await whole(body)
    assert b"\r\n\r\n" + CONTENT + b"\r\n--" in await whole(body)


async def test_related_parts_have_no_names_and_a_single_one_is_sent_alone() -> None:
    related = Multipart((Part(json={"title": "{{ record.size }}"}), Part(is_file=True)), "related")
    first, second = await parts(related)
    assert (first["Content-Disposition"], first["Content-Type"]) == (None, "application/json")
    assert (second["Content-Disposition"], second["Content-Type"]) == (None, "text/xInjected: yes")
    assert packed(related, CONTEXT, None) == (b'{"title":7}', "application/json")
    alone, kind = packed(Multipart((Part(is_file=True),), "related"), CONTEXT, FILE)
    assert (await whole(alone), kind) == (CONTENT, "text/xInjected: yes")


async def test_without_a_filename_the_blobs_own_counts() -> None:
    body, _ = packed(Multipart((Part(name="f", is_file=True),)), {}, FILE)
    assert b'filename="the file.txt"\r\n' in await whole(body)


def test_what_cannot_be_made_is_told() -> None:
    with pytest.raises(DefinitionError, match="surrogate"):
        packed(Multipart((Part(name="a", text="{{ record.bad }}"),)), CONTEXT, None)
    with pytest.raises(DefinitionError, match="no field `absent`"):
        packed(Multipart((Part(name="f", is_file=True, filename="{{ record.absent }}"),)), CONTEXT, FILE)
