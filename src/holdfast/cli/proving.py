"""`verify`, `replicate`: proving that the vault holds what was written, and keeping a second one."""

from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, count, size
from holdfast.cli.parameters import Json, example

if TYPE_CHECKING:
    from holdfast.vault.findings import Finding
    from holdfast.vault.replicating import ReplicaReport

app = typer.Typer()
_PANEL = "Prove and recover"
_STYLES = {"error": "red", "warning": "yellow", "notice": ""}


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast verify", "holdfast verify --structure"))
def verify(
    structure: Annotated[
        bool, typer.Option("--structure", help="Read no data, only what says where it is: quick, and proves less.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that the vault holds what was written.

    Reads every byte. Names each damaged object, what it held and what to do. Exit code 1: something is lost or damaged.
    """
    from holdfast.cli.progress import count_bar
    from holdfast.cli.session import opened
    from holdfast.operations.findings import as_document
    from holdfast.operations.verify import verify as verify_vault
    from holdfast.vault.findings import CheckProgress

    output = Output(as_json=json)
    with opened(even_damaged=True) as session, count_bar(output, "verifying the vault") as bar:

        def show(progress: CheckProgress) -> None:
            said = f"{progress.objects:,} of {count(progress.objects_total, 'object')}, {size(progress.size_bytes)}"
            bar.at(progress.size_bytes, progress.size_bytes_total, said)

        report = verify_vault(session.services, data=not structure, progress=show, found=lambda one: _tell(output, one))
    findings = {
        severity: sum(one.severity == severity for one in report.findings)
        for severity in ("error", "warning", "notice")
    }
    output.document(
        {
            "good": report.is_good,
            "data": report.data,
            "objects": report.objects,
            "bytes": report.size_bytes,
            "findings": [as_document(one) for one in report.findings],
        }
    )
    read = f"{count(report.objects, 'object')}, {size(report.size_bytes)}"
    if not report.is_good:
        output.say(f"The vault is damaged: {count(findings['error'], 'error')} in {read}.", "red")
        raise typer.Exit(NOT_GOOD)
    proved = "every byte is what was written" if report.data else "everything is there; its content was not read"
    aside = f" ({count(findings['warning'], 'warning')})" if findings["warning"] else ""
    output.say(f"The vault is good{aside}: {read}: {proved}.", "green")


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
    with opened() as session, count_bar(output, "replicating the vault") as bar:

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
