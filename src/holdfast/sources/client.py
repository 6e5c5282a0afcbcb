"""Sends requests to one source: limits, repeated attempts, time-outs, redirects, size limits, and the one place where
aiohttp's exceptions become ours. What an answer means for a listing or a blob is `listing`'s and `blobs`' matter.

The credential and the definition's headers go to the origins of the source only: that of `base_url`, and those that the
definition adds. Redirects are followed by hand.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import unquote_plus, urlencode, urljoin

import aiohttp
from isal import isal_zlib
from yarl import URL

from holdfast import __version__, clock, tracing
from holdfast.definitions.document import Connection
from holdfast.errors import PageUnreadable, SourceRefused, SourceUnreachable, WriteUncertain
from holdfast.sources.answers import refusal, unreachable
from holdfast.sources.auth import Credential, Keeper
from holdfast.sources.exchange import Answer, Exchange, Request, Streamed, Tally
from holdfast.sources.judging import Judge, Verdict
from holdfast.sources.network import connector
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.retrying import (
    Patience,
    asked_at,
    declared_wait,
    exhausted_quota,
    is_throttled,
    quota_wait,
    seconds_until,
)
from holdfast.sources.shared_throttle import SharedThrottle
from holdfast.sources.targets import appended
from holdfast.sources.throttle import Throttle

__all__ = ["Client", "Opened", "is_refused"]

# Bodies that come compressed, as most do, take half as long as with zlib: 1.4 us a record of 1 KB instead of 3.
aiohttp.set_zlib_backend(isal_zlib)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_REQUEST = frozenset({307, 308})
_READING = frozenset({"GET", "HEAD"})
_MOST_REDIRECTS = 5
_READ_BUFFER_BYTES = 256 * 1024
"""A page of 100 records of 1 KB fits in, so that reading it is not paused in the middle."""
_HEADER_BYTES = 64 * 1024
"""Some sources put a whole encrypted state into their next links: aiohttp's 8 KB are too few."""
_CONNECT_TIMEOUT_S = 30.0
_LONGEST_GUESSED_S = 3600.0
"""A quota that is said to last longer is not waited for unasked: the header may mean something else."""
_LONGEST_QUOTA_S = 25 * 3600.0
"""Of a quota that the definition names: the longest are daily ones."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body is unread."""

    response: aiohttp.ClientResponse
    url: str
    """After redirects, without the credential."""
    asked_at: datetime
    """See `Answer.asked_at`."""


