"""Remembers for a moment whose a token is, so that a client that asks often does not cost a look-up each time."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from anyio.to_thread import run_sync

from holdfast.clock import now
from holdfast.operations import tokens
from holdfast.operations.services import Services
from holdfast.operations.tokens import Caller

REMEMBERED_S = 1.0
"""How long another process's revocation may go unnoticed; this process's own are noticed at once."""
_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float


class KnownTokens:
    """Thread-safe. Only good tokens are remembered."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    async def find(self, token: str) -> Caller | None:
        """Whose token this is; None where it is good for nothing."""
        known = self._known.get(token)
        if known is not None and time.monotonic() < known.until:
            return known.caller if now() < known.caller.expires_at else None
        caller = await run_sync(tokens.find, self._services, token)
        if caller is not None:
            with self._lock:
                self._known[token] = _Known(caller, time.monotonic() + REMEMBERED_S)
                while len(self._known) > _AT_MOST:
                    self._known.popitem(last=False)
        return caller

    def forget_all(self) -> None:
        """Something was revoked or disabled: look everybody up again."""
        with self._lock:
            self._known.clear()
