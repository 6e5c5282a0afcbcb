"""Asks for a backup: a queued run and its job, in one transaction. And finds runs that nobody works on any more."""

import logging
from dataclasses import asdict

from holdfast.catalog import rebuilding, runs
from holdfast.catalog.runs import Run
from holdfast.operations import acting, jobs
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.services import Services

_log = logging.getLogger(__name__)


def request_backup(services: Services, instance_id: int, options: BackupOptions | None = None) -> tuple[Run, bool]:
    """A queued backup and True, or the instance's active one and False."""
    with services.database.write() as connection:
        rebuilding.refuse_half(connection)
        run, is_new = runs.queue(connection, instance_id, options=asdict(options or BackupOptions()))
        if is_new:
            services.engine.enqueue(connection, jobs.BACKUP, run.id)
            acting.note_of_instance(connection, instance_id, "backup.request", "backup", run.id)
    return run, is_new


def cancel_backup(services: Services, run: Run) -> Run:
    """Ask an active backup to end at its next commit: it keeps what it has. One that has ended stays as it is."""
    with services.database.write() as connection:
        if runs.request_cancel(connection, run.id):
            acting.note_of_instance(connection, run.instance_id, "backup.cancel", "backup", run.id)
        return runs.get(connection, run.id)


def reconcile(services: Services) -> int:
    """Enqueue again every active backup that has no live job; answers how many there were.

    A job is lost when the engine gave up on it, or when its database was put back to an earlier state.
    """
    with services.database.read() as connection:
        active = runs.all_active(connection)
    states = services.engine.states(jobs.BACKUP, [run.id for run in active])
    lost = [run for run in active if run.id not in states or not states[run.id].is_live]
    for run in lost:
        _log.warning("backup %d of instance %d has no job: it is enqueued again", run.id, run.instance_id)
        services.engine.forget(jobs.BACKUP, run.id)
        with services.database.write() as connection:
            if runs.get(connection, run.id).active:
                services.engine.enqueue(connection, jobs.BACKUP, run.id)
    return len(lost)
