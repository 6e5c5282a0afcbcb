"""Paths are routed as they were sent: what is encoded in a segment stays in it."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from holdfast.api.addresses import path
from holdfast.api.raw_path import RawPath


async def _routed(raw_path: bytes) -> str:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        return None

    await RawPath(app)({"type": "http", "path": "decoded", "raw_path": raw_path}, receive, send)
    return seen[0]


@pytest.mark.parametrize(
    ("sent", "routed"),
    [
        (b"/v1/ping", "/v1/ping"),
        (b"/v1/%70ing", "/v1/ping"),
        (b"/a%2fb/c", "/a%2Fb/c"),
        (b"/100%25", "/100%25"),
        (b"/%2E%2e/x", "/../x"),
        (b"/a b", "/a%20b"),
        (b"/\xc3\xa4", "/%C3%A4"),
        (b"/ping?query", "/ping"),
    ],
)
async def test_a_path_has_one_spelling(sent: bytes, routed: str) -> None:
    assert await _routed(sent) == routed


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=4))
async def test_what_is_made_into_a_path_comes_out_of_it(segments: list[str]) -> None:
    routed = await _routed(path(*segments).encode())
    assert [unquote(segment) for segment in routed.split("/")[1:]] == segments
