"""`verify`, `repair`, `replicate`: proving that the vault holds what was written, mending it, keeping a second one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, count, moment, size
from holdfast.cli.parameters import Json, example
from holdfast.errors import InputError

if TYPE_CHECKING:
    from holdfast.catalog.verifications import Verification
    from holdfast.cli.progress import CountBar
    from holdfast.cli.session import Session
    from holdfast.operations.repair import RepairReport
    from holdfast.operations.verify import Plan, VerifyReport
    from holdfast.vault.findings import CheckProgress, Finding
    from holdfast.vault.replicating import ReplicaReport

app = typer.Typer()
_PANEL = "Prove and recover"
_STYLES = {"error": "red", "warning": "yellow", "notice": ""}


@app.command(
    rich_help_panel=_PANEL,
    epilog=example("holdfast verify", "holdfast verify --sample 5% --rate 20", "holdfast verify --replica"),
)
def verify(
    structure: Annotated[
        bool, typer.Option("--structure", help="Read no data, only what says where it is: quick, and proves less.")
    ] = False,
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="N%", help="Read the data of so many of the packs, by chance.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="MB/S", min=0.001, help="Read at most so many megabytes a second.")
    ] = None,
    replica: Annotated[bool, typer.Option("--replica", help="Prove the replicas instead of the vault.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin at the beginning, not where an earlier check was broken off.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that the vault holds what was written.

    Reads every byte. Names each damaged object, what it held and what to do. Broken off, it goes on the next time. A
    worker proves everything once in 30 days by itself. Exit code 1: something is lost or damaged.
    """
    from holdfast.cli.session import opened
    from holdfast.operations.verify import Plan

    output = Output(as_json=json)
    plan = Plan(_share(sample, structure=structure), None if rate is None else rate * 1e6, anew)
    with opened(even_damaged=True) as session:
        reports = _verify_replicas(output, session, plan) if replica else [_verify_vault(output, session, plan)]
    documents = [_told(output, what, report) for what, report in reports]
    output.document({"replicas": documents} if replica else documents[0])
    if not all(report.is_good for _, report in reports):
        raise typer.Exit(NOT_GOOD)


