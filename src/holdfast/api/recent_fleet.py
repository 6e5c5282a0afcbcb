"""Keeps what was read of the fleet for a minute: a reading looks at every instance, and several may scrape."""

import threading
import time

from holdfast.catalog import fleet
from holdfast.catalog.database import Database
from holdfast.catalog.fleet import Fleet

_KEPT_S = 60.0


class RecentFleet:
    """Thread-safe; who comes while it is being read waits for the same answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._found: Fleet | None = None
        self._read_at = 0.0

    def get(self) -> Fleet:
        """The fleet as it was at most a minute ago. Raises CatalogError."""
        with self._lock:
            if self._found is None or time.monotonic() - self._read_at >= _KEPT_S:
                with self._database.read() as connection:
                    self._found = fleet.read(connection)
                self._read_at = time.monotonic()
            return self._found
