"""When something is wrong with an instance, and when it is over: noted, and told to webhooks, in the transaction that
makes it true. `alerts` sends the mails.
"""

from sqlalchemy import Connection

from holdfast.catalog import troubles
from holdfast.catalog.alarms import Alarm
from holdfast.catalog.runs import Run
from holdfast.catalog.troubles import Kind, Trouble
from holdfast.clock import format_time, now, timedelta
from holdfast.operations import events
from holdfast.operations.services import Services

_OVER_WITH_A_GOOD_BACKUP: tuple[Kind, ...] = ("backup_failed", "credential_refused", "backup_late")
_OVER_WHEN_ACKNOWLEDGED: tuple[Kind, ...] = ("alarm",)
_AT_ONCE = 500
_KEPT = timedelta(days=90)


def backup_ended(connection: Connection, run: Run) -> None:
    """To be called once per run, as it has ended."""
    if run.status == "failed":
        refused = next((one for one in run.failures if one.get("code") == "credential_refused"), None)
        first = refused or next(iter(run.failures), {})
        message = f"backup {run.sequence} failed: {first.get('message', 'it does not say why')}"
        _begin(connection, run.instance_id, "credential_refused" if refused else "backup_failed", message)
    elif run.status == "successful":
        for one in troubles.end(connection, run.instance_id, _OVER_WITH_A_GOOD_BACKUP):
            events.trouble_ended(connection, one)


def alarm_raised(connection: Connection, alarm: Alarm) -> None:
    _begin(connection, alarm.instance_id, "alarm", alarm.message, str(alarm.id))


def alarm_acknowledged(connection: Connection, alarm: Alarm) -> None:
    for one in troubles.end(connection, alarm.instance_id, _OVER_WHEN_ACKNOWLEDGED, str(alarm.id)):
        events.trouble_ended(connection, one)


def look_for_late(services: Services) -> int:
    """Note every instance whose due backup has not ended in time; answers how many were not known before."""
    hours = services.settings.alert_late_hours
    count = 0
    with services.database.write() as connection:
        for instance_id, since in troubles.late(connection, now() - timedelta(hours=hours), _AT_ONCE):
            message = f"the backup that was due at {format_time(since)} has not ended after {hours:g} hours"
            count += _begin(connection, instance_id, "backup_late", message)
    return count


def forget_old(services: Services) -> int:
    with services.database.write() as connection:
        return troubles.forget(connection, now() - _KEPT)


def _begin(connection: Connection, instance_id: int, kind: Kind, message: str, subject: str = "") -> bool:
    begun: Trouble | None = troubles.begin(connection, instance_id, kind, message, subject)
    if begun is not None:
        events.trouble_began(connection, begun)
    return begun is not None
