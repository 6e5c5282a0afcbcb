"""Notices what ends a run from outside while it waits for its source: the worker stops, the lease is lost, a cancel."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any

from holdfast.catalog import runs, turns
from holdfast.catalog.columns import microseconds
from holdfast.catalog.runs import Run
from holdfast.clock import now
from holdfast.engine import Interrupted
from holdfast.errors import CatalogBusy
from holdfast.operations.backup.leasing import Lease
from holdfast.operations.services import Services

_LOOK_S = 0.25
_LOOKS_PER_QUERY = 8
"""The catalog is asked for a cancel every two seconds; commits look for themselves."""
_WAITING_S = 5.0
"""Whoever has waited for less may only be about to begin."""


class Canceled(Exception):
    """Somebody asked for the run to be canceled."""


class GivesWay(Interrupted):
    """Others wait, and this run has gone on for long: it goes on when it is its turn again."""


class Lookout(ABC):
    """Watches over work under a lease. What else may end it, `_raise_if_not_wanted` says."""

    def __init__(self, services: Services, lease: Lease) -> None:
        self._services = services
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
                    await asyncio.to_thread(self._raise_if_not_wanted)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({working})

    @abstractmethod
    def _raise_if_not_wanted(self) -> None:
        """Asked every two seconds, in a thread."""


class Watch(Lookout):
    """Over a backup."""

    def __init__(self, services: Services, run: Run, lease: Lease) -> None:
        super().__init__(services, lease)
        self._run_id = run.id
        # Twice as long each time: a listing that cannot be resumed comes to its end at some time.
        keeps = timedelta(minutes=services.settings.turn_minutes) * 2.0 ** min(run.gave_way, 16)
        self._gives_way_at = time.monotonic() + keeps.total_seconds()

    def _raise_if_not_wanted(self) -> None:
        with self._services.database.read() as connection:
            if runs.get(connection, self._run_id).cancel_requested_at is not None:
                raise Canceled
            if time.monotonic() < self._gives_way_at:
                return
            waiting_since = now() - timedelta(seconds=_WAITING_S)
            if turns.somebody_waits(connection, self._run_id, microseconds(waiting_since)):
                raise GivesWay
