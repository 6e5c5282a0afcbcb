"""Asks for a restore, queued with its job in one transaction; cancels one; finds those that nobody works on."""

import logging
from dataclasses import asdict

from holdfast.catalog import rebuilding, restores
from holdfast.catalog.instances import Instance
from holdfast.catalog.restores import Restore
from holdfast.errors import Conflict
from holdfast.operations import acting, jobs
from holdfast.operations.browsing import State
from holdfast.operations.restore.context import given
from holdfast.operations.restore.options import RestoreOptions
from holdfast.operations.services import Services

_log = logging.getLogger(__name__)


def request_restore(
    services: Services, instance: Instance, state: State, target: Instance, options: RestoreOptions
) -> Restore:  # fmt: skip
    """A queued restore. Raises InputError for what makes no sense, Conflict while another one writes to the target."""
    given(services, instance, state, target, options)
    with services.database.write() as connection:
        rebuilding.refuse_half(connection)
        active = restores.active_at(connection, target.id)
        if active is not None:
            raise Conflict(
                f"restore {active.id} is under way there", code="restore_active", hint="Wait for its end, or cancel it."
            )
        made = restores.queue(
            connection, instance.id, target.id, run_id=state.run.id, sequence=state.run.sequence,
            options={**asdict(options), "where": list(options.where)},
        )  # fmt: skip
        services.engine.enqueue(connection, jobs.RESTORE, made.id)
        acting.note_of_instance(
            connection, instance.id, "restore.request", "restore", made.id, backup_id=state.run.id,
            target_instance_id=target.id, dry_run=options.dry_run,
        )  # fmt: skip
    return made


def cancel_restore(services: Services, restore: Restore) -> Restore:
    """Ask an active restore to end before its next write; what it has written stays. An ended one stays as it is."""
    with services.database.write() as connection:
        if restores.request_cancel(connection, restore.id):
            acting.note_of_instance(connection, restore.instance_id, "restore.cancel", "restore", restore.id)
        return restores.get(connection, restore.id)


def reconcile(services: Services) -> int:
    """Enqueue again every active restore that has no live job; answers how many there were."""
    with services.database.read() as connection:
        active = restores.all_active(connection)
    states = services.engine.states(jobs.RESTORE, [one.id for one in active])
    lost = [one for one in active if one.id not in states or not states[one.id].is_live]
    for one in lost:
        _log.info("restore %d had stopped before its end: it goes on", one.id)
        services.engine.forget(jobs.RESTORE, one.id)
        with services.database.write() as connection:
            if restores.get(connection, one.id).active:
                services.engine.enqueue(connection, jobs.RESTORE, one.id)
    return len(lost)
