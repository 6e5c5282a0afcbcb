"""Asks for a backup: a queued run and its job, in one transaction. And finds runs that nobody works on any more."""

import logging
from dataclasses import asdict

from sqlalchemy import Connection

from holdfast.catalog import rebuilding, runs, turns
from holdfast.catalog.runs import Run
from holdfast.operations import acting, jobs
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.services import Services

_log = logging.getLogger(__name__)


def request_backup(services: Services, instance_id: int, options: BackupOptions | None = None) -> tuple[Run, bool]:
    """A queued backup and True, or the instance's active one and False."""
    with services.database.write() as connection:
        rebuilding.refuse_half(connection)
        turn = turns.take(connection, [instance_id]).get(instance_id, 0)
        run, is_new = runs.queue(connection, instance_id, options=asdict(options or BackupOptions()), turn=turn)
        if is_new:
            enqueue(services, connection, run)
            acting.note_of_instance(connection, instance_id, "backup.request", "backup", run.id)
    return run, is_new


def enqueue(services: Services, connection: Connection, run: Run) -> None:
    """The run's job: it has another one each time that it lets others go first."""
    services.engine.enqueue(connection, jobs.BACKUP, run.id, key=job_key(run), turn=run.turn)


def job_key(run: Run) -> str:
    return f"{jobs.BACKUP}-{run.id}" + (f"-{run.gave_way}" if run.gave_way else "")


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
    states = services.engine.states_of(map(job_key, active))
    lost = [run for run in active if job_key(run) not in states or not states[job_key(run)].is_live]
    for run in lost:
        _log.info("backup %d of instance %d had stopped before its end: it goes on", run.id, run.instance_id)
        services.engine.forget(jobs.BACKUP, run.id, key=job_key(run))
        with services.database.write() as connection:
            newest = runs.get(connection, run.id)
            if newest.active:
                enqueue(services, connection, newest)
    return len(lost)
