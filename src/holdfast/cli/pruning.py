"""`holdfast prune`: which backups and bytes go, shown first, and letting them go."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli import completion
from holdfast.cli.confirming import confirm
from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, count, moment, size
from holdfast.cli.owners import find_instance
from holdfast.cli.parameters import Json, Yes, example

if TYPE_CHECKING:
    from holdfast.cli.session import Session
    from holdfast.operations.prune import InstancePlan, InstanceReport, PrunePlan, PruneReport
    from holdfast.operations.retention import RetentionRules

app = typer.Typer()
_PANEL = "Keep and let go"

StorageUrl = Annotated[
    str | None,
    typer.Option(
        "--storage-url",
        metavar="URL",
        help="The same vault with a credential that may delete.  [default: HOLDFAST_PRUNE_STORAGE_URL]",
    ),
]


@app.command(
    rich_help_panel=_PANEL,
    epilog=example("holdfast prune --dry-run", "holdfast prune", 'holdfast prune mine --keep "last=7 daily=30" --yes'),
)
def prune(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Only these instances, by name or id; else all there are, removed ones too.",
            autocompletion=completion.instance_names,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would go, change nothing.")] = False,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="RULES", help="These rules instead of the policies, this once.")
    ] = None,
    yes: Yes = False,
    storage_url: StorageUrl = None,
    json: Json = False,
) -> None:
    """Let go of the backups that no policy keeps, and give their space back.

    Shows first what goes, and asks before a backup is forgotten. Beside running backups; what an instance that is being
    backed up could lose goes the next time. It may be stopped at any moment. Exit code 1: not everything could be done.
    """
    from holdfast.cli.progress import count_bar
    from holdfast.cli.session import opened
    from holdfast.operations import acting, object_locks
    from holdfast.operations import prune as operation
    from holdfast.operations.retention import RetentionRules

    output = Output(as_json=json)
    rules = None if keep is None else RetentionRules.parse(keep)
    with opened(deletes=not dry_run, storage_url=storage_url) as session:
        chosen = [find_instance(session, name) for name in names] if names else None
        with output.busy("looking at what is kept"):
            planned = operation.plan(session.services, chosen, rules=rules)
        _show_plan(session, output, planned, rules)
        if dry_run:
            output.document({"dry_run": True, **_plan_document(planned)})
            return
        if planned.forgotten and not yes:
            confirm(f"Forget {count(planned.forgotten, 'backup')} for ever?")
        with count_bar(output, "pruning") as bar:
            done: list[InstanceReport] = []

            def show(one: "InstanceReport") -> None:
                done.append(one)
                bar.at(len(done), len(planned.instances), f"{len(done)} of {count(len(planned.instances), 'instance')}")

            report = operation.prune(
                session.services, planned, actor=acting.actor(), rules=rules, progress=show
            )  # fmt: skip
        locks = object_locks.extend_locks(session.services) if object_locks.wants_locks(session.services) else None
        output.document(
            {
                "dry_run": False,
                **_plan_document(planned),
                "report": _report_document(report),
                "locks": None if locks is None else asdict(locks),
            }
        )
        _tell(output, report)
        if locks is not None and locks.until is not None:
            output.say(f"{count(locks.extended, 'lock')} extended until {moment(locks.until, to='minute')}.")
    if not report.is_complete:
        raise typer.Exit(NOT_GOOD)


def _show_plan(
    session: "Session", output: Output, planned: "PrunePlan", rules: "RetentionRules | None"
) -> None:  # fmt: skip
    from holdfast.operations import retention

    shown = [one for one in planned.instances if one.does_something or one.busy or len(planned.instances) == 1]
    rows = []
    for one in shown:
        held = sum("legal hold" in reasons for reasons in one.kept.values())
        keeps = rules or retention.rules_of(session.services, one.instance_id)[1]
        rows.append(
            [
                one.label or str(one.instance_id), str(keeps),
                len(one.kept), len(one.forgotten), held or None, one.packs_deleted, one.packs_rewritten,
                size(one.size_bytes), size(one.freed_bytes), one.busy or "",
            ]
        )  # fmt: skip
    output.table(
        ["instance", "keeps", "kept #", "go #", "held #", "packs go #", "rewritten #", "stored", "given back", ""], rows
    )
    if planned.does_something:
        output.say(
            f"{count(planned.forgotten, 'backup')} of {len(planned.instances)} instances to forget, about "
            f"{size(planned.freed_bytes)} of {size(planned.size_bytes)} to give back."
        )
    else:
        output.say("Nothing has to go.")


def _tell(output: Output, report: "PruneReport") -> None:
    forgotten = sum(one.forgotten for one in report.instances)
    written = sum(one.packs_written for one in report.instances)
    output.say(
        f"Forgot {count(forgotten, 'backup')}, gave back {size(max(report.freed_bytes, 0))}"
        + (f" ({count(written, 'pack')} written anew)" if written else "")
        + (
            f", {count(report.orphans_deleted, 'left-over')} of broken-off writes removed"
            * bool(report.orphans_deleted)
        )
        + ".",
        "green" if report.is_complete else "",
    )
    for one in report.instances:
        name = one.label or f"instance {one.instance_id}"
        if one.postponed:
            output.say(f"{name}: {one.postponed}: the next prune goes on.", "yellow")
        if one.locked:
            until = f"until {moment(one.locked_until, to='minute')}" if one.locked_until else "for now"
            output.say(f"{name}: object locks keep {count(one.locked, 'object')} {until}; a prune after that goes on.")
        if one.refused:
            output.say(f"{name}: the credential may not delete {count(one.refused, 'object')}.", "yellow")
        if one.hidden:
            output.say(
                f"{name}: {count(one.hidden, 'object')} deleted, of which the bucket keeps earlier versions: their "
                f"{size(one.hidden_bytes)} are given back by a credential with s3:DeleteObjectVersion, or by a "
                "lifecycle rule for noncurrent versions.",
                "yellow",
            )
        for text in one.damaged:
            output.say(f"{name}: {text}", "red")
    for text in report.problems:
        output.say(text, "red")


def _plan_document(planned: "PrunePlan") -> dict[str, Any]:
    return {
        "forgotten": planned.forgotten,
        "stored_bytes": planned.size_bytes,
        "freed_bytes": planned.freed_bytes,
        "instances": [_instance_document(one) for one in planned.instances],
    }


def _instance_document(one: "InstancePlan") -> dict[str, Any]:
    return {
        "instance": one.label,
        "id": one.instance_id,
        "customer_id": one.customer_id,
        "kept": [{"backup": sequence, "because": list(reasons)} for sequence, reasons in sorted(one.kept.items())],
        "forgotten": [
            {"backup": run.sequence, "status": run.status, "ended_at": run.ended_at} for run in one.forgotten
        ],
        "versions_dropped": one.versions_dropped,
        "packs": one.packs,
        "packs_deleted": one.packs_deleted,
        "packs_rewritten": one.packs_rewritten,
        "stored_bytes": one.size_bytes,
        "rewritten_bytes": one.rewritten_bytes,
        "freed_bytes": one.freed_bytes,
        "busy": one.busy,
    }


def _report_document(report: "PruneReport") -> dict[str, Any]:
    return {
        "complete": report.is_complete,
        "freed_bytes": report.freed_bytes,
        "orphans_deleted": report.orphans_deleted,
        "problems": report.problems,
        "instances": [asdict(one) for one in report.instances],
    }
