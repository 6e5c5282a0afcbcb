"""Notices what ends a run from outside while it waits for its source: the worker stops, the lease is lost, a cancel."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

from holdfast.catalog import runs
from holdfast.engine import Interrupted
from holdfast.errors import CatalogBusy
from holdfast.operations.backup.leasing import Lease
from holdfast.operations.services import Services

_LOOK_S = 0.25
_LOOKS_PER_QUERY = 8
"""The catalog is asked for a cancel every two seconds; commits look for themselves."""


class Canceled(Exception):
    """Somebody asked for the run to be canceled."""


class Watch:
    def __init__(self, services: Services, run_id: int, lease: Lease) -> None:
        self._services = services
        self._run_id = run_id
        self._lease = lease

    def check(self) -> None:
        """Raises Interrupted where this worker stops, CatalogBusy where the lease is lost."""
        if self._services.engine.stopping.is_set():
            raise Interrupted
        if self._lease.lost.is_set():
            raise CatalogBusy("the lease of this instance was lost")

    async def over(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` to its end, or end it at once where something else ends the run: sources may make it wait long."""
        working = asyncio.create_task(work)
        try:
            for look in count(1):
                done, _ = await asyncio.wait({working}, timeout=_LOOK_S)
                if done:
                    return working.result()
                self.check()
                if look % _LOOKS_PER_QUERY == 0:
                    await asyncio.to_thread(self._raise_if_canceled)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({working})

    def _raise_if_canceled(self) -> None:
        with self._services.database.read() as connection:
            if runs.get(connection, self._run_id).cancel_requested_at is not None:
                raise Canceled
