"""Brings the replicas up to date: by hand, and by a worker again and again. How, `vault.replicating` says.

A worker looks at the customers whom the catalog, or a listing of all keys and revisions, knows to have changed; once a
day, as always by hand, at everybody.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from holdfast.catalog import erasures, packs, replications
from holdfast.catalog.replications import ReplicaState
from holdfast.clock import now, timedelta
from holdfast.engine import Interrupted
from holdfast.errors import InputError, StorageError, VaultError
from holdfast.operations import troubles
from holdfast.operations.findings import as_document
from holdfast.operations.locking import KEYS, locked, unless_busy
from holdfast.operations.services import Services
from holdfast.storage import Storage, probe
from holdfast.vault.replicating import ReplicaReport, Replication

REPLICA = "replica"
"""The lock for copying: two processes at once would only do the same."""

_EVERYBODY_EVERY = timedelta(days=1)
"""What no catalog tells of, such as a repair, reaches a replica after this long."""
_MARGIN = timedelta(hours=1)
"""Clocks of workers differ, and what a transaction says to be so at a time is there a little later."""

_log = logging.getLogger(__name__)


def replicate(services: Services, *, progress: Callable[[ReplicaReport], None] | None = None) -> list[ReplicaReport]:
    """Bring every replica up to date, one after the other. What stands in the way is in the reports.

    Raises InputError where there are no replicas, VaultError (code `replica_unfit`), Conflict (code `busy`) where
    another process is at it, StorageError where a storage does not answer or is full: the next call goes on.
    """
    if not services.replicas:
        raise InputError(
            "there is no replica to bring up to date",
            field="HOLDFAST_REPLICA_URL",
            hint="Name a second storage in HOLDFAST_REPLICA_URL.",
        )
    with locked(services, REPLICA):
        return [_replicate(services, replica, progress, since=None) for replica in services.replicas]


def replicate_regularly(services: Services) -> None:
    """What a worker does until it stops. A replica that does not answer is no reason to let the others wait."""

    def heed(_: ReplicaReport) -> None:
        if services.engine.stopping.is_set():
            raise Interrupted

    with suppress(Interrupted), unless_busy(), locked(services, REPLICA):
        for replica in services.replicas:
            with services.database.read() as connection:
                state = replications.find(connection, replica.url)
            try:
                report = _replicate(services, replica, heed, since=_since(state))
            except (StorageError, VaultError) as error:
                _log.warning("the replica %s was not brought up to date: %s", replica.url, error)
                if not error.retryable or _is_old(services, state):
                    with services.database.write() as connection:
                        troubles.replica_followed(connection, replica.url, str(error))
                continue
            for finding in report.findings:
                _log.warning("replica %s: %s", replica.url, finding)


def _since(state: ReplicaState | None) -> datetime | None:
    """What has changed since is to be looked at; None: everything."""
    if state is None or state.follows_until is None or state.compared_at is None:
        return None
    if now() - state.compared_at >= _EVERYBODY_EVERY:
        return None
    return state.follows_until - _MARGIN


def _is_old(services: Services, state: ReplicaState | None) -> bool:
    """Whether people should know that a replica is not to be reached."""
    last = None if state is None else state.completed_at or state.started_at
    return last is not None and now() - last >= timedelta(hours=services.settings.alert_late_hours)


def _tidy(replica: Storage) -> None:
    """Take away what a probe that was broken off has left, where that is allowed."""
    for info in list(replica.list("probe/")):
        try:
            replica.delete(info.name)
        except StorageError as error:
            if error.code != "storage_refused":
                raise
            return


def _replicate(
    services: Services, replica: Storage, progress: Callable[[ReplicaReport], None] | None, *, since: datetime | None
) -> ReplicaReport:  # fmt: skip
    def is_live(pack_id: str) -> bool:
        with services.database.read() as connection:
            return packs.is_live(connection, pack_id)

    with services.database.read() as connection:
        known = erasures.all_erasures(connection)
    ended = [erasure.customer_id for erasure in known if erasure.ended_at is not None]
    replication = Replication(
        services.vault, replica, is_live=is_live, erased={erasure.customer_id for erasure in known}, told=progress
    )
    if not replication.check_target():
        _tidy(replica)
        probe(replica)
        since = None
    with services.database.write() as connection:
        replications.begin(connection, replica.url, now())
    customers: set[int] | None = None
    if since is not None:
        with services.database.read() as connection:
            customers = replications.changed_since(connection, since)
            ended = [one.customer_id for one in known if one.ended_at is not None and one.ended_at >= since]
        customers |= replication.differing()
    with locked(services, KEYS):
        replication.copy_keys(customers)
    replication.copy_customers(customers)
    # Those whose erasure is under way are left to it: its certificate says which keys it destroyed.
    replication.drop_erased(ended)
    report = replication.report
    with services.database.write() as connection:
        replications.end(
            connection, replica.url, now(), objects=report.objects, size_bytes=report.size_bytes,
            findings=[as_document(finding) for finding in report.findings], is_complete=report.is_complete,
            looked_at_all=customers is None,
        )  # fmt: skip
        problem = next((str(finding) for finding in report.findings if finding.severity == "error"), None)
        troubles.replica_followed(connection, replica.url, problem)
    return report
