"""Downloads the binary that belongs to a record: streamed, resumed by range after a broken connection, checked for its
length. The credential goes to the source's own origin at most. Storing is not its matter.
"""

import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import aiohttp

from holdfast.clock import parse_mail_date
from holdfast.definitions.document import Blob, Retry
from holdfast.definitions.selectors import selector
from holdfast.errors import SourceError, SourceFailed, SourceRefused, SourceUnreachable
from holdfast.sources.answers import refusal
from holdfast.sources.auth import Credential
from holdfast.sources.client import Client, is_refused
from holdfast.sources.exchange import Request, Tally, asking
from holdfast.sources.judging import Judge, Verdict
from holdfast.sources.retrying import Patience

__all__ = ["BlobChanged", "BlobDownload", "BlobMark", "BlobReference", "blob_refusal", "reference"]

_HALVES = re.compile(r"[\x00\ud800-\udfff]")
_ERROR_BODY_BYTES = 64 * 1024
_PERHAPS_FOR_EVER = frozenset({403, 404, 410, 451})
_DECOMPRESSED_BYTES = 1024 * 1024
"""The most that one step of decompression may make: a bomb costs time, not memory."""


@dataclass(frozen=True, slots=True)
class BlobReference:
    """What the record itself says about its blob, without asking the source."""

    url: str
    version: str | None
    """Changes when the bytes do; None: the definition names no such fields."""
    content_type: str | None
    name: str | None
    size: int | None
    """In bytes."""
    checksum: str | None = None
    """As it stands in the record: see `checksums`."""
    host: str | None = None
    """Of the URL."""


