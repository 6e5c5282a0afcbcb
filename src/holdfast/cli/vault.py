"""`export`, `rebuild`: getting data out, and coming back after a disaster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, get_args

import typer

from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, count, size
from holdfast.cli.parameters import At, Backup, Json, Name, example, parse_time
from holdfast.errors import InputError

if TYPE_CHECKING:
    from holdfast.operations.export import Format

app = typer.Typer()
_PANEL = "Prove and recover"


@app.command(
    rich_help_panel=_PANEL,
    epilog=example(
        "holdfast export mine", "holdfast export mine -o mine.zip --formats csv", "holdfast export mine --backup 3"
    ),
)
def export(
    name: Name,
    target: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A folder to make; or a zip, by a name that ends in .zip. - is a zip to standard output."
            " Without it: a folder, named after instance and backup.",
        ),
    ] = None,
    formats: Annotated[
        str, typer.Option("--formats", metavar="LIST", help="json, csv, blobs; by commas.")
    ] = "json,blobs",
    endpoint: Annotated[list[str] | None, typer.Option("--endpoint", help="Only this one; may be repeated.")] = None,
    backup: Backup = None,
    at: At = None,
    uncompressed: Annotated[
        bool, typer.Option("--uncompressed", help="A zip takes a quarter less time and three times the space.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    json: Json = False,
) -> None:
    """Write what a backup holds into a folder or a zip.

    Unencrypted: records as JSON Lines, their blobs as files; CSV for spreadsheets with --formats csv. A manifest.json
    has the counts and the SHA-256 of every file.
    """
    from holdfast.cli.failures import tell_failures
    from holdfast.cli.files import STANDARD_OUTPUT
    from holdfast.cli.progress import count_bar
    from holdfast.cli.session import opened
    from holdfast.cli.summaries import SAID
    from holdfast.operations.export import ExportReport, write_export
    from holdfast.operations.export.paths import safe_name

    output = Output(as_json=json and target != STANDARD_OUTPUT)
    chosen = _formats(formats)
    with opened() as session:
        instance = session.instance(name)
        state = session.state(instance, backup=backup, at=parse_time(at))
        known = {one.name: one.records for one in session.browser.endpoints(state)}
        for wanted in endpoint or []:
            if wanted not in known:
                raise InputError(
                    f"there is no endpoint {wanted}", field="--endpoint", hint=f"There are: {', '.join(known)}."
                )
        target = target or safe_name(f"{name}-{state.run.sequence}")
        if uncompressed and not _is_zip(target):
            raise InputError("a folder's files are never compressed", field="--uncompressed")
        total = sum(number for one, number in known.items() if not endpoint or one in endpoint)
        with count_bar(output, f"exporting {name}") as bar, _written(target, force=force) as place:

            def show(report: ExportReport) -> None:
                bar.at(report.records_processed, total, count(report.records_processed, "record"))

            about = {"instance": name, "definition": session.definition(instance).name}
            report = write_export(
                session.browser,
                state,
                place,
                formats=chosen,
                endpoints=endpoint or (),
                about=about,
                compressed=not uncompressed,
                progress=show,
            )
            size_bytes = _size_bytes(place)
    output.document(
        {
            "instance": name,
            "backup": state.run.sequence,
            "backup_status": state.run.status,
            "file": target,
            "bytes": size_bytes,
            "records": report.records_processed,
            "records_failed": report.records_failed,
            "blobs": report.blobs,
            "failures": report.failures,
        }
    )
    if target != STANDARD_OUTPUT:
        blobs = f" and {count(report.blobs, 'blob')}" if "blobs" in chosen else ""
        output.say(
            f"Wrote {count(report.records_processed, 'record')}{blobs} of backup {state.run.sequence} to {target} "
            f"({size(size_bytes or 0)}). It is not encrypted.",
            "green" if report.is_complete else "",
        )
    if state.run.status != "successful":
        number = state.run.sequence
        output.note(
            f"Backup {number} {SAID[state.run.status]}: `holdfast backups {name} {number}` says what may be missing.",
            "yellow",
        )
    if not report.is_complete:
        output.say(f"{count(report.records_failed, 'record')} could not be read:", "red")
        tell_failures(output, name, report.failures)
        raise typer.Exit(NOT_GOOD)


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast rebuild"))
def rebuild(json: Json = False) -> None:
    """Make the catalog again from the vault and its key.

    Instances, backups, every record at every backup are as they were. Needs an empty catalog: move the file of an old
    one away first. Exit code 1: a backup is not what its manifest says.
    """
    from holdfast.cli.progress import count_bar
    from holdfast.cli.session import opened
    from holdfast.operations.rebuild import RebuildReport
    from holdfast.operations.rebuild import rebuild as rebuild_catalog

    output = Output(as_json=json)
    with opened(needs_catalog=False) as session, count_bar(output, "reading the vault") as bar:

        def show(report: RebuildReport) -> None:
            bar.at(0, None, f"{count(report.backups, 'backup')}, {count(report.records, 'record version')}")

        report = rebuild_catalog(session.services, show)
    output.document(
        {
            "instances": report.instances,
            "backups": report.backups,
            "packs": report.packs,
            "record_versions": report.records,
            "disagreements": report.disagreements,
        }
    )
    output.say(
        f"The catalog is there again: {count(report.instances, 'instance')}, {count(report.backups, 'backup')}, "
        f"{count(report.records, 'record version')}.",
        "" if report.disagreements else "green",
    )
    if report.disagreements:
        for text in report.disagreements:
            output.say(text, "red", indent=2)
        output.say("`holdfast verify` says what is damaged and what to do.")
        raise typer.Exit(NOT_GOOD)


def _is_zip(target: str) -> bool:
    """By its name; what exists and is no folder (a file, a pipe, a device) is written into as well."""
    path = Path(target)
    return target == "-" or path.suffix.lower() == ".zip" or (path.exists() and not path.is_dir())


@contextmanager
def _written(target: str, *, force: bool) -> Iterator[IO[bytes] | Path]:
    """A file for a zip, or an empty folder."""
    from holdfast.cli.files import written, written_folder

    if _is_zip(target):
        with written(target, force=force) as file:
            yield file
    else:
        with written_folder(Path(target)) as folder:
            yield folder


def _size_bytes(place: IO[bytes] | Path) -> int | None:
    if isinstance(place, Path):
        return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return place.tell() if place.seekable() else None


def _formats(text: str) -> list["Format"]:
    from holdfast.operations.export import Format

    known = get_args(Format)
    chosen = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    for word in chosen:
        if word not in known:
            raise InputError(f"{word!r} is no format", field="--formats", hint=f"There are: {', '.join(known)}.")
    if not chosen:
        raise InputError("--formats names none", field="--formats", hint=f"There are: {', '.join(known)}.")
    return chosen  # type: ignore[return-value]