class Client:
    """One source's connections. An asynchronous context manager, to be used from one event loop."""

    def __init__(
        self, connection: Connection, base_url: str, keeper: Keeper, network: NetworkPolicy,
        throttle: Throttle | SharedThrottle,
        *, origins: Sequence[str] = (), confidential: bool, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observe: Callable[[Exchange], None] | None = None,
    ) -> None:  # fmt: skip
        """`base_url` and `origins` are rendered already. `confidential`: requests carry a secret. `sleep` is for tests.
        `observe` is shown every answer to `fetch`.

        Raises SourceRefused where one of them is no http(s) URL.
        """
        self._connection = connection
        self._network = network
        self._sleep = sleep
        self._confidential = confidential
        self._keeper = keeper
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None
        self._home = {_parsed(url, "base_url").origin() for url in (base_url, *origins)}
        self._base_origin = str(_parsed(base_url, "base_url").origin()) + "/"
        self._judge = Judge(connection.answers)
        self.throttle = throttle
        self.sent = 0
        """Requests sent so far."""
        self.answered_s = 0.0
        """How long the answers to `fetch` took, summed: waits for limits are not in it."""

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
        self, request: Request, *, what: str, judge: Judge | None = None, attempts: int | None = None, stay: bool = True
    ) -> Answer:
        """Send `request`, again where the definition says so, at most `attempts` times; answers may have any status.

        `what` names the request in messages, `judge` says what answers mean (without it, the connection's rules do).
        With `stay`, leaving the source's origin is refused where a secret would have to be left behind: without it an
        API may answer with less. Raises SourceUnreachable, SourceThrottled, SourceFailed, SourceRefused,
        CredentialRefused where no new token can be had, and PageUnreadable for a body larger than the definition's
        `page_bytes`.
        """
        judge = judge or self._judge
        patience = Patience(self._connection.retry, attempts)
        tally = Tally()
        renewed = False
        while True:
            credential = await self.credential()
            try:
                async with self.throttle.slot():
                    began = asyncio.get_running_loop().time()
                    async with self.opened(request, credential, what=what, tally=tally, stay=stay) as opened:
                        body = await self._read(opened.response, what)
            except SourceUnreachable:
                wait = patience.next_wait()
                if wait is None:
                    raise
                await self.pause(wait)
                continue
            response = opened.response
            seconds = asyncio.get_running_loop().time() - began
            self.answered_s += seconds
            if self._observe is not None:
                asked = f"{request.method} {request.url}"
                self._observe(Exchange(asked, response.status, response.headers, body, seconds))
            verdict = judge.verdict(response.status, response.headers, body)
            if not renewed and is_refused(response.status, verdict) and await self.renew(credential):
                renewed = True
                continue
            if not self.is_worth_another(response, verdict):
                self._honour_quota(response)
                return Answer(
                    response.status, response.headers, body, opened.url, tally.requests, opened.asked_at, verdict
                )
            await self.wait_or_give_up(patience, response, body, what, verdict)

    async def send(self, request: Request, *, what: str, judge: Judge) -> Answer:
        """Send a request that changes something, again only where the source has surely not done it: a credential that
        was refused and renewed, too many requests.

        Answers may have any status. Raises WriteUncertain where nobody knows whether it was done: no answer, a 5xx.
        SourceThrottled, SourceRefused and CredentialRefused mean that it was not.
        """
        patience = Patience(self._connection.retry)
        tally = Tally()
        renewed = False
        while True:
            credential = await self.credential()
            try:
                async with (
                    self.throttle.slot(),
                    self.opened(request, credential, what=what, tally=tally, stay=True) as opened,
                ):
                    body = await self._read(opened.response, what)
            except (SourceUnreachable, PageUnreadable) as error:
                raise WriteUncertain(str(error), hint=error.hint) from error
            response = opened.response
            verdict = judge.verdict(response.status, response.headers, body)
            if not renewed and is_refused(response.status, verdict) and await self.renew(credential):
                renewed = True
                continue
            throttled = verdict.means == "throttled" if verdict is not None else self._is_throttled(response)
            if throttled and response.status < 500:
                await self.wait_or_give_up(patience, response, body, what, verdict)
                continue
            if throttled or self.is_worth_another(response, verdict) or response.status >= 500:
                refused = refusal(response.status, body, what, verdict, throttled=throttled)
                raise WriteUncertain(str(refused), status=response.status, hint=refused.hint)
            self._honour_quota(response)
            return Answer(response.status, response.headers, body, opened.url, tally.requests, opened.asked_at, verdict)

    async def exchange(self, request: Request, what: str) -> Answer:
        """Send exactly this, to wherever it goes, following no redirect: for requests that get a credential.

        Repeated like any other. Raises SourceUnreachable, SourceThrottled, SourceFailed, PageUnreadable.
        """
        patience = Patience(self._connection.retry)
        tally = Tally()
        while True:
            try:
                if self.at_home(request.url):
                    await self.throttle.turn()
                async with self.opened(request, None, what=what, tally=tally, stay=False, exact=True) as opened:
                    body = await self._read(opened.response, what)
            except SourceUnreachable:
                wait = patience.next_wait()
                if wait is None:
                    raise
                await self.pause(wait)
                continue
            response = opened.response
            verdict = self._judge.verdict(response.status, response.headers, body)
            if not self.is_worth_another(response, verdict):
                return Answer(
                    response.status, response.headers, body, opened.url, tally.requests, opened.asked_at, verdict
                )
            await self.wait_or_give_up(patience, response, b"", what, verdict)

    async def credential(self) -> Credential:
        """What goes with requests now; gets a token where there is none, or it is about to expire.

        To be called outside of a slot of the throttle.
        """
        return await self._keeper.credential(self.exchange)

    async def renew(self, refused: Credential) -> bool:
        """After a refusal: get another credential; False where there is no other."""
        return await self._keeper.renew(refused, self.exchange)

    def is_worth_another(self, response: aiohttp.ClientResponse, verdict: Verdict | None) -> bool:
        """Whether an answer asks for another attempt."""
        if verdict is not None:
            return verdict.means in {"throttled", "retry"}
        return response.status in self._connection.retry.statuses or self._is_throttled(response)

    def _is_throttled(self, response: aiohttp.ClientResponse) -> bool:
        quota = self._connection.limits.quota
        used_up = quota is not None and response.headers.get(quota.remaining, "").strip() == "0"
        return is_throttled(response.status, response.headers) or (used_up and response.status in {403, 503})

    def _honour_quota(self, response: aiohttp.ClientResponse) -> None:
        """Where this answer used the last request of a quota, wait for its end rather than be refused."""
        quota = self._connection.limits.quota
        if quota is not None:
            wait, longest = quota_wait(quota, response.headers, clock.now()), _LONGEST_QUOTA_S
        elif exhausted_quota(response.headers) is not None:
            wait, longest = declared_wait(response.headers, clock.now()), _LONGEST_GUESSED_S
        else:
            return
        if wait is not None and wait <= longest:
            self.throttle.pause(wait)

    async def wait_or_give_up(
        self, patience: Patience, response: aiohttp.ClientResponse, body: bytes, what: str, verdict: Verdict | None
    ) -> None:
        """After an answer that is worth another attempt: wait for it, or raise the error that the answer means."""
        throttled = verdict.means == "throttled" if verdict is not None else self._is_throttled(response)
        wait = patience.next_wait(self._asked_wait(response, verdict))
        if wait is None:
            raise refusal(response.status, body, what, verdict, throttled=throttled)
        if throttled:
            self.throttle.pause(wait)
        else:
            await self.pause(wait)

    def _asked_wait(self, response: aiohttp.ClientResponse, verdict: Verdict | None) -> float | None:
        """Seconds that the source asks to wait; None: it does not say."""
        headers, now = response.headers, clock.now()
        if verdict is not None and verdict.rule.wait is not None and verdict.rule.wait in headers:
            return seconds_until(headers[verdict.rule.wait], verdict.rule.wait_as, headers, now)
        wait = declared_wait(headers, now)
        quota = self._connection.limits.quota
        return quota_wait(quota, headers, now) if wait is None and quota is not None else wait

    @asynccontextmanager
    async def opened(
        self, request: Request, credential: Credential | None, *, what: str, tally: Tally, stay: bool,
        whole: bool = True, exact: bool = False,
    ) -> AsyncIterator[Opened]:  # fmt: skip
        """Send one request within a slot of `throttle`; gives the answer, its body unread.

        The first request of the slot is allowed already. With `whole` the body must end within the total time-out, and
        is decompressed. Without a credential the request is anonymous even at the source's own origin; `exact` ones go
        anywhere with all their headers, and no redirect is followed. aiohttp's exceptions, also from reading the body
        inside the block, leave as SourceUnreachable or SourceRefused.
        """
        assert self._session is not None, "a Client is used inside its `async with`"
        is_long = not whole or isinstance(request.body, Streamed)
        timeout = self._timeout(total_s=None) if is_long else aiohttp.helpers.sentinel
        url, host = request.url, ""
        loop = asyncio.get_running_loop()
        try:
            for hop in range(_MOST_REDIRECTS + 1):
                target, at_home = self._target(url, what, credential)
                host = target.host or ""
                if not at_home and stay and (self._confidential or request.body is not None):
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
                began = loop.time()
                about: dict[str, tracing.Value] = {"method": request.method, "host": host, "asked": what}
                with tracing.span("request", current=False, attempt=tally.requests, **about) as told:
                    async with self._session.request(
                        request.method,
                        target,
                        data=request.body.open() if isinstance(request.body, Streamed) else request.body,
                        headers=request.headers if exact else _headers(request.headers, credential, at_home=at_home),
                        allow_redirects=False,
                        timeout=timeout,
                        auto_decompress=whole,
                    ) as response:
                        told.set(status_code=response.status)
                        if response.status in _REDIRECTS and "Location" in response.headers and not exact:
                            if request.method not in _READING and response.status not in _SAME_REQUEST:
                                raise SourceRefused(
                                    f"{what}: the source redirects a {request.method} to what can only be asked by GET"
                                )
                            url = urljoin(url, response.headers["Location"])
                            continue
                        took = timedelta(seconds=loop.time() - began)
                        yield Opened(response, url, asked_at(response.headers, clock.now(), took))
                        return
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreachable(error, host, what) from error
        raise SourceRefused(f"{what}: more than {_MOST_REDIRECTS} redirects, the last one to {url}")

    async def pause(self, seconds: float) -> None:
        """Wait between two attempts of one request."""
        await self._sleep(seconds)

    def at_home(self, url: str) -> bool:
        """Whether this URL is at an origin of the source's own."""
        return url.startswith(self._base_origin) or _parsed(url, url).origin() in self._home

    def without_credential(self, url: str) -> str:
        """The URL without the query parameters that hold the credential: sources repeat them in their links."""
        path, mark, query = url.partition("?")
        secret = self._keeper.query
        if not mark or not secret:
            return url
        # Taken apart as text: a query that is decoded and encoded again may no longer be the one that was signed.
        kept = [one for one in query.split("&") if unquote_plus(one.partition("=")[0]) not in secret]
        return f"{path}?{'&'.join(kept)}" if kept else path

    def _target(self, url: str, what: str, credential: Credential | None) -> tuple[URL, bool]:
        if url.startswith(self._base_origin) and _is_plain(url):
            parsed, at_home = URL(url, encoded=True), True
        else:
            parsed = _parsed(url, what)
            at_home = parsed.origin() in self._home
        if at_home and credential is not None and credential.query:
            parsed = URL(appended(str(parsed), urlencode(credential.query)), encoded=True)
        return parsed, at_home

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


_HARMLESS = frozenset(
    {"accept", "accept-language", "content-type", "range", "if-range", "if-none-match", "if-modified-since"}
)


def is_refused(status: int, verdict: Verdict | None) -> bool:
    """Whether an answer says that the credential is not good."""
    return status == 401 if verdict is None else verdict.means == "credential"


def _headers(headers: Mapping[str, str], credential: Credential | None, *, at_home: bool) -> Mapping[str, str]:
    if at_home:
        return {**headers, **credential.headers} if credential is not None and credential.headers else headers
    # A definition's own headers may hold a secret as well as its `auth`.
    return {name: value for name, value in headers.items() if name.lower() in _HARMLESS}


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
