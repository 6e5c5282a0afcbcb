"""`migrate`: from one machine to PostgreSQL and an object store."""

from typing import Annotated

import typer

from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, count, size
from holdfast.cli.parameters import Json, example

app = typer.Typer()
_PANEL = "Service"


@app.command(
    rich_help_panel=_PANEL,
    epilog=example(
        "holdfast migrate --database-url postgresql://holdfast@db/holdfast --storage-url s3://bucket/vault --dry-run",
        "holdfast migrate --database-url postgresql://holdfast@db/holdfast",
    ),
)
def migrate(
    database_url: Annotated[
        str, typer.Option("--database-url", metavar="URL", help="The new catalog: an empty PostgreSQL database.")
    ],
    storage_url: Annotated[
        str, typer.Option("--storage-url", metavar="URL", help="The new vault; without it the vault stays where it is.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be moved.")] = False,
    json: Json = False,
) -> None:
    """Move this installation to PostgreSQL and another storage.

    From SQLite and a folder. Everything keeps its id, and backups go on incrementally. All that is copied is proved.
    Broken off, it goes on. Stop the service first: it refuses while a worker runs.
    """
    from holdfast.cli.progress import count_bar
    from holdfast.cli.session import opened
    from holdfast.operations import migrate as operation

    output = Output(as_json=json)
    with opened() as session:
        session.services.database.migrate()
        if dry_run:
            report = operation.plan(session.services, database_url, storage_url)
        else:
            with count_bar(output, "moving", estimates=True) as bar:

                def show(what: str, done: int, total: int) -> None:
                    bar.at(done, max(total, done), what)

                report = operation.migrate(session.services, database_url, storage_url, show)
    output.document(
        {
            "done": report.is_done,
            "objects": report.objects,
            "bytes": report.size_bytes,
            "rows": report.rows,
            "findings": report.findings,
        }
    )
    amounts = f"{count(report.objects, 'object')} ({size(report.size_bytes)}), {count(report.rows_total, 'row')}"
    if dry_run:
        output.say(f"Would move: {amounts}.")
        return
    if report.findings:
        output.say("The vault could not be moved as a whole; nothing else was changed:", "red")
        for text in report.findings:
            output.say(text, "red", indent=2)
        raise typer.Exit(NOT_GOOD)
    output.say(f"Moved and proved: {amounts}.", "green")
    output.say("From now on set HOLDFAST_DATABASE_URL" + (" and HOLDFAST_STORAGE_URL." if storage_url else "."))
