"""Keeps what `examining` found, tells of it, and lets somebody say that it was looked at."""

from collections.abc import Sequence

from sqlalchemy import Connection

from holdfast.catalog import alarms, counts, daily_sums, runs, streams
from holdfast.catalog.alarms import Alarm
from holdfast.catalog.daily_sums import day_of
from holdfast.catalog.instances import Instance
from holdfast.clock import parse_time
from holdfast.operations import acting, events, revisions, troubles
from holdfast.operations.alarms.examining import Finding
from holdfast.operations.alarms.figures import figures
from holdfast.operations.services import Services
from holdfast.vault import Manifest


def conclude(connection: Connection, manifest: Manifest, found: Sequence[Finding]) -> None:
    """In the transaction that ends a run: raise the alarms, and learn from the rest what is usual."""
    for one in found:
        alarm = alarms.add(
            connection, manifest.instance_id, run_id=manifest.run_id, sequence=manifest.sequence, kind=one.kind,
            endpoint=one.endpoint, message=one.message, figures=one.figures,
        )  # fmt: skip
        if alarm is not None:
            events.alarm_raised(connection, alarm)
            troubles.alarm_raised(connection, alarm)
            revisions.alarm_changed(connection, alarm.id)
    note_day(connection, manifest)


def note_day(connection: Connection, manifest: Manifest) -> None:
    """Add a run's numbers to its day, but for those that raised an alarm. Once per run, also in a rebuild."""
    before = runs.previous_ended(connection, manifest.instance_id, manifest.sequence)
    earlier = None if before is None else runs.by_sequence(connection, manifest.instance_id, before)
    held = {} if earlier is None else {name: one.held for name, one in counts.of_run(connection, earlier.id).items()}
    raised = alarms.of_runs(connection, manifest.instance_id, manifest.sequence, manifest.sequence)
    flagged = {(alarm.endpoint, alarm.kind) for alarm in raised.get(manifest.sequence, [])}
    day = day_of(parse_time(manifest.ended_at))
    for state in manifest.endpoints:
        stream = streams.find(connection, manifest.instance_id, state.endpoint)
        if stream is None or stream.first_run >= manifest.sequence:
            continue
        mine = figures(state, held.get(state.endpoint, 0))
        daily_sums.add(
            connection, stream.id, day,
            deleted=0 if (state.endpoint, "mass_deletion") in flagged else mine.deleted_now,
            changed=0 if (state.endpoint, "mass_change") in flagged else mine.changed,
        )  # fmt: skip


def protected_sequences(connection: Connection, instance_id: int) -> dict[int, str]:
    """The backups that must not be pruned, by sequence, and why: those before an alarm that nobody has acknowledged.

    One of them may be the last good one.
    """
    waiting = alarms.unacknowledged(connection, instance_id)
    if not waiting:
        return {}
    newest = waiting[-1]
    reason = f"backup {newest.sequence} raised an alarm that is not acknowledged"
    ended = [run for run in runs.all_of_instance(connection, instance_id) if run.ended_at is not None]
    return {run.sequence: reason for run in ended if run.sequence < newest.sequence}


def acknowledge(services: Services, instance: Instance, alarm_id: int) -> Alarm:
    """Somebody has looked at it: it keeps no backups from being pruned any more. Again changes nothing.

    Raises NotFound.
    """
    with services.database.write() as connection:
        alarms.get(connection, alarm_id, instance_id=instance.id)
        if alarms.acknowledge(connection, alarm_id, acting.actor()):
            revisions.alarm_changed(connection, alarm_id)
            troubles.alarm_acknowledged(connection, alarms.get(connection, alarm_id))
            acting.note_of_instance(connection, instance.id, "alarm.acknowledge", "alarm", alarm_id)
        alarm = alarms.get(connection, alarm_id)
    revisions.flush(services)
    return alarm
