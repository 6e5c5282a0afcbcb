"""When something is wrong with an instance or the installation, and when it is over: noted, and told to webhooks, in
the transaction that makes it true. `alerts` sends the mails.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection

from holdfast.catalog import instances, troubles
from holdfast.catalog.alarms import Alarm
from holdfast.catalog.runs import Run
from holdfast.catalog.troubles import InstallationKind, Kind, Trouble
from holdfast.clock import format_time, now, timedelta
from holdfast.operations import events
from holdfast.operations.services import Services
from holdfast.vault.findings import Finding

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


def vault_checked(connection: Connection, findings: Sequence[Finding], *, is_whole: bool) -> None:
    """What a check of the vault has found. `is_whole`: it knows of everything, so that what it did not find is over."""
    found: dict[int | None, list[Finding]] = defaultdict(list)
    for one in findings:
        if one.severity == "error":
            found[one.instance_id].append(one)
    for stranger in {one for one in found if one is not None} - instances.known(connection, found):
        found[None] += found.pop(stranger)  # the catalog has never heard of it, or no more
    for instance_id, some in found.items():
        _begin(connection, instance_id, "vault_damaged", _damage(some, "vault"))
    if is_whole:
        for healed in {None, *troubles.damaged_instances(connection)} - found.keys():
            _end(connection, healed, "vault_damaged")


def replica_checked(connection: Connection, url: str, findings: Sequence[Finding], *, is_whole: bool) -> None:
    """The same of a replica: those who run the installation are told."""
    errors = [one for one in findings if one.severity == "error"]
    if errors:
        _begin(connection, None, "replica_damaged", _damage(errors, f"replica {url}", " --replica"), url)
    elif is_whole:
        _end(connection, None, "replica_damaged", url)


def replica_followed(connection: Connection, url: str, problem: str | None) -> None:
    """What came of bringing a replica up to date; `problem` says why it does not hold everything."""
    if problem is None:
        _end(connection, None, "replica_behind", url)
    else:
        _begin(connection, None, "replica_behind", f"the replica {url} is not up to date: {problem}", url)


def _damage(errors: Sequence[Finding], where: str, option: str = "") -> str:
    more = f", and {len(errors) - 1:,} more" if len(errors) > 1 else ""
    advice = f"`holdfast verify{option}` names everything, `holdfast repair{option}` mends it"
    return f"the {where} has lost something or is damaged: {errors[0].object_name} {errors[0].what}{more}. {advice}."


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


def _begin(
    connection: Connection, instance_id: int | None, kind: Kind | InstallationKind, message: str, subject: str = ""
) -> bool:
    begun: Trouble | None = troubles.begin(connection, instance_id, kind, message, subject)
    if begun is not None:
        events.trouble_began(connection, begun)
    return begun is not None


def _end(connection: Connection, instance_id: int | None, kind: Kind | InstallationKind, subject: str = "") -> None:
    for one in troubles.end(connection, instance_id, [kind], subject):
        events.trouble_ended(connection, one)
