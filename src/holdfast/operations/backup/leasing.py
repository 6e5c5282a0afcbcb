"""Holding an instance's lease while one of its runs goes on: taking it, renewing it, noticing that it is lost."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from holdfast.catalog import leases
from holdfast.engine import Interrupted
from holdfast.errors import CatalogBusy, HoldfastError
from holdfast.operations.services import Services

_TTL_SHARE = 0.5
"""Of the time after which a worker is dead: whoever takes a run over does not have to wait for its lease."""
_LONGEST_TTL_S = 15.0
_RENEWALS = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """A held lease. Every commit proves it anew with `token`; `lost` is set where renewing it has failed."""

    token: int
    lost: threading.Event = field(default_factory=threading.Event)


@contextmanager
def leased(services: Services, instance_id: int) -> Iterator[Lease]:
    """Hold the instance's lease and keep renewing it.

    Waits for a dead holder's lease to run out. Raises CatalogBusy where a live one does not let go of it.
    """
    database, holder = services.database, services.engine.executor_id
    ttl_s = min(_LONGEST_TTL_S, _TTL_SHARE * services.settings.worker_dead_seconds)
    deadline = time.monotonic() + 2 * ttl_s
    while True:
        with database.write() as connection:
            if services.engine.is_sole_worker:
                leases.break_others(connection, instance_id, holder)
            token = leases.acquire(connection, instance_id, holder, timedelta(seconds=ttl_s))
        if token is not None:
            break
        if services.engine.stopping.wait(0.5):
            raise Interrupted
        if time.monotonic() > deadline:
            raise CatalogBusy(f"instance {instance_id} is in the hands of another worker")
    lease, done = Lease(token), threading.Event()

    def renew() -> None:
        while not done.wait(ttl_s / _RENEWALS):
            try:
                with database.write() as connection:
                    leases.fence(connection, instance_id, token)
            except CatalogBusy as error:
                _log.warning("the lease of instance %d could not be renewed yet: %s", instance_id, error)
            except HoldfastError as error:
                _log.warning("%s", error)
                lease.lost.set()
                return

    keeper = threading.Thread(target=renew, name=f"lease-{instance_id}", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        done.set()
        keeper.join()
        with database.write() as connection:
            leases.release(connection, instance_id, token)
