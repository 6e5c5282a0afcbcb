"""`backup` and `backups`: back up now and follow it; what was backed up when, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli import completion
from holdfast.cli.errors import INTERRUPTED, NOT_GOOD, tell_error
from holdfast.cli.output import Output, moment, styled
from holdfast.cli.parameters import Json, Name, example
from holdfast.errors import InputError

if TYPE_CHECKING:
    from holdfast.catalog.instances import Instance
    from holdfast.catalog.runs import Run
    from holdfast.cli.session import Session
    from holdfast.operations.backup.state import BackupOptions

app = typer.Typer()
_PANEL = "Back up"


@app.command(
    rich_help_panel=_PANEL,
    epilog=example("holdfast backup github", "holdfast backup --all", "holdfast backup github --accept-deletions"),
)
def backup(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The instance's name.", autocompletion=completion.instance_names),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every instance, one failure or not.")] = False,
    full: Annotated[bool, typer.Option("--full", help="List everything again, not only what has changed.")] = False,
    accept_deletions: Annotated[
        bool,
        typer.Option("--accept-deletions", help="Believe the source that a large share of its records is gone."),
    ] = False,
    json: Json = False,
) -> None:
    """Back up now, and say what has changed.

    Where `holdfast serve` runs, it does the work and this command follows it. Ctrl-C leaves a backup that goes on when
    the same command, or the service, is started again. Exit code 1: a backup failed; it keeps what it has read. 5:
    storage or catalog failed or is full; the backup goes on when the command is started again.
    """
    from holdfast.cli import summaries
    from holdfast.cli.session import opened
    from holdfast.operations.backup.state import BackupOptions

    output = Output(as_json=json)
    if (name is None) != everything:
        raise InputError("either NAME or --all says what to back up", field="NAME", hint="holdfast status lists names.")
    with opened() as session:
        instances = session.instances() if name is None else [session.instance(name)]
        if not instances:
            raise InputError(
                "there is nothing to back up yet", hint="`holdfast add DEFINITION NAME` makes an instance."
            )
        with output.busy("starting"):
            wanted = _request(session, output, instances, BackupOptions(full, accept_deletions))
        ended = _follow(session, wanted, output, everything=everything)
        codes: list[int] = []
        for label in wanted:
            summaries.tell_run(session, output, label, ended[label])
            if ended[label].active:
                codes.append(_tell_given_up(session, output, label, ended[label]))
        documents = [summaries.document(session, label, run) for label, run in ended.items()]
        output.document({"backups": documents} if everything else documents[0])
    if any(run.status != "successful" and not run.active for run in ended.values()):
        raise typer.Exit(NOT_GOOD)
    if codes:
        raise typer.Exit(codes[0])


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast cancel github"))
def cancel(name: Name, json: Json = False) -> None:
    """Cancel the backup that is under way. It ends at once and keeps what it has read."""
    from holdfast.catalog import runs
    from holdfast.cli import summaries
    from holdfast.cli.session import opened
    from holdfast.errors import NotFound
    from holdfast.operations.backup.request import cancel_backup

    output = Output(as_json=json)
    with opened() as session:
        instance = session.instance(name)
        with session.services.database.read() as connection:
            active = runs.active(connection, instance.id)
        if active is None:
            raise NotFound(
                f"no backup of {name} is under way", hint=f"`holdfast backups {name}` lists those there were."
            )
        cancel_backup(session.services, active)
        ended = _follow(session, {name: active}, output, everything=True)[name]
        output.document({"instance": name, "backup": ended.sequence, "status": ended.status})
        if ended.status != "canceled":
            output.say(f"It was too late: {summaries.sentence(name, ended)}", summaries.style(ended.status))


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast backups github", "holdfast backups github 3"))
def backups(
    name: Name,
    number: Annotated[int | None, typer.Argument(metavar="N", min=1, help="One backup, in full.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    json: Json = False,
) -> None:
    """List the backups of an instance, or show one in full.

    The newest first, with what each changed and why it failed.
    """
    from holdfast.cli import alarms, failures, summaries
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session:
        instance = session.instance(name)
        if number is not None:
            run = summaries.by_number(session, instance.id, number)
            output.say(f"started {moment(run.started_at or run.queued_at)}, ended {moment(run.ended_at) or 'not yet'}")
            summaries.tell_run(session, output, name, run, all_failures=True)
            output.document(summaries.document(session, name, run))
            return
        found = summaries.newest(session, instance.id, limit)
        output.document({"backups": [summaries.document(session, name, run) for run in found]})
        if not found:
            output.say(f"{name} has no backup yet: holdfast backup {name}")
            return
        output.table(
            ["N #", "status", "started", "took", "records #", "new #", "changed #", "deleted #", "blobs #"],
            [
                [
                    run.sequence, styled(run.status, summaries.style(run.status)),
                    moment(run.started_at or run.queued_at, to="minute"), summaries.took(run),
                    *(run.counters.get(key) for key in ("live", "new", "changed", "deleted", "blobs")),
                ]
                for run in found
            ],
        )  # fmt: skip
        for run in found:
            for failure in run.failures[:1]:
                more = f" (and {len(run.failures) - 1:,} more)" if len(run.failures) > 1 else ""
                output.say(f"{run.sequence}: {failures.sentence(failure)}{more}", "red", indent=2)
        raised = alarms.of_runs(session, found)
        for run in found:
            for alarm in raised.get(run.sequence, []):
                done = " (acknowledged)" if alarm.acknowledged_at else ""
                output.say(f"{run.sequence}: alarm: {alarm.message}{done}", "" if done else "red", indent=2)


def _request(
    session: "Session", output: Output, instances: Sequence["Instance"], options: "BackupOptions"
) -> dict[str, "Run"]:
    """A run for each instance, by its name: a new one, or the one that is under way."""
    from holdfast.operations.backup.request import reconcile, request_backup

    reconcile(session.services)  # a run that was given up on gets a job again
    wanted: dict[str, Run] = {}
    for instance in instances:
        name = instance.label or str(instance.id)
        run, is_new = request_backup(session.services, instance.id, options)
        if not is_new:
            output.note(f"backup {run.sequence} of {name} is under way already: going on with it")
            if dict(run.options) != asdict(options):
                output.note("It keeps the options it was started with.", "yellow")
        wanted[name] = run
    return wanted


def _tell_given_up(session: "Session", output: Output, name: str, run: "Run") -> int:
    """Why a backup stands still, and how it goes on; answers the exit code."""
    from holdfast.operations import jobs

    error = session.services.engine.why_given_up(jobs.BACKUP, run.id)
    code = NOT_GOOD
    if error is None:
        output.note("Its worker gave up on it for now; that worker's log says why.", "yellow")
    else:
        code = tell_error(output, error)
    output.note(f"Nothing is lost: then `holdfast backup {name}` goes on where it stopped.")
    return code


def _follow(session: "Session", wanted: dict[str, "Run"], output: Output, *, everything: bool) -> dict[str, "Run"]:
    """The runs as they ended, while bars show how far they are. Ctrl-C ends the command with its own exit code."""
    from holdfast.cli import following, summaries, working
    from holdfast.cli.progress import backup_bars
    from holdfast.operations import jobs

    ended: dict[str, Run] = {}
    is_here = True
    engine = session.services.engine
    try:
        with (
            backup_bars(output, by_instance=everything) as bars,
            working.workforce(engine, jobs.BACKUP, output.note) as workers,
        ):
            try:
                for label, run in following.Follower(session.services, workers, bars).follow(wanted):
                    ended[label] = run
                    if everything:
                        output.note(summaries.sentence(label, run), summaries.style(run.status))
            except KeyboardInterrupt:
                is_here = workers.is_here
                if is_here:
                    output.note("stopping at the next checkpoint ...", "yellow")
                raise
    except KeyboardInterrupt:
        remaining = [label for label in wanted if label not in ended]
        command = "holdfast backup --all" if everything else f"holdfast backup {remaining[0]}"
        goes_on = f"`{command}` goes on at the last checkpoint" if is_here else "the worker goes on with it"
        output.note(f"Interrupted. Nothing is lost: {goes_on}.", "yellow")
        raise typer.Exit(INTERRUPTED) from None
    return ended
