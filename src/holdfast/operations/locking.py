"""Holding the lock for one kind of work on the vault as a whole, so that two processes do not do it at once."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection

from holdfast.catalog import locks
from holdfast.errors import CatalogBusy, Conflict, HoldfastError
from holdfast.operations.services import Services

KEYS = "keys"
"""For what changes wrapped keys: rotation of the root key, erasure of a customer."""
_TTL = timedelta(seconds=60)
_RENEW_S = 15.0
_log = logging.getLogger(__name__)


@contextmanager
def locked(services: Services, name: str) -> Iterator[Callable[[Connection], None]]:
    """Hold the lock and keep renewing it; what is yielded proves it in a transaction.

    Raises Conflict (code `busy`) where another process holds it; a dead one's runs out after a minute.
    """
    with services.database.write() as connection:
        token = locks.acquire(connection, name, services.engine.executor_id, _TTL)
        holder = locks.holder(connection, name)
    if token is None:
        raise Conflict(
            f"another process works on the {name} of the vault: {holder}",
            hint="Try again when it is done; if it has died, in a minute.",
            code="busy",
        )
    done = threading.Event()

    def renew() -> None:
        while not done.wait(_RENEW_S):
            try:
                with services.database.write() as connection:
                    locks.fence(connection, name, token)
            except CatalogBusy as error:
                _log.warning("the lock for %s could not be renewed yet: %s", name, error)
            except HoldfastError as error:
                _log.warning("%s", error)
                return

    keeper = threading.Thread(target=renew, name=f"lock-{name}", daemon=True)
    keeper.start()
    try:
        yield lambda connection: locks.fence(connection, name, token)
    finally:
        done.set()
        keeper.join()
        with services.database.write() as connection:
            locks.release(connection, name, token)


def in_turn(services: Services, name: str, pause: timedelta, duty: Callable[[], object]) -> bool:
    """Do a duty unless some worker does it now or has done it within the last `pause`; says whether it was done here.

    So that many workers together do it as often as one. A duty that fails, or whose worker dies, is done by whoever
    comes next.
    """
    done, is_done = f"{name} done", False
    with unless_busy(), locked(services, name):
        with services.database.read() as connection:
            is_due = locks.holder(connection, done) is None
        if is_due:
            began = time.monotonic()
            duty()
            left = pause - timedelta(seconds=time.monotonic() - began)
            with services.database.write() as connection:
                locks.acquire(connection, done, services.engine.executor_id, max(left, timedelta(seconds=1)))
            is_done = True
    return is_done


@contextmanager
def unless_busy() -> Iterator[None]:
    """Leave the block where another process does its work: for what is tried again later by itself."""
    try:
        yield
    except Conflict as error:
        if error.code != "busy":
            raise
        _log.info("%s", error)
