"""Keeps a credential that has to be asked for: gets it, renews it before it expires and when it is refused, one request
at a time. A new refresh token is handed on to be stored before anything is done with it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from holdfast import clock
from holdfast.errors import CredentialRefused
from holdfast.sources.auth import Credential, Send
from holdfast.sources.exchange import Request, asking
from holdfast.sources.retrying import clock_difference
from holdfast.sources.tokens import Grant, Token

__all__ = ["Session", "TokenRotated"]

TokenRotated = Callable[[str, str], None]
"""Stores durably a variable's new value (key, value) before it returns. Called in a thread of its own."""
_EARLY_S = 60.0
_EARLY_SHARE = 0.1
"""A token is renewed so long before it expires: a minute, or a tenth of its life where that is less."""
_CLOCKS_DIFFER = timedelta(seconds=20)
"""Beyond this a refusal may be about our clock."""


class Session:
    """One credential of a source. To be used from one event loop."""

    def __init__(
        self, grant: Grant, refresh_token: str | None, query: Mapping[str, str], rotated: TokenRotated | None,
        *, monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        """`query` goes with every credential; `rotated` is needed where there is a refresh token."""
        self._grant = grant
        self._refresh_token = refresh_token
        self._rotated = rotated
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._current: Credential | None = None
        self._good_until: float | None = None
        self._ahead = timedelta(0)
        """How far the source's clock is ahead of ours, once that has mattered."""
        self._secrets: list[str] = []
        self.query = query

    def secrets(self) -> Sequence[str]:
        return self._secrets

    async def credential(self, send: Send) -> Credential:
        current = self._current
        if current is not None and self._is_good():
            return current
        async with self._lock:
            if self._current is None or not self._is_good():
                self._current = await self._get(send)
            return self._current

    async def renew(self, refused: Credential, send: Send) -> bool:
        async with self._lock:
            if self._current is refused:
                self._current = await self._get(send)
            return True

    def _is_good(self) -> bool:
        return self._good_until is None or self._monotonic() < self._good_until

    async def _get(self, send: Send) -> Credential:
        self._current = None
        asked = self._monotonic()
        token = await self._ask(send)
        self._secrets = [*self._secrets[-20:], token.access, *([token.refresh] if token.refresh else [])]
        variable = self._grant.variable
        if variable is not None and token.refresh is not None and token.refresh != self._refresh_token:
            assert self._rotated is not None, "Source refuses to begin without it"
            # From now on the source may refuse the old one, and nobody else knows the new one.
            await asyncio.to_thread(self._rotated, variable, token.refresh)
            self._refresh_token = token.refresh
        self._good_until = None
        if token.lifetime_s is not None:
            self._good_until = asked + token.lifetime_s - min(_EARLY_S, token.lifetime_s * _EARLY_SHARE)
        return Credential(dict(self._grant.headers(token)), self.query)

    async def _ask(self, send: Send) -> Token:
        request = self._request()
        with asking(request):
            answer = await send(request, self._grant.what)
        try:
            with asking(request):
                return self._grant.read(answer)
        except CredentialRefused:
            ahead = clock_difference(answer.headers, clock.now())
            if self._grant.variable is not None or ahead is None or abs(ahead - self._ahead) < _CLOCKS_DIFFER:
                raise
            self._ahead = ahead
        request = self._request()
        with asking(request):
            return self._grant.read(await send(request, self._grant.what))

    def _request(self) -> Request:
        return self._grant.request(clock.now() + self._ahead, self._refresh_token)
