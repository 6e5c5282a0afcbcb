"""When instances are backed up: what a schedule means, the next due time, and the scan that queues what is due.

Hourly, daily and weekly ones are due at a moment of the hour, day or week that is the instance's own, drawn from its
id: so a fleet's backups spread evenly, and `next_due_at` is the truth. Cron expressions are due when they say, and up
to a minute later, for the same reason. What was missed while nothing ran is due once, at once.
"""

import hashlib
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from holdfast.catalog import runs, schedules, turns
from holdfast.catalog.instances import Instance
from holdfast.clock import now
from holdfast.errors import InputError
from holdfast.operations import acting, revisions
from holdfast.operations.backup.request import enqueue
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.services import Services

Frequency = Literal["off", "hourly", "daily", "weekly", "cron"]
_PERIODS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_CRON_JITTER = timedelta(minutes=1)
_AT_ONCE = 100
"""Instances queued in one transaction: some 20 ms on SQLite."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    frequency: Frequency
    cron: str | None = None
    time_zone: str | None = None

    @property
    def text(self) -> str:
        """As `parse` reads it."""
        return self.cron if self.cron is not None else self.frequency


OFF = Schedule("off")


def parse(text: str, time_zone: str | None = None) -> Schedule:
    """`off`, `hourly`, `daily`, `weekly`, or a cron expression of five fields with its time zone (else UTC).

    Raises InputError.
    """
    text = " ".join(text.split())
    if text == "off" or text in _PERIODS:
        if time_zone is not None:
            raise InputError("only a cron expression has a time zone", field="time_zone", code="invalid")
        return Schedule(text)  # type: ignore[arg-type]
    zone = time_zone or "UTC"
    if len(text.split()) != 5:
        raise InputError(
            f"{text!r} is no schedule: write off, hourly, daily, weekly, or a cron expression of five fields",
            field="schedule",
            code="invalid",
        )
    schedule = Schedule("cron", text, zone)
    _zone(zone)
    if next_due(schedule, 0, now()) is None:
        raise InputError(f"{text!r} never comes", field="schedule", code="invalid")
    return schedule


def of_instance(instance: Instance) -> Schedule:
    return Schedule(instance.frequency, instance.cron, instance.time_zone)  # type: ignore[arg-type]


def next_due(schedule: Schedule, instance_id: int, after: datetime) -> datetime | None:
    """The first due time after a moment; None: there is none. Raises InputError for a bad cron expression."""
    share = int.from_bytes(hashlib.sha256(str(instance_id).encode()).digest()[:8]) / 2**64
    if schedule.frequency == "off":
        return None
    if schedule.frequency == "cron":
        jitter = timedelta(seconds=int(share * _CRON_JITTER.total_seconds()))
        found = _next_by_cron(schedule, after - jitter)
        return None if found is None else found + jitter
    period = _PERIODS[schedule.frequency]
    epoch = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(share * period.total_seconds()))
    return epoch + ((after - epoch) // period + 1) * period


def set_schedule(services: Services, instance: Instance, schedule: Schedule) -> None:
    """From now on this schedule; the same one again changes nothing, also not when the next backup is due."""
    if schedule == of_instance(instance):
        return
    with services.database.write() as connection:
        schedules.change(
            connection,
            instance.id,
            frequency=schedule.frequency,
            cron=schedule.cron,
            time_zone=schedule.time_zone,
            next_due_at=next_due(schedule, instance.id, now()),
        )
        revisions.instance_changed(connection, instance.id)
        acting.note_of_instance(
            connection, instance.id, "instance.schedule", "instance", instance.id, schedule=schedule.text
        )
    revisions.flush(services)


def queue_due(services: Services) -> int:
    """Queue a backup of every instance whose time has come; answers how many came up.

    To be called again and again, by any number of schedulers. One that is being backed up at this moment is left alone:
    its next time is the next one.
    """
    count = 0
    while True:
        with services.database.write() as connection:
            moment = now()
            due = schedules.due(connection, moment, _AT_ONCE)
            turn = turns.take(connection, [one.instance_id for one in due])
            for one in due:
                run, is_new = runs.queue(
                    connection, one.instance_id, options=asdict(BackupOptions()), turn=turn[one.instance_id]
                )
                if is_new:
                    enqueue(services, connection, run)
            schedules.move(connection, {one.instance_id: _next_of(one, moment) for one in due})
        count += len(due)
        if len(due) < _AT_ONCE:
            return count


def _next_of(due: schedules.Due, moment: datetime) -> datetime | None:
    schedule = Schedule(due.frequency, due.cron, due.time_zone)  # type: ignore[arg-type]
    try:
        return next_due(schedule, due.instance_id, moment)
    except (
        InputError
    ) as error:  # a time zone that this machine does not know: better a wrong time than none, and no end
        _log.error("the schedule of instance %d cannot be read: %s", due.instance_id, error)
        return moment + timedelta(days=1)


def _next_by_cron(schedule: Schedule, after: datetime) -> datetime | None:
    assert schedule.cron is not None, "a cron schedule has an expression"
    local = after.astimezone(_zone(schedule.time_zone or "UTC"))
    try:
        return next(CronSim(schedule.cron, local)).astimezone(UTC)
    except StopIteration:
        return None
    except CronSimError as error:
        raise InputError(
            f"{schedule.cron!r} is no cron expression: {str(error).lower()}", field="schedule", code="invalid"
        ) from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"{name!r} is no time zone: write one like Europe/Berlin", field="time_zone", code="invalid"
        ) from error