def _share(sample: str | None, *, structure: bool) -> float:
    """Of all data, how much is to be read: 0.0 to 1.0."""
    if sample is None:
        return 0.0 if structure else 1.0
    if structure:
        raise InputError("--sample and --structure contradict each other", field="--sample")
    try:
        percent = float(sample.strip().removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0.0 < percent <= 100.0:
        raise InputError(f"--sample {sample!r} is no percentage", field="--sample", hint="Write 5% or 0.5%.")
    return percent / 100.0


def _verify_vault(output: Output, session: "Session", plan: "Plan") -> tuple[str, "VerifyReport"]:
    from holdfast.cli.progress import count_bar
    from holdfast.operations.verify import verify_resumably

    with count_bar(output, "verifying the vault", estimates=True) as bar:
        report = verify_resumably(
            session.services,
            plan,
            progress=lambda state: _show(bar, state),
            found=lambda finding: _tell(output, finding),
            begun=lambda verification: _tell_begun(output, verification),
        )
    return "The vault", report


def _verify_replicas(output: Output, session: "Session", plan: "Plan") -> list[tuple[str, "VerifyReport"]]:
    from holdfast.cli.progress import count_bar
    from holdfast.operations.verify import verify_resumably

    services = session.services
    if not services.replicas:
        raise InputError("there is no replica", field="--replica", hint="HOLDFAST_REPLICA_URL names replicas.")
    reports = []
    for one in services.replicas:
        with count_bar(output, f"verifying {one.url}", estimates=True) as bar:
            report = verify_resumably(
                services,
                plan,
                replica=one,
                progress=partial(_show, bar),
                found=lambda finding: _tell(output, finding),
                begun=lambda verification: _tell_begun(output, verification),
            )
        reports.append((f"The replica {one.url}", report))
    return reports


def _show(bar: "CountBar", state: "CheckProgress") -> None:
    said = f"{state.objects:,} of {count(state.objects_total, 'object')}, {size(state.read_bytes)}"
    bar.at(state.read_bytes, state.read_bytes_total, said)


def _tell_begun(output: Output, verification: "Verification") -> None:
    if verification.position:
        begun = moment(verification.started_at, to="minute")
        output.note(f"Going on with the check that began at {begun}; --anew begins at the beginning.")


def _told(output: Output, what: str, report: "VerifyReport") -> dict[str, Any]:
    from holdfast.operations.findings import as_document

    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = sum(finding.severity == "warning" for finding in report.findings)
    read = f"{count(report.objects, 'object')}, {size(report.size_bytes)}"
    if not report.is_good:
        output.say(f"{what} is damaged: {count(errors, 'error')} in {read}.", "red")
    else:
        proved = "everything is there; its content was not read"
        if report.share:
            proved = (
                f"everything is there; {100 * report.share:.3g}% of its content, chosen by chance, is what was written"
            )
        if report.data:
            proved = "every byte is what was written"
        aside = f" ({count(warnings, 'warning')})" if warnings else ""
        output.say(f"{what} is good{aside}: {read}: {proved}.", "green")
    return {
        "good": report.is_good,
        "data": report.data,
        "share": report.share,
        "objects": report.objects,
        "bytes": report.size_bytes,
        "findings": [as_document(finding) for finding in report.findings],
    }


@app.command(
    rich_help_panel=_PANEL,
    epilog=example("holdfast repair", "holdfast repair --data --forget-lost", "holdfast repair --replica"),
)
def repair(
    data: Annotated[
        bool, typer.Option("--data", help="Read all data first, not only what earlier checks have found damaged.")
    ] = False,
    forget_lost: Annotated[
        bool,
        typer.Option("--forget-lost", help="Let backups no longer claim what cannot be had; they name it as lost."),
    ] = False,
    replica: Annotated[bool, typer.Option("--replica", help="Mend the replicas from the vault instead.")] = False,
    json: Json = False,
) -> None:
    """Mend what a check has found.

    Takes lost or damaged objects from a replica; without one writes anew what keys and catalog know, and lets the next
    backup store again what the source still has: back up, then repair once more. Says what cannot be had. Exit code 1:
    something is still lost or damaged.
    """
    from holdfast.cli.progress import count_bar
    from holdfast.operations.repair import repair as repair_vault
    from holdfast.operations.repair import repair_replica

    output = Output(as_json=json)
    if replica and (data or forget_lost):
        raise InputError("--replica goes with neither --data nor --forget-lost", field="--replica")
    with _opened_to_repair() as session:
        services = session.services
        if replica:
            if not services.replicas:
                raise InputError("there is no replica", field="--replica", hint="HOLDFAST_REPLICA_URL names replicas.")
            reports = []
            for one in services.replicas:
                with count_bar(output, f"repairing {one.url}", estimates=True) as bar:
                    reports.append(repair_replica(services, one, progress=partial(_show, bar)))
        else:
            with count_bar(output, "repairing the vault", estimates=True) as bar:
                reports = [
                    repair_vault(services, data=data, forget_lost=forget_lost, progress=partial(_show, bar))
                ]  # fmt: skip
    documents = [_told_repair(output, report) for report in reports]
    output.document({"replicas": documents} if replica else documents[0])
    if not all(report.is_whole for report in reports):
        raise typer.Exit(NOT_GOOD)


@contextmanager
def _opened_to_repair() -> Iterator["Session"]:
    """Also where the installation's keys are lost, if a replica has them."""
    from holdfast.app import take_keys_from_replica
    from holdfast.cli.session import opened
    from holdfast.errors import Damaged
    from holdfast.settings import load_settings

    with ExitStack() as stack:
        try:
            session = stack.enter_context(opened(even_damaged=True, deletes=True))
        except Damaged:
            if not take_keys_from_replica(load_settings()):
                raise
            session = stack.enter_context(opened(even_damaged=True, deletes=True))
        yield session


def _told_repair(output: Output, report: "RepairReport") -> dict[str, Any]:
    from holdfast.operations.findings import as_document, held_document

    for mended in report.mended:
        output.say(f"{mended.object_name}: {mended.how}", "green")
    for waiting in report.waiting:
        name = waiting.label or str(waiting.instance_id)
        output.say(f"{waiting.object_name}: waits for the next backup: {'; '.join(map(str, waiting.held))}", "yellow")
        output.say(f"→ `holdfast backup {name}`, then `holdfast repair` again.", indent=2)
    for gone in report.not_had:
        held = "; ".join(map(str, gone.held))
        output.say(f"{gone.object_name}: cannot be had, from versions before the newest: {held}", "red")
        if gone.is_forgotten:
            output.say("→ Its backups no longer claim to have it, and name it as lost.", indent=2)
        else:
            output.say("→ `holdfast repair --forget-lost` lets its backups no longer claim to have it.", indent=2)
    for finding in report.problems:
        _tell(output, finding)
    if report.is_whole:
        output.say("Nothing is lost or damaged now.", "green")
    else:
        errors = sum(finding.severity == "error" for finding in report.left)
        output.say(f"Still lost or damaged: {count(errors, 'error')}: holdfast verify names them.", "red")
    return {
        "whole": report.is_whole,
        "mended": [{"object": one.object_name, "how": one.how} for one in report.mended],
        "waiting_for_backup": [
            {
                "object": one.object_name,
                "instance_id": one.instance_id,
                "instance": one.label,
                "held": held_document(one.held),
            }
            for one in report.waiting
        ],
        "not_to_be_had": [
            {
                "object": one.object_name,
                "instance_id": one.instance_id,
                "forgotten": one.is_forgotten,
                "held": held_document(one.held),
            }
            for one in report.not_had
        ],
        "problems": [as_document(finding) for finding in report.problems],
        "findings": [as_document(finding) for finding in report.left],
    }


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast replicate"))
def replicate(json: Json = False) -> None:
    """Bring every replica up to date.

    Copies what is new, proved first, to the storages in HOLDFAST_REPLICA_URL, and deletes there what a prune or an
    erasure took away. What the vault has lost stays there. A worker does this by itself. Exit code 1: something could
    not be copied.
    """
    from holdfast.cli.progress import count_bar
    from holdfast.cli.session import opened
    from holdfast.operations.findings import as_document
    from holdfast.operations.replicate import replicate as replicate_vault

    output = Output(as_json=json)
    with opened() as session, count_bar(output, "replicating the vault", estimates=True) as bar:

        def show(report: "ReplicaReport") -> None:
            said = f"{report.objects:,} of {count(report.objects_total, 'object')}, {size(report.size_bytes)}"
            bar.at(report.size_bytes, report.size_bytes_total, said)

        reports = replicate_vault(session.services, progress=show)
    output.document(
        {
            "replicas": [
                {
                    "url": report.url,
                    "complete": report.is_complete,
                    "objects_copied": report.objects,
                    "bytes_copied": report.size_bytes,
                    "objects_deleted": report.deleted,
                    "bytes_deleted": report.deleted_bytes,
                    "deletions_refused": report.refused,
                    "findings": [as_document(finding) for finding in report.findings],
                }
                for report in reports
            ]
        }
    )
    for report in reports:
        done = f"copied {count(report.objects, 'object')}, {size(report.size_bytes)}"
        if report.deleted:
            done += f"; deleted {count(report.deleted, 'object')}, {size(report.deleted_bytes)}"
        state = "is up to date" if report.is_complete else "does not hold everything"
        output.say(f"{report.url} {state}: {done}.", "green" if report.is_complete else "red")
        for finding in report.findings:
            _tell(output, finding)
        if report.refused:
            refused = count(report.refused, "object")
            output.note(f"{refused} may not be deleted there; the next time it is tried again.", "yellow")
    if not all(report.is_complete for report in reports):
        raise typer.Exit(NOT_GOOD)


def _tell(output: Output, finding: "Finding") -> None:
    output.say(str(finding), _STYLES[finding.severity])
    output.say(f"→ {finding.advice}", indent=2)
