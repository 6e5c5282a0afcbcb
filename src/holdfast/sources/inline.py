"""Blobs that are text inside JSON, and blobs behind a second call: read like downloads."""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Literal, Protocol, Self

from holdfast.definitions.document import Blob
from holdfast.definitions.selectors import selector
from holdfast.definitions.values import kind_of
from holdfast.errors import PageUnreadable, SourceFailed
from holdfast.sources.blobs import BlobMark, BlobReference, blob_refusal
from holdfast.sources.client import Client
from holdfast.sources.exchange import Request, asking
from holdfast.sources.judging import Judge
from holdfast.sources.page import Skipped
from holdfast.sources.splitter import decode_leniently, utf8
from holdfast.sources.walking import charset, named

__all__ = ["BlobStream", "InlineBlob", "LookedUpBlob", "inline_bytes"]

_PIECE_BYTES = 1024 * 1024
_DATA_URL = re.compile(r"data:([^;,]*)[^,]*;base64,", re.IGNORECASE)


class BlobStream(AbstractAsyncContextManager["BlobStream"], Protocol):
    """A blob being read: what is known of it once it is entered, and its bytes, once."""

    @property
    def content_type(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def size(self) -> int | None:
        """In bytes."""

    @property
    def version(self) -> str | None: ...
    @property
    def requests(self) -> int:
        """Requests sent so far."""

    @property
    def unchanged(self) -> bool:
        """It is the one that is known already: no bytes come."""

    @property
    def mark(self) -> BlobMark | None:
        """What the rest of it could be asked for by; None: it would have to be read anew."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class InlineBlob(BlobStream):
    """A blob whose bytes are there already, as text in JSON."""

    content_type: str | None = None
    name: str | None = None
    size: int | None = None
    version: str | None = None
    requests = 0
    unchanged = False
    mark: BlobMark | None = None

    def __init__(
        self, text: object, encoding: Literal["base64", "text"], reference: BlobReference, what: str
    ) -> None:  # fmt: skip
        """`text` is what stands where the blob should: checked when it is entered."""
        self._text = text
        self._encoding = encoding
        self._reference = reference
        self._what = what
        self._data = b""
        self.content_type, self.name, self.version = reference.content_type, reference.name, reference.version

    async def __aenter__(self) -> Self:
        """Raises PageUnreadable for what is no such text, SourceFailed for another size than the record announces."""
        try:
            self._data, content_type = await asyncio.to_thread(inline_bytes, self._text, self._encoding)
        except PageUnreadable as error:
            raise named(error, self._what) from error
        self.content_type = self.content_type or content_type
        self.size = len(self._data)
        if self._reference.size not in {None, self.size}:
            raise SourceFailed(f"{self._what}: {self.size} bytes came, but the source announced {self._reference.size}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._data = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), _PIECE_BYTES):
            yield self._data[start : start + _PIECE_BYTES]


class LookedUpBlob(BlobStream):
    """A blob about which another address has to be asked first: its answer holds it, or says where it is."""

    def __init__(
        self, client: Client, judge: Judge, blob: Blob, reference: BlobReference, headers: Mapping[str, str], what: str,
        open_url: Callable[[Mapping[str, Any]], BlobStream | None],
        hiding_secrets: Callable[[], AbstractContextManager[None]],
    ) -> None:  # fmt: skip
        """`reference.url` is the address to ask; `open_url` makes the download from the answer, None: it has no URL."""
        self._client = client
        self._judge = judge
        self._blob = blob
        self._reference = reference
        self._headers = headers
        self._what = what
        self._open_url = open_url
        self._hiding_secrets = hiding_secrets
        self._inner: BlobStream | None = None
        self._requests = 0

    async def __aenter__(self) -> Self:
        """Raises the errors of `client`, of the download itself, and Skipped where the answer tells of no blob."""
        with self._hiding_secrets():
            answer = await self._ask()
            if self._blob.inline is not None:
                text = selector(self._blob.inline).find(answer)
                inner: BlobStream | None = None
                if text not in (None, ""):
                    inner = InlineBlob(text, self._blob.encoding, self._reference, self._what)
            else:
                inner = self._open_url(answer)
            if inner is None:
                raise Skipped(f"{self._what}: the answer of `lookup` tells of none")
            self._inner = await inner.__aenter__()
        return self

    async def _ask(self) -> Mapping[str, Any]:
        request = Request(self._reference.url, self._headers)
        with asking(request):
            answer = await self._client.fetch(request, what=self._what, judge=self._judge)
            self._requests = answer.requests
            if not answer.is_success:
                raise blob_refusal(answer.status, answer.body, self._what, answer.verdict)
            try:
                content = decode_leniently(utf8(answer.body, charset(answer)))
                if not isinstance(content, dict):
                    raise PageUnreadable(f"the answer of `lookup` is no object, but {kind_of(content)}")
            except PageUnreadable as error:
                raise named(error, self._what) from error
            return content

    async def __aexit__(self, *details: Any) -> None:
        if self._inner is not None:
            await self._inner.__aexit__(*details)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._found)

    @property
    def _found(self) -> BlobStream:
        assert self._inner is not None, "a blob is read inside its `async with`"
        return self._inner

    @property
    def content_type(self) -> str | None:
        return self._found.content_type

    @property
    def name(self) -> str | None:
        return self._found.name

    @property
    def size(self) -> int | None:
        return self._found.size

    @property
    def version(self) -> str | None:
        return self._found.version

    @property
    def unchanged(self) -> bool:
        return self._found.unchanged

    @property
    def mark(self) -> BlobMark | None:
        return self._found.mark

    @property
    def requests(self) -> int:
        return self._requests + (self._inner.requests if self._inner is not None else 0)


def inline_bytes(text: object, encoding: Literal["base64", "text"]) -> tuple[bytes, str | None]:
    """The bytes that a text stands for, and the content type of a data URL. Raises PageUnreadable."""
    if not isinstance(text, str):
        raise PageUnreadable(f"where the blob should be is {kind_of(text)}")
    if encoding == "text":
        try:
            return text.encode(), None
        except UnicodeEncodeError as error:
            raise PageUnreadable("the blob's text has a lone surrogate") from error
    prefix = _DATA_URL.match(text)
    content_type = prefix[1] or None if prefix else None
    packed = re.sub(r"\s+", "", text[prefix.end() :] if prefix else text).rstrip("=")
    try:
        standard = packed.replace("-", "+").replace("_", "/")
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True), content_type
    except (binascii.Error, ValueError) as error:
        raise PageUnreadable(f"the blob is no base64: {error}") from error
