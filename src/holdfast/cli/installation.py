"""`init` and `status`: what an installation consists of, and how its instances are doing."""

from typing import TYPE_CHECKING

import typer

from holdfast.cli.output import Output, age, moment, styled
from holdfast.cli.parameters import Json, example

if TYPE_CHECKING:
    from holdfast.cli.session import Session

app = typer.Typer()
_PANEL = "Set up"


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast init", "HOLDFAST_HOME=/srv/backups holdfast init"))
def init(json: Json = False) -> None:
    """Make a root key, an empty vault and an empty catalog.

    Settings are environment variables, described in docs/operations.md. What exists already is kept.
    """
    from holdfast.app import initialise
    from holdfast.settings import load_settings

    output = Output(as_json=json)
    settings = load_settings()
    wrote_key = initialise(settings)
    key_file = settings.effective_root_key_file if settings.root_key is None else None
    output.document(
        {
            "home": str(settings.home.absolute()),
            "vault": settings.effective_storage_url,
            "root_key_file": None if key_file is None else str(key_file),
            "wrote_root_key": wrote_key,
        }
    )
    output.say(
        f"Holdfast is ready in {settings.home.absolute()}; the vault is {settings.effective_storage_url}", "green"
    )
    if wrote_key:
        output.say(f"\nThe root key is in {key_file}")
        output.say(
            "Copy that file to a safe place now. WHOEVER LOSES IT LOSES THE BACKUPS: nobody can read them without.",
            "bold",
        )
    output.say("\nNext: holdfast definition list, then holdfast add DEFINITION NAME")


@app.command(rich_help_panel="Look", epilog=example("holdfast status"))
def status(json: Json = False) -> None:
    """Show every instance, with its last good backup and its next."""
    from holdfast.catalog import alarms, runs
    from holdfast.cli import summaries
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    rows, documents = [], []
    with opened() as session:
        worker = _worker(session)
        database = session.services.database
        for instance in session.instances():
            with database.read() as connection:
                good = runs.newest_ended(connection, instance.id, status="successful")
                last = runs.newest(connection, instance.id)
                raised = alarms.unacknowledged(connection, instance.id)
            # Nobody works on a run that is under way while there is no worker: it goes on when one comes.
            said = None if last is None else "interrupted" if last.active and worker is None else last.status
            name, definition = instance.label or "", session.definition(instance).name
            documents.append(
                {
                    "instance": name,
                    "id": instance.id,
                    "definition": definition,
                    "last_good_backup": None if good is None else {"backup": good.sequence, "ended_at": good.ended_at},
                    "last_run": None if last is None else {"backup": last.sequence, "status": said},
                    "records": None if good is None else good.counters.get("live"),
                    "frequency": instance.frequency,
                    "next_due_at": instance.next_due_at,
                    "alarms": len(raised),
                }
            )
            rows.append(
                [
                    name,
                    definition,
                    styled("never", "red") if good is None else f"{age(good.ended_at)} (backup {good.sequence})",
                    None if good is None else good.counters.get("live"),
                    "" if said is None else styled(said, summaries.style(said)),
                    moment(instance.next_due_at, to="minute") or instance.frequency,
                    styled(str(len(raised)), "red") if raised else "",
                ]
            )
    output.document({"worker": worker, "instances": documents})
    if not rows:
        output.say("There are no instances yet: holdfast add DEFINITION NAME")
        return
    output.table(["name", "definition", "last good backup", "records #", "last run", "next", "alarms #"], rows)
    if any(document["alarms"] for document in documents):
        output.note("holdfast alarms says what was raised")
    output.note(f"worker: {worker or 'none, each command does its own work'}")


def _worker(session: "Session") -> str | None:
    """Who works for this installation now."""
    alive = [worker for worker in session.services.engine.workers() if worker.is_alive]
    return ", ".join(f"process {worker.pid} on {worker.host}" for worker in alive) or None
