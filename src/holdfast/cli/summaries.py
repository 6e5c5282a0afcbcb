"""What became of a backup, for people and as JSON: per endpoint what is new, changed, unchanged and deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from holdfast.catalog import counts, runs
from holdfast.catalog.counts import EndpointCounts
from holdfast.catalog.runs import Run
from holdfast.cli import alarms, skips
from holdfast.cli.failures import tell_failures
from holdfast.cli.output import Output, count, duration
from holdfast.cli.session import Session
from holdfast.errors import NotFound

_STYLES = {
    "successful": "green",
    "failed": "red",
    "canceled": "yellow",
    "interrupted": "yellow",
    "in_progress": "cyan",
    "queued": "cyan",
}
SAID = {"failed": "failed", "canceled": "was canceled", "in_progress": "is under way", "queued": "is waiting"}
_OUTCOMES = {"complete": "", "partial": "read in part", "carried": "not read", "skipped": "skipped"}
"""An endpoint's outcome, for people."""
_NOTHING = "nothing changed: no pack and no record version was written"
_SHOWN = ("new", "changed", "deleted", "held", "moved", "skipped", "absent", "blobs", "requests", "bytes_read")


def style(status: str) -> str:
    return _STYLES.get(status, "")


def tell_run(session: Session, output: Output, name: str, run: Run, *, all_failures: bool = False) -> None:
    """The whole of one backup."""
    counted = endpoint_counts(session, run)
    tell_endpoints(output, counted)
    skips.tell(output, skips.of_run(session, run, counted))
    output.say(sentence(name, run), style(run.status))
    if run.failures:
        tell_failures(
            output,
            name,
            run.failures,
            secrets=secrets(session, name),
            shown=None if all_failures else 10,
            number=run.sequence,
        )
    alarms.tell(output, name, alarms.of_runs(session, [run]).get(run.sequence, []))


def tell_endpoints(output: Output, counted: Mapping[str, EndpointCounts]) -> None:
    """The table of a backup's endpoints."""
    if not counted:
        return
    output.table(
        ["endpoint", "records #", "new #", "changed #", "unchanged #", "deleted #", "blobs #", "held #", "outcome"],
        [
            [
                name, one.live, one.new, one.changed, unchanged(one), one.deleted, one.blobs, one.held or None,
                _OUTCOMES[one.outcome],
            ]
            for name, one in counted.items()
        ],
    )  # fmt: skip


def sentence(name: str, run: Run) -> str:
    """One line about a run."""
    numbers = run.counters
    within = f" in {took(run)}" if run.ended_at is not None else ""
    changes = [f"{numbers[key]:,} {key}" for key in ("new", "changed", "deleted") if numbers.get(key)]
    if numbers.get("blobs"):
        changes.append(count(numbers["blobs"], "blob"))
    if run.status == "successful":
        records = count(numbers.get("live", 0), "record")
        return f"Backup {run.sequence} of {name} is complete{within}: {records}; {', '.join(changes) or _NOTHING}."
    kept = f" It keeps what it has read: {', '.join(changes)}." if changes else ""
    return f"Backup {run.sequence} of {name} {SAID.get(run.status, run.status)}{within}.{kept}"


def took(run: Run) -> str:
    """From its beginning to its end, interruptions included."""
    if run.ended_at is None:
        return ""
    return duration((run.ended_at - (run.started_at or run.queued_at)).total_seconds())


def changed_nothing(run: Run) -> bool:
    return not any(run.counters.get(key) for key in ("new", "changed", "deleted", "blobs", "packs"))


def unchanged(counted: EndpointCounts) -> int | None:
    """Records that are as they were before; None where the endpoint was not read to its end, so that nobody knows."""
    return counted.live - counted.new - counted.changed if counted.outcome == "complete" else None


def endpoint_counts(session: Session, run: Run) -> dict[str, EndpointCounts]:
    with session.services.database.read() as connection:
        return counts.of_run(connection, run.id)


def document(session: Session, name: str, run: Run) -> dict[str, Any]:
    """A run as JSON."""
    counted = endpoint_counts(session, run)
    endpoints = [
        {"endpoint": endpoint, "outcome": one.outcome, "records": one.live, "unchanged": unchanged(one)}
        | {key: getattr(one, key) for key in _SHOWN}
        for endpoint, one in counted.items()
    ]
    return {
        "instance": name,
        "backup": run.sequence,
        "id": run.id,
        "status": run.status,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "packs": run.counters.get("packs", 0),
        "changed_nothing": run.status == "successful" and changed_nothing(run),
        "endpoints": endpoints,
        "skips": [asdict(one) for one in skips.of_run(session, run, counted)],
        "failures": list(run.failures),
        "alarms": [alarms.document(one) for one in alarms.of_runs(session, [run]).get(run.sequence, [])],
    }


def newest(session: Session, instance_id: int, limit: int) -> Sequence[Run]:
    """An instance's newest runs, newest first."""
    with session.services.database.read() as connection:
        return runs.all_of_instance(connection, instance_id)[-limit:][::-1]


def by_number(session: Session, instance_id: int, number: int) -> Run:
    """Raises NotFound."""
    with session.services.database.read() as connection:
        run = runs.by_sequence(connection, instance_id, number)
    if run is None:
        hint = "`holdfast backups` lists them."
        raise NotFound(f"there is no backup number {number}", field="N", hint=hint)
    return run


def secrets(session: Session, name: str) -> list[str]:
    """The keys of an instance's secret variables."""
    from holdfast.operations.definitions import loaded

    definition = loaded(session.services, session.definition(session.instance(name)))
    return [] if definition is None else [one.key for one in definition.variables if one.secret]
