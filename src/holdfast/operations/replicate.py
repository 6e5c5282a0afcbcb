"""Brings the replicas up to date: by hand, and by a worker again and again. How, `vault.replicating` says."""

import logging
from collections.abc import Callable
from contextlib import suppress

from holdfast.catalog import erasures, packs, replications
from holdfast.clock import now
from holdfast.engine import Interrupted
from holdfast.errors import InputError, StorageError, VaultError
from holdfast.operations.findings import as_document
from holdfast.operations.locking import KEYS, locked, unless_busy
from holdfast.operations.services import Services
from holdfast.storage import Storage, probe
from holdfast.vault.replicating import ReplicaReport, Replication

REPLICA = "replica"
"""The lock for copying: two processes at once would only do the same."""

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
        return [_replicate(services, replica, progress) for replica in services.replicas]


def replicate_regularly(services: Services) -> None:
    """What a worker does until it stops. A replica that does not answer is no reason to let the others wait."""

    def heed(_: ReplicaReport) -> None:
        if services.engine.stopping.is_set():
            raise Interrupted

    with suppress(Interrupted), unless_busy(), locked(services, REPLICA):
        for replica in services.replicas:
            try:
                report = _replicate(services, replica, heed)
            except (StorageError, VaultError) as error:
                _log.warning("the replica %s was not brought up to date: %s", replica.url, error)
                continue
            for finding in report.findings:
                _log.warning("replica %s: %s", replica.url, finding)


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
    services: Services, replica: Storage, progress: Callable[[ReplicaReport], None] | None
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
    with services.database.write() as connection:
        replications.begin(connection, replica.url, now())
    with locked(services, KEYS):
        replication.copy_keys()
    replication.copy_customers()
    # Those whose erasure is under way are left to it: its certificate says which keys it destroyed.
    replication.drop_erased(ended)
    report = replication.report
    with services.database.write() as connection:
        replications.end(
            connection, replica.url, now(), objects=report.objects, size_bytes=report.size_bytes,
            findings=[as_document(finding) for finding in report.findings], is_complete=report.is_complete,
        )  # fmt: skip
    return report