@dataclass(frozen=True, slots=True)
class BlobMark:
    """What the source knows the bytes by that it sends: the rest of them can be asked for by it."""

    etag: str
    modified: str
    size: int | None
    """Of the whole, in bytes; None: not announced."""

    @property
    def validator(self) -> str:
        """A weak ETag does not promise the same bytes. Empty: the rest cannot be asked for."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class BlobChanged(SourceFailed):
    """Between two parts of a download the blob has become another one."""

    code = "blob_changed"


def reference(blob: Blob, url: str, fields: Mapping[str, Any]) -> BlobReference:
    """What a record (decoded) says about its blob at `url`. Raises SourceRefused for what is no URL."""
    try:
        host = urlsplit(url).hostname
    except ValueError as error:
        # Not the address itself: what stands in its query is often a signature.
        raise SourceRefused(f"the address that the record gives its blob is none: {error}") from error
    versions = [selector(text).find(fields) for text in blob.version]
    size = selector(blob.size).find(fields) if blob.size else None
    if isinstance(size, str) and size.isascii() and size.isdigit():
        size = int(size)
    return BlobReference(
        url,
        # Joined unambiguously, by their lengths: ("a", "bc") and ("ab", "c") are different versions.
        None
        if all(one is None for one in versions)
        else _storable("".join(f"{len(str(one))}:{one}" for one in versions)),
        _text(selector(blob.content_type).find(fields)) if blob.content_type else None,
        _text(selector(blob.name).find(fields)) if blob.name else None,
        size if isinstance(size, int) and not isinstance(size, bool) else None,
        _text(selector(blob.checksum).find(fields)) if blob.checksum else None,
        _text(host),
    )


class BlobDownload:
    """One download. An asynchronous context manager, whose `async for` gives the bytes in pieces, once.

    Entering sends the request: from then on `content_type`, `name`, `size` (bytes) and `version` stand, as far as the
    definition or the answer says. Raises the errors of `client`; SourceRefused with `status` 404 or 410 where the
    blob is gone; SourceFailed where it changed while it was downloaded, or more or fewer bytes came than announced.
    """

    def __init__(
        self, client: Client, retry: Retry, judge: Judge, blob: Blob, reference: BlobReference,
        headers: Mapping[str, str], what: str, hiding_secrets: Callable[[], AbstractContextManager[None]],
        *, known: str | None = None, resume: tuple[int, BlobMark] | None = None,
    ) -> None:  # fmt: skip
        """`headers` are rendered already; `hiding_secrets` is entered around everything that raises errors. `known` is
        the `version` of an earlier download: where that is still it, nothing comes and `unchanged` is true. `resume`
        says how many bytes of which blob there are already: only the rest comes, or BlobChanged is raised.
        """
        self._hiding_secrets = hiding_secrets
        self._client = client
        self._retry = retry
        self._judge = judge
        self._renewed = False
        self._anonymous = not blob.send_credential
        # An encoded transfer could not be resumed by range.
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._reference = reference
        self._what = what
        self._known = known
        self._offset = 0 if resume is None else resume[0]
        self.mark: BlobMark | None = None if resume is None else resume[1]
        self._announced: int | None = None
        self.unchanged = False
        """The source says that it is the one that was `known`."""
        self._is_entered = False
        self._tally = Tally()
        self.content_type = reference.content_type
        self.name = reference.name
        self.size = reference.size
        self.version = reference.version
        self._chunks = self._run()

    async def __aenter__(self) -> Self:
        try:
            await anext(self._chunks)
        except BaseException:
            await self._chunks.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._chunks.aclose()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return self._tally.requests

    async def _run(self) -> AsyncGenerator[bytes, None]:
        """First an empty piece, when the answer's headers are known; then the bytes."""
        # Without its query: that is often a signature, which is a secret for as long as it is good.
        with self._hiding_secrets(), asking(Request(self._reference.url.partition("?")[0])):
            await self._client.credential()  # to get one may take a place among the concurrent requests itself
            async with self._client.throttle.slot(), aclosing(self._download()) as pieces:
                async for piece in pieces:
                    yield piece

    async def _download(self) -> AsyncGenerator[bytes, None]:
        received = self._offset
        patience = Patience(self._retry)
        while True:
            before = received
            try:
                async with aclosing(self._attempt(received, patience)) as pieces:
                    async for piece in pieces:
                        received += len(piece)
                        self._check_not_longer(received)
                        yield piece
                break
            except _Again:
                pass
            except SourceUnreachable as error:
                if received and self.mark is None:
                    error.add_note("the source gives the blob no ETag or date, so the download cannot be resumed")
                    raise
                if received > before:
                    patience = Patience(self._retry)
                wait = patience.next_wait()
                if wait is None:
                    raise
                await self._client.pause(wait)
            await self._client.throttle.turn()
        if self.unchanged:
            return
        for announced in (self._announced, self._reference.size):
            if announced is not None and received != announced:
                raise SourceFailed(f"{self._what}: {received} bytes came, but the source announced {announced}")
        self.size = received

    async def _attempt(self, start: int, patience: Patience) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` on, as far as one request brings them. Raises _Again after an answer worth another."""
        headers = dict(self._headers)
        if start and self.mark is not None:
            headers.update({"Range": f"bytes={start}-", "If-Range": self.mark.validator})
        elif self._known is not None:
            headers.update(_unless(self._known))
        credential = None if self._anonymous else await self._client.credential()
        async with self._client.opened(
            Request(self._reference.url, headers), credential, what=self._what, tally=self._tally, stay=False,
            whole=False,
        ) as opened:  # fmt: skip
            response = opened.response
            if response.status == 304 and not start and self._known is not None:
                self.unchanged = True
                yield b""
                return
            read = await self._check(response, start, patience, credential)
            skip = self._resumed(response, start) if start else self._begun(response)
            if not self._is_entered:
                self._is_entered = True
                self._describe(response)
                yield b""
            pieces: AsyncIterable[bytes] = _behind(read, response.content.iter_any())
            encoding = _encoding(response)
            if encoding:
                pieces = _decompressed(pieces, encoding, self._what)
            async for piece in pieces:
                if skip >= len(piece):
                    skip -= len(piece)
                    continue
                yield piece[skip:] if skip else piece
                skip = 0

    async def _check(
        self, response: aiohttp.ClientResponse, start: int, patience: Patience, credential: Credential | None
    ) -> bytes:
        """Make sure that this is the blob; answers what of it had to be read for that.

        Raises _Again after an answer worth another attempt, SourceError for others.
        """
        status, headers = response.status, response.headers
        is_success = status in {200, 203, 206}
        verdict = self._judge.head_verdict(status, headers)
        body = b""
        if verdict is None and (not is_success or self._may_be_an_error(response)):
            body, is_whole = await _beginning(response)
            verdict = self._judge.verdict(status, headers, body) if is_whole or not is_success else None
        if is_success and verdict is None:
            return body
        if credential is not None and not self._renewed and is_refused(status, verdict):
            self._renewed = True
            if await self._client.renew(credential):
                raise _Again
        if self._client.is_worth_another(response, verdict):
            await self._client.wait_or_give_up(patience, response, body, self._what, verdict)
            raise _Again
        if start and status in {412, 416}:
            raise self._changed()
        raise blob_refusal(status, body, self._what, verdict)

    def _may_be_an_error(self, response: aiohttp.ClientResponse) -> bool:
        """Whether a success may be an error in disguise, as the definition's rules have it: `{"ok": false}` in 200."""
        is_json = response.headers.get("Content-Type", "").lower().startswith("application/json")
        return is_json and not _encoding(response) and self._judge.wants_body(response.status, response.headers)

    def _begun(self, response: aiohttp.ClientResponse) -> int:
        headers = response.headers
        if response.status == 206:
            raise SourceFailed(f"{self._what}: the source sent a part of the blob, though the whole was asked for")
        encoded = bool(_encoding(response))
        self._announced = None if encoded else response.content_length
        mark = BlobMark(_validator(headers, "ETag"), _validator(headers, "Last-Modified"), self._announced)
        # An encoded body's ranges would be those of its encoding.
        self.mark = mark if mark.validator and not encoded else None
        return 0

    def _describe(self, response: aiohttp.ClientResponse) -> None:
        """Take from the answer what the record does not say."""
        headers = response.headers
        if self._reference.content_type is None:
            self.content_type = _text(_header(headers, "Content-Type"))
        if self._reference.name is None:
            self.name = _text(disposition_name(_header(headers, "Content-Disposition")))
        if self._reference.size is None:
            self.size = self._announced
        if self._reference.version is None:
            self.version = _validator(headers, "ETag") or _validator(headers, "Last-Modified") or None

    def _resumed(self, response: aiohttp.ClientResponse, start: int) -> int:
        """Bytes to skip of an answer to a request for the rest. Raises BlobChanged, SourceFailed."""
        mark = self.mark
        assert mark is not None, "only what has a mark is resumed"
        self._announced = mark.size
        if response.status == 206:
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != start:
                raise SourceFailed(f"{self._what}: the source sent another part of the blob than was asked for")
            if "ETag" in response.headers and _validator(response.headers, "ETag") != mark.etag:
                raise self._changed()  # whoever has not heard of If-Range
            if mark.size is not None and found[2] not in {"*", str(mark.size)}:
                raise self._changed()
            return 0
        # The whole blob again: the source knows no ranges, or the blob has changed.
        headers = response.headers
        if (_validator(headers, "ETag"), _validator(headers, "Last-Modified")) != (mark.etag, mark.modified):
            raise self._changed()
        return start

    def _changed(self) -> BlobChanged:
        return BlobChanged(f"{self._what}: the blob changed while it was downloaded")

    def _check_not_longer(self, received: int) -> None:
        size = self._reference.size
        if size is not None and received > size:
            raise SourceFailed(f"{self._what}: more bytes come than the {size} that the record announces")


def blob_refusal(status: int, body: bytes, what: str, verdict: Verdict | None) -> SourceError:
    """The error for an answer that is no blob, nor the way to one: it names the way out for those that never come."""
    error = refusal(status, body, what, verdict)
    if verdict is None and status in _PERHAPS_FOR_EVER:
        error.hint = (
            f"If it is never to be had, say so in the endpoint: `blob: {{answers: [{{status: {status}, means: skip, "
            "because: ...}]}`; then it is listed in the receipt, and no failure."
        )
    return error


class _Again(Exception):
    """The answer was worth another attempt, and the wait is over."""


def _unless(version: str) -> dict[str, str]:
    """The header of a request for what is no longer this version: an ETag, or else a date."""
    if not version.startswith(('"', "W/")):
        try:
            parse_mail_date(version)
            return {"If-Modified-Since": version}
        except ValueError:
            pass  # an ETag of a source that does not quote it
    return {"If-None-Match": version}


async def _beginning(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """The first bytes of a body, as many as an error has, and whether they are all of it."""
    read = b""
    while len(read) < _ERROR_BODY_BYTES:
        piece = await response.content.read(_ERROR_BODY_BYTES - len(read))
        if not piece:
            return read, True
        read += piece
    return read, False


async def _behind(read: bytes, rest: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if read:
        yield read
    async for piece in rest:
        yield piece


def _encoding(response: aiohttp.ClientResponse) -> str:
    """How the body is encoded for its transfer although that was not wanted; empty: not at all."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


async def _decompressed(pieces: AsyncIterable[bytes], encoding: str, what: str) -> AsyncIterator[bytes]:
    """The bytes before their encoding. aiohttp would take a gzip stream that ends in the middle for whole."""
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise SourceFailed(f"{what}: the source sends the blob encoded as {encoding}, which was not asked for")
    member = zlib.decompressobj(wbits=47)
    try:
        async for piece in pieces:
            waiting = piece
            while waiting:
                if member.eof:
                    member = zlib.decompressobj(wbits=47)
                yield member.decompress(waiting, _DECOMPRESSED_BYTES)
                waiting = member.unused_data if member.eof else member.unconsumed_tail
        while not member.eof and (rest := member.decompress(member.unconsumed_tail, _DECOMPRESSED_BYTES)):
            yield rest
    except zlib.error as error:
        raise SourceFailed(f"{what}: the blob cannot be decompressed: {error}") from error
    if not member.eof:
        raise SourceFailed(f"{what}: the compressed blob ends in the middle")


def disposition_name(header: str) -> str | None:
    """The file name in a Content-Disposition header (RFC 6266), without any folders; None: it has none."""
    extended = re.search(r"filename\*\s*=\s*([\w.-]+)'[^']*'([^;\s]+)", header, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', header, re.IGNORECASE)
    name = ""
    if extended is not None:
        charset = extended[1].lower()
        name = unquote(
            extended[2], encoding=charset if charset in {"utf-8", "iso-8859-1"} else "utf-8", errors="replace"
        )
    elif plain is not None:
        name = re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] is not None else plain[2]
    return re.split(r"[/\\]", name)[-1].strip() or None


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header's text. Bytes that are no UTF-8 are Latin-1, as in the names of files that older servers send."""
    text = headers.get(name, "")
    try:
        text.encode()
    except UnicodeEncodeError:  # aiohttp kept them as half characters
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text


def _validator(headers: Mapping[str, str], name: str) -> str:
    """A header that is to be sent back as it came; empty: there is none, or none that can."""
    text = headers.get(name, "")
    return text if text.isascii() else ""


def _text(value: object) -> str | None:
    return _storable(value) if isinstance(value, str) and value else None


def _storable(text: str) -> str:
    """What database and vault can keep: half a character and NUL are spelt as JSON spells them, so that what differs
    still does."""
    return _HALVES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
