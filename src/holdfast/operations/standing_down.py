"""A worker that the vault's storage does not answer any more, while others live, gives its runs to them.

Its heart beats on, so nobody would take them over; and they would wait here for as long as only this machine's way to
the storage is cut.
"""

import logging
import time
from collections.abc import Callable

from holdfast.engine import Ticker
from holdfast.errors import StorageUnavailable
from holdfast.operations.services import Services
from holdfast.storage import without_patience
from holdfast.vault import names

_LOOKS = 6
_SHARE = 0.6
"""Of the time after which a silent worker is dead."""
_log = logging.getLogger(__name__)


class StorageWatch:
    """From `start` to `stop`; calls `stand_down` once, in a thread of its own, after everything was given up here."""

    def __init__(
        self, services: Services, stand_down: Callable[[], object], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._services = services
        self._stand_down = stand_down
        self._silent_s = _SHARE * services.settings.worker_dead_seconds
        self._silent_since: float | None = None
        self._ticker = Ticker("storage watch")

    def start(self) -> None:
        if not self._services.engine.is_sole_worker:
            self._ticker.every(self._silent_s / _LOOKS, self.look, name="storage watch")
            self._ticker.start()

    def stop(self) -> None:
        self._ticker.stop(timeout_s=1.0)

    def look(self) -> None:
        """Ask the storage for something small. Where it has been silent for too long, and others live: stand down."""
        moment = self._clock()
        try:
            without_patience(self._services.storage).size(names.MARKER)
        except StorageUnavailable as error:
            if self._silent_since is None:
                self._silent_since = moment
            if self._clock() - self._silent_since < self._silent_s or not self._others_live():
                return
            _log.error("the storage does not answer this worker, others take its runs over: %s", error)
            self._services.engine.give_up()
            self._stand_down()
        else:
            self._silent_since = None

    def _others_live(self) -> bool:
        engine = self._services.engine
        return any(worker.is_alive and worker.executor_id != engine.executor_id for worker in engine.workers())
