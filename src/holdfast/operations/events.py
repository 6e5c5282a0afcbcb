"""What happened to an instance, told to those who ask: its log, its vendor's webhooks, its usage.

Each function is called in the transaction that makes true what it tells of.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import msgspec
from sqlalchemy import Connection

from holdfast.catalog import counts, customers, instances, logs, packs, runs, usage, webhooks
from holdfast.catalog.alarms import Alarm
from holdfast.catalog.exports import Export
from holdfast.catalog.restores import Restore
from holdfast.catalog.runs import Run
from holdfast.catalog.troubles import Trouble
from holdfast.catalog.usage import Amounts
from holdfast.clock import format_time, now
from holdfast.operations.feed.cursors import Cursor

EVENTS = (
    "backup.started",
    "backup.successful",
    "backup.failed",
    "backup.canceled",
    "changes.available",
    "alarm.raised",
    "trouble.began",
    "trouble.ended",
    "export.successful",
    "export.failed",
    "export.canceled",
    "restore.started",
    "restore.successful",
    "restore.failed",
    "restore.canceled",
)
"""What webhooks can be asked to tell."""

_FAILURES_LOGGED = 50
_LEVELS = {"successful": "info", "canceled": "warning", "failed": "error"}


def backup_started(connection: Connection, run: Run) -> None:
    """To be called once per run: not when it is resumed."""
    logs.write(connection, run.instance_id, "info", f"backup {run.sequence} started", backup_id=run.id)
    _publish(connection, run.instance_id, "backup.started", _backup(run))


def backup_ended(connection: Connection, run_id: int) -> None:
    """To be called after `runs.end`, where that says that it ended the run."""
    run = runs.get(connection, run_id)
    logs.write(
        connection,
        run.instance_id,
        _LEVELS[run.status],
        f"backup {run.sequence} {_outcome(run.status)}{_numbers(run.counters)}",
        backup_id=run.id,
        **run.counters,
    )
    _log_failures(connection, run.instance_id, run.failures, backup_id=run.id)
    _publish(connection, run.instance_id, f"backup.{run.status}", _backup(run))
    _publish_changes(connection, run)
    counted = counts.of_run(connection, run.id).values()
    amounts = Amounts(
        runs=1,
        requests=sum(one.requests for one in counted),
        records_read=sum(one.listed for one in counted),
        bytes_read=sum(one.bytes_read for one in counted),
        bytes_stored=sum(pack.size_bytes for pack in packs.of_run(connection, run.id)),
    )
    usage.add(connection, run.instance_id, (run.ended_at or now()).astimezone(UTC).date(), amounts)


def _publish_changes(connection: Connection, run: Run) -> None:
    """That the change feed has something new, and from which cursor on; what it is stands in the feed alone."""
    numbers = {name: run.counters.get(name, 0) for name in ("new", "changed", "deleted", "blobs")}
    if any(numbers.values()):
        about = {"backup_id": run.id, "backup_instance_id": run.instance_id, "after": Cursor(run.sequence).text()}
        _publish(connection, run.instance_id, "changes.available", about | numbers)


def alarm_raised(connection: Connection, alarm: Alarm) -> None:
    about = {"alarm_id": alarm.id, "kind": alarm.kind, "endpoint": alarm.endpoint, "backup_id": alarm.run_id}
    logs.write(connection, alarm.instance_id, "warning", f"alarm: {alarm.message}", **about)
    data = {"backup_instance_id": alarm.instance_id, "message": alarm.message, "figures": dict(alarm.figures)}
    _publish(connection, alarm.instance_id, "alarm.raised", about | data)


def trouble_began(connection: Connection, trouble: Trouble) -> None:
    if trouble.instance_id is not None:  # those of the installation are no vendor's
        _publish(connection, trouble.instance_id, "trouble.began", _trouble(trouble))


def trouble_ended(connection: Connection, trouble: Trouble) -> None:
    if trouble.instance_id is not None:
        _publish(connection, trouble.instance_id, "trouble.ended", _trouble(trouble))


def _trouble(trouble: Trouble) -> dict[str, Any]:
    return {
        "id": trouble.id,
        "backup_instance_id": trouble.instance_id,
        "kind": trouble.kind,
        "message": trouble.message,
        "began_at": format_time(trouble.began_at),
        "ended_at": None if trouble.ended_at is None else format_time(trouble.ended_at),
    }


def export_ended(connection: Connection, export: Export, size_bytes: int | None) -> None:
    """To be called after `exports.end`, where that says that it ended the export."""
    logs.write(
        connection,
        export.instance_id,
        _LEVELS[export.status],
        f"export {_outcome(export.status)}: {export.records_processed:,} records",
        export_id=export.id,
        backup_id=export.run_id,
        size_bytes=size_bytes,
    )
    _log_failures(connection, export.instance_id, export.failures, export_id=export.id)
    data = {
        "id": export.id,
        "backup_instance_id": export.instance_id,
        "backup_run_id": export.run_id,
        "status": export.status,
        "records_processed": export.records_processed,
        "records_failed": export.records_failed,
        "failures": list(export.failures[:_FAILURES_LOGGED]),
    }
    _publish(connection, export.instance_id, f"export.{export.status}", data)


def restore_started(connection: Connection, restore: Restore) -> None:
    """To be called once per restore: not when it is resumed. A plan is told of in the log alone."""
    what = "plan of a restore" if restore.options.get("dry_run") else "restore"
    about = {"restore_id": restore.id, "backup_id": restore.run_id, "target_instance_id": restore.target_id}
    logs.write(connection, restore.instance_id, "info", f"{what} of backup {restore.sequence} started", **about)
    if not restore.options.get("dry_run"):
        _publish(connection, restore.instance_id, "restore.started", _restore(restore))


def restore_ended(connection: Connection, restore: Restore) -> None:
    """To be called after `restores.end`, where that says that it ended the restore."""
    about = {"restore_id": restore.id, "backup_id": restore.run_id, "target_instance_id": restore.target_id}
    what = "plan of a restore" if restore.options.get("dry_run") else "restore"
    numbers = {name: number for name, number in restore.counters.items() if name != "endpoints" and number}
    said = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in numbers.items()) or "nothing to do"
    logs.write(
        connection, restore.instance_id, _LEVELS[restore.status],
        f"{what} of backup {restore.sequence} {_outcome(restore.status)}: {said}", **about,
    )  # fmt: skip
    _log_failures(connection, restore.instance_id, restore.failures, restore_id=restore.id)
    if not restore.options.get("dry_run"):
        _publish(connection, restore.instance_id, f"restore.{restore.status}", _restore(restore))


def _restore(restore: Restore) -> dict[str, Any]:
    return {
        "id": restore.id,
        "backup_instance_id": restore.instance_id,
        "target_instance_id": restore.target_id,
        "backup_id": restore.run_id,
        "status": restore.status,
        "complete": restore.complete,
        "counters": {name: number for name, number in restore.counters.items() if name != "endpoints"},
        "failures": list(restore.failures[:_FAILURES_LOGGED]),
    }


def _outcome(status: str) -> str:
    return {"successful": "was successful", "failed": "failed", "canceled": "was canceled"}[status]


def _numbers(counters: Mapping[str, Any]) -> str:
    told = [f"{counters[name]:,} {name}" for name in ("new", "changed", "deleted") if counters.get(name)]
    if "live" not in counters:
        return ""
    return f": {counters['live']:,} records" + (f", {', '.join(told)}" if told else ", nothing changed")


def _log_failures(
    connection: Connection, instance_id: int, failures: Sequence[Mapping[str, Any]], **about: int
) -> None:  # fmt: skip
    moment = now()
    logs.add(
        connection,
        instance_id,
        [(moment, "error", str(one.get("message", "")), {**one, **about}) for one in failures[:_FAILURES_LOGGED]],
    )


def _backup(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "backup_instance_id": run.instance_id,
        "status": run.status,
        "started_at": None if run.started_at is None else format_time(run.started_at),
        "ended_at": None if run.ended_at is None else format_time(run.ended_at),
        "counters": dict(run.counters),
        "failures": [dict(one) for one in run.failures[:_FAILURES_LOGGED]],
    }


def _publish(connection: Connection, instance_id: int, event: str, data: Mapping[str, Any]) -> None:
    """As Standard Webhooks has it: type, timestamp, data."""
    instance = instances.get(connection, instance_id, deleted=True)
    customer = customers.get(connection, instance.customer_id, deleted=True)
    told = {
        "type": event,
        "timestamp": format_time(now()),
        "data": {**data, "customer_id": customer.id, "customer_name": customer.name},
    }
    webhooks.publish(connection, customer.vendor_id, event, msgspec.json.encode(told))
