"""Tries again where another storage says that it is unavailable, so that no caller of a storage needs a loop."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from holdfast.errors import StorageUnavailable
from holdfast.storage.names import check_prefix
from holdfast.storage.protocol import ObjectInfo, Storage

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """How often, and after what pauses, something is tried again.

    With these numbers a storage may be away for two minutes: a provider's restart or failover, not its outage.
    """

    tries: int = 12
    first_pause_s: float = 0.25
    longest_pause_s: float = 20.0

    def pauses(self) -> Iterator[float]:
        """The pauses between the tries, in seconds: each about twice the last, half of it by chance.

        The chance keeps many workers, which lost a storage at the same moment, from all coming back at the same moment.
        """
        for number in range(self.tries - 1):
            pause = min(self.longest_pause_s, self.first_pause_s * 2.0**number)
            yield random.uniform(pause / 2, pause)


class RetryingStorage:
    """A storage that hides passing unavailability of another one.

    Each method may be repeated (see `Storage`): a put whose first try succeeded unseen finds its own bytes the second
    time, which is a success. Permanent errors pass through at once; so does the last `StorageUnavailable`.
    """

    def __init__(
        self, storage: Storage, patience: Patience | None = None, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._storage = storage
        self._patience = patience or Patience()
        self._sleep = sleep
        self.url = storage.url

    @property
    def inner(self) -> Storage:
        """The storage whose unavailability is hidden."""
        return self._storage

    def put(self, name: str, data: bytes | memoryview) -> None:
        self._try(lambda: self._storage.put(name, data))

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self._try(lambda: self._storage.get(name, start, length))

    def size(self, name: str) -> int:
        return self._try(lambda: self._storage.size(name))

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        check_prefix(after)
        return self._listing(prefix, after)

    def delete(self, name: str) -> None:
        self._try(lambda: self._storage.delete(name))

    def destroy(self, name: str) -> None:
        self._try(lambda: self._storage.destroy(name))

    def retry(self, call: Callable[[], Result]) -> Result:
        """Any other call of the storage beneath, with the same patience."""
        return self._try(call)

    def _listing(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        pauses = self._patience.pauses()
        while True:
            try:
                for info in self._storage.list(prefix, after):
                    yield info
                    # Only after it was taken: from here on the listing goes on behind it, with fresh patience.
                    after = info.name
                    pauses = self._patience.pauses()
            except StorageUnavailable as error:
                self._pause(pauses, error)
            else:
                return

    def _try(self, call: Callable[[], Result]) -> Result:
        pauses = self._patience.pauses()
        while True:
            try:
                return call()
            except StorageUnavailable as error:
                self._pause(pauses, error)

    def _pause(self, pauses: Iterator[float], error: StorageUnavailable) -> None:
        pause = next(pauses, None)
        if pause is None:
            raise error
        _log.warning("storage unavailable, next try in %.1f s: %s", pause, error)
        self._sleep(pause)
