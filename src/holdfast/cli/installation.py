"""`init` and `status`: what an installation consists of, and how its instances are doing."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from holdfast.cli.output import Output, age, count, moment, styled
from holdfast.cli.parameters import Json, example

if TYPE_CHECKING:
    from holdfast.cli.session import Session
    from holdfast.storage import Capabilities

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
    made = initialise(settings)
    wrote_key, storage = made.wrote_key, made.storage
    key_file = settings.effective_root_key_file if settings.root_key is None else None
    output.document(
        {
            "home": str(settings.home.absolute()),
            "vault": settings.effective_storage_url,
            "root_key_file": None if key_file is None else str(key_file),
            "wrote_root_key": wrote_key,
            "storage": asdict(storage),
        }
    )
    output.say(
        f"Holdfast is ready in {settings.home.absolute()}; the vault is {settings.effective_storage_url}", "green"
    )
    for text in _said_of(storage):
        output.say(text)
    if wrote_key:
        output.say(f"\nThe root key is in {key_file}")
        output.say(
            "Copy that file to a safe place now. WHOEVER LOSES IT LOSES THE BACKUPS: nobody can read them without.",
            "bold",
        )
    output.say("\nNext: holdfast definition list, then holdfast add DEFINITION NAME")


def _said_of(storage: "Capabilities") -> Iterator[str]:
    """What the probe has found out, where it is worth knowing."""
    if not storage.deletes:
        yield "This credential may not delete: the vault is append-only, and `holdfast prune` needs another one."
    if storage.keeps_versions:
        yield "The bucket keeps earlier versions: prune and erasure delete those too, where the credential may."
    if storage.has_lock:
        yield "The bucket can lock objects: lock_days=N in HOLDFAST_STORAGE_URL makes every object stay so long."


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
        vault = _vault(session)
    output.document({"worker": worker, "instances": documents} | vault)
    if not rows:
        output.say("There are no instances yet: holdfast add DEFINITION NAME")
        return
    output.table(["name", "definition", "last good backup", "records #", "last run", "next", "alarms #"], rows)
    if any(document["alarms"] for document in documents):
        output.note("holdfast alarms says what was raised")
    _tell_vault(output, vault)
    output.note(f"worker: {worker or 'none, each command does its own work'}")


def _vault(session: "Session") -> dict[str, Any]:
    """What is known of the vault's health and its replicas'."""
    from holdfast.catalog import replications, verifications

    with session.services.database.read() as connection:
        newest = verifications.newest(connection)
        proved_at = verifications.proved_at(connection)
        states = {state.url: state for state in replications.every(connection)}
        proved = {
            replica.url: (
                verifications.proved_at(connection, replica.url),
                0 if (checked := verifications.newest(connection, replica.url)) is None else checked.errors,
            )
            for replica in session.services.replicas
        }
    return {
        "vault": {
            "proved_at": proved_at,
            "checked_at": None if newest is None else newest.ended_at or newest.started_at,
            "errors": None if newest is None else newest.errors,
        },
        "replicas": [
            {
                "url": replica.url,
                "complete_at": states[replica.url].completed_at if replica.url in states else None,
                "findings": len(states[replica.url].findings) if replica.url in states else 0,
                "proved_at": proved[replica.url][0],
                "errors": proved[replica.url][1],
            }
            for replica in session.services.replicas
        ],
    }


def _tell_vault(output: Output, said: dict[str, Any]) -> None:
    vault = said["vault"]
    proved = "never proved as a whole" if vault["proved_at"] is None else f"proved {age(vault['proved_at'])}"
    if vault["errors"]:
        output.note(f"vault: damaged, {count(vault['errors'], 'error')}: holdfast repair", "red")
    else:
        output.note(f"vault: {proved}")
    for replica in said["replicas"]:
        complete_at = replica["complete_at"]
        when = "never complete yet: holdfast replicate" if complete_at is None else f"complete {age(complete_at)}"
        found = f"; {count(replica['findings'], 'finding')}: holdfast replicate" if replica["findings"] else ""
        if replica["proved_at"] is not None:
            when += f", proved {age(replica['proved_at'])}"
        if replica["errors"]:
            found += f"; damaged, {count(replica['errors'], 'error')}: holdfast repair --replica"
        output.note(f"replica {replica['url']}: {when}{found}", "yellow" if found or complete_at is None else "")


def _worker(session: "Session") -> str | None:
    """Who works for this installation now."""
    alive = [worker for worker in session.services.engine.workers() if worker.is_alive]
    return ", ".join(f"process {worker.pid} on {worker.host}" for worker in alive) or None
