"""Sends requests to one source: limits, repeated attempts, time-outs, redirects, size limits, and the one place where
aiohttp's exceptions become ours. What an answer means for a listing or a blob is `listing`'s and `blobs`' matter.

The credential and the definition's headers go to the origin of `base_url` only; redirects are followed by hand.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_plus, urlencode, urljoin

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from holdfast import __version__, clock
from holdfast.definitions.document import Connection
from holdfast.errors import PageUnreadable, SourceRefused, SourceUnreachable
from holdfast.sources.answers import refusal, unreachable
from holdfast.sources.auth import Credential
from holdfast.sources.network import NetworkPolicy, connector
from holdfast.sources.retrying import Patience, declared_wait, exhausted_quota, is_throttled
from holdfast.sources.targets import appended
from holdfast.sources.throttle import Throttle

__all__ = ["Answer", "Client", "Tally"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_READ_BUFFER_BYTES = 256 * 1024
"""A page of 100 records of 1 KB fits in, so that reading it is not paused in the middle."""
_HEADER_BYTES = 64 * 1024
"""Some sources put a whole encrypted state into their next links: aiohttp's 8 KB are too few."""
_CONNECT_TIMEOUT_S = 30.0
_LONGEST_QUOTA_S = 3600.0
"""A quota that is said to last longer is not waited for unasked: the header may mean something else."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: str
    """Where it came from in the end, after redirects, without the credential."""
    requests: int
    """Requests it took, repeated attempts and redirects included."""


@dataclass(slots=True)
class Tally:
    """Requests sent for one purpose."""

    requests: int = 0


class Client:
    """One source's connections. An asynchronous context manager, to be used from one event loop."""

    def __init__(
        self, connection: Connection, base_url: str, credential: Credential, network: NetworkPolicy, throttle: Throttle,
        *, confidential: bool, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """`base_url` is rendered already. `confidential`: requests carry a secret. `sleep` is for tests.

        Raises SourceRefused where `base_url` is no http(s) URL.
        """
        self._connection = connection
        self._network = network
        self._sleep = sleep
        self._confidential = confidential
        self._credential = credential
        self._credential_query = urlencode(credential.query)
        self._session: aiohttp.ClientSession | None = None
        self._origin = _parsed(base_url, "base_url").origin()
        self._origin_text = str(self._origin) + "/"
        self.throttle = throttle
        self.sent = 0
        """Requests sent so far."""

    async def __aenter__(self) -> Self:
        timeout_s = self._connection.timeout.total_seconds()
        self._session = aiohttp.ClientSession(
            connector=connector(self._network),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"holdfast/{__version__}", "Accept-Encoding": "gzip, deflate"},
            # `total` ends an answer that trickles for ever; blobs, which may take long, set their own.
            timeout=self._timeout(total_s=max(600.0, 10 * timeout_s)),
            read_bufsize=_READ_BUFFER_BYTES,
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(
        self, url: str, headers: Mapping[str, str], *, what: str, attempts: int | None = None, stay: bool = True
    ) -> Answer:
        """GET `url`, trying again as the definition says, at most `attempts` times; the answer may have any status.

        `what` names the request in messages. With `stay`, leaving the source's origin is refused where a secret would
        have to be left behind: without it an API may answer with less. Raises SourceUnreachable, SourceThrottled,
        SourceFailed, SourceRefused, and PageUnreadable for a body larger than the definition's `page_bytes`.
        """
        patience = Patience(self._connection.retry, attempts)
        tally = Tally()
        while True:
            try:
                async with (
                    self.throttle.slot(),
                    self.opened(url, headers, what=what, tally=tally, stay=stay) as (response, final),
                ):
                    body = await self._read(response, what)
            except SourceUnreachable:
                wait = patience.next_wait()
                if wait is None:
                    raise
                await self.pause(wait)
                continue
            status = response.status
            throttled = is_throttled(status, response.headers)
            if not throttled and status not in self._connection.retry.statuses:
                self._honour_quota(response)
                return Answer(status, response.headers, body, final, tally.requests)
            await self.wait_or_give_up(patience, response, body, what)

    def _honour_quota(self, response: aiohttp.ClientResponse) -> None:
        """Where this answer used the last request of a quota, wait for its end rather than be refused."""
        if exhausted_quota(response.headers) is not None:
            wait = declared_wait(response.headers, clock.now())
            if wait is not None and wait <= _LONGEST_QUOTA_S:
                self.throttle.pause(wait)

    async def wait_or_give_up(
        self, patience: Patience, response: aiohttp.ClientResponse, body: bytes, what: str
    ) -> None:
        """After an answer that is worth another attempt: wait for it, or raise the error that the answer means."""
        throttled = is_throttled(response.status, response.headers)
        wait = patience.next_wait(declared_wait(response.headers, clock.now()))
        if wait is None:
            raise refusal(response.status, body, what, throttled=throttled)
        if throttled:
            self.throttle.pause(wait)
        else:
            await self.pause(wait)

    @asynccontextmanager
    async def opened(
        self, url: str, headers: Mapping[str, str], *, what: str, tally: Tally, stay: bool, whole: bool = True,
        anonymous: bool = False,
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, str]]:  # fmt: skip
        """Send one request within a slot of `throttle`; gives the answer, its body unread, and its URL after redirects.

        The first request of the slot is allowed already. With `whole` the body must end within the total time-out, and
        is decompressed; `anonymous` requests carry no credential even at the source's own origin. aiohttp's exceptions,
        also from reading the body inside the block, leave as SourceUnreachable or SourceRefused.
        """
        assert self._session is not None, "a Client is used inside its `async with`"
        timeout = aiohttp.helpers.sentinel if whole else self._timeout(total_s=None)
        host = ""
        try:
            for hop in range(_MOST_REDIRECTS + 1):
                target, at_home = self._target(url, what, anonymous=anonymous)
                host = target.host or ""
                if not at_home and stay and self._confidential:
                    raise SourceRefused(
                        f"{what}: the source leads to another address ({target.origin()}), where the credential is "
                        "never sent; without it the answer could be incomplete",
                        hint="If that is the API's right address, set it as `base_url`.",
                        code="credential_kept_home",
                    )
                if hop:
                    await self.throttle.turn()
                tally.requests += 1
                self.sent += 1
                async with self._session.get(
                    target,
                    headers=self._headers(headers, at_home=at_home and not anonymous),
                    allow_redirects=False,
                    timeout=timeout,
                    auto_decompress=whole,
                ) as response:
                    if response.status in _REDIRECTS and "Location" in response.headers:
                        url = urljoin(url, response.headers["Location"])
                        continue
                    yield response, url
                    return
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreachable(error, host, what) from error
        raise SourceRefused(f"{what}: more than {_MOST_REDIRECTS} redirects, the last one to {url}")

    async def pause(self, seconds: float) -> None:
        """Wait between two attempts of one request."""
        await self._sleep(seconds)

    def at_home(self, url: str) -> bool:
        """Whether this URL is at the source's own origin."""
        return url.startswith(self._origin_text) or _parsed(url, url).origin() == self._origin

    def without_credential(self, url: str) -> str:
        """The URL without the query parameters that hold the credential: sources repeat them in their links."""
        path, mark, query = url.partition("?")
        if not mark or not self._credential.query:
            return url
        # Taken apart as text: a query that is decoded and encoded again may no longer be the one that was signed.
        kept = [one for one in query.split("&") if unquote_plus(one.partition("=")[0]) not in self._credential.query]
        return f"{path}?{'&'.join(kept)}" if kept else path

    def _target(self, url: str, what: str, *, anonymous: bool) -> tuple[URL, bool]:
        if url.startswith(self._origin_text) and _is_plain(url):
            parsed, at_home = URL(url, encoded=True), True
        else:
            parsed = _parsed(url, what)
            at_home = parsed.origin() == self._origin
        if at_home and self._credential_query and not anonymous:
            parsed = URL(appended(str(parsed), self._credential_query), encoded=True)
        return parsed, at_home

    def _headers(self, headers: Mapping[str, str], *, at_home: bool) -> Mapping[str, str]:
        if at_home:
            return {**headers, **self._credential.headers} if self._credential.headers else headers
        # A definition's own headers may hold a secret as well as its `auth`.
        return {name: value for name, value in headers.items() if name.lower() in _HARMLESS}

    async def _read(self, response: aiohttp.ClientResponse, what: str) -> bytes:
        limit = self._connection.page_bytes
        chunks = []
        size = 0
        content = response.content
        while chunk := await content.readany():
            size += len(chunk)
            if size > limit:
                response.close()
                raise PageUnreadable(
                    f"{what}: the body is larger than {limit} bytes",
                    hint="Ask for fewer records a page, or raise `page_bytes` in the definition.",
                )
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _timeout(self, *, total_s: float | None) -> aiohttp.ClientTimeout:
        timeout_s = self._connection.timeout.total_seconds()
        return aiohttp.ClientTimeout(
            total=total_s, sock_connect=min(timeout_s, _CONNECT_TIMEOUT_S), sock_read=timeout_s
        )


_HARMLESS = frozenset({"accept", "accept-language", "range", "if-range"})


def _is_plain(url: str) -> bool:
    """Whether a URL can be sent as it is: it may be signed, so nothing is encoded anew without need."""
    return url.isascii() and url.isprintable() and " " not in url and "#" not in url


def _parsed(url: str, what: str) -> URL:
    """The URL; text from a source is quoted where it needs it, and never has a user in it."""
    try:
        parsed = URL(url, encoded=_is_plain(url))
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ValueError("it is no http or https URL")
        if parsed.raw_user is not None or parsed.raw_password is not None:
            parsed = parsed.with_user(None)
        return parsed.with_fragment(None) if parsed.raw_fragment else parsed
    except ValueError as error:
        raise SourceRefused(f"{what}: {url!r} is no address to ask: {error}") from error
