"""`restore` and `restores`: give records back to the source they came from, or to another account; what came of it."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli import completion
from holdfast.cli.errors import INTERRUPTED, NOT_GOOD
from holdfast.cli.output import Output, count, duration, moment, styled
from holdfast.cli.parameters import At, Backup, Json, Name, example, parse_time
from holdfast.errors import Conflict, InputError, NotFound

if TYPE_CHECKING:
    from holdfast.catalog.restores import Restore
    from holdfast.cli.session import Session
    from holdfast.operations.restore import RestorePlan

app = typer.Typer()
_PANEL = "Prove and recover"
_POLL_S = 0.1
_LOOK_FOR_JOB_S = 2.0
_SHOWN = 10
_STYLES = {"successful": "green", "failed": "red", "canceled": "yellow"}


@app.command(
    rich_help_panel=_PANEL,
    epilog=example(
        "holdfast restore mine --dry-run",
        "holdfast restore mine --endpoint issues --record 4711",
        "holdfast restore mine --endpoint issues --where state=open --at 2026-11-01",
        "holdfast restore mine --to new --on-conflict overwrite",
    ),
)
def restore(
    name: Name,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="ENDPOINT", help="Only this one.")] = None,
    record: Annotated[str | None, typer.Option("--record", metavar="ID", help="Only this record of ENDPOINT.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="CONDITION", help="Only records with FIELD=VALUE; also !=, <, <=, >, >=, ~."),
    ] = None,
    backup: Backup = None,
    at: At = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="INSTANCE", help="Into this instance's account instead of its own.",
                     autocompletion=completion.instance_names),
    ] = None,
    on_conflict: Annotated[
        str, typer.Option("--on-conflict", help="What is there and differs: skip, overwrite or duplicate it.")
    ] = "skip",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Give records back to their source, or to another account.

    First a plan: what will be created, updated, left alone, and what is impossible and why. Then, when you agree, the
    restore; then every written record is read back and compared field by field. Ctrl-C leaves a restore that goes on
    when the same command, or the service, is started again; another one to the same account is refused until then.
    Exit code 1: something failed or came out otherwise, or not all that was chosen is there now as it was.
    """
    from holdfast.cli import resuming
    from holdfast.cli.confirming import confirm
    from holdfast.cli.records import find
    from holdfast.cli.session import opened
    from holdfast.operations import restore as operation
    from holdfast.operations.restore import CONFLICTS, RestoreOptions

    output = Output(as_json=json)
    if on_conflict not in CONFLICTS:
        raise InputError(f"--on-conflict is one of {', '.join(CONFLICTS)}", field="--on-conflict")
    if record is not None and endpoint is None:
        raise InputError("a record is one of an endpoint: say which with --endpoint", field="--endpoint")
    options = RestoreOptions(endpoint, record, tuple(where or ()), on_conflict)
    with opened() as session:
        instance = session.instance(name)
        target = instance if to is None else session.instance(to)
        state = session.state(instance, backup=backup, at=parse_time(at))
        active = resuming.open_at(session, target)
        if active is None or dry_run:
            try:
                with output.busy(f"looking at the source of {target.label}"):
                    plan = operation.plan(session.services, instance, state, target, options)
            except NotFound as error:
                if error.field == "record_id" and endpoint is not None and record is not None:
                    find(session, state, endpoint, record)  # tells which backup has it
                raise
            _tell_plan(
                output, plan, f"backup {state.run.sequence} of {name} ({moment(state.run.ended_at)})", target.label
            )
            if active is not None:
                told = resuming.told(active)
                output.note(f"Restore {active.id} to {target.label} is open ({told}): none begins beside it", "yellow")
            if dry_run or not plan.writes:
                output.document({
                    "plan": plan.document(), "open_restore": None if active is None else document(active),
                    "status": None if dry_run else "successful", "complete": None if dry_run else plan.is_there,
                })  # fmt: skip
                if not plan.writes:
                    _tell_nothing_to_write(output, plan, state.run.sequence)
                if not dry_run and not plan.is_there:
                    raise typer.Exit(NOT_GOOD)
                return
            if not yes:
                confirm(f"Write {count(plan.writes, 'record')} to the source of {target.label}?")
            active = operation.request_restore(session.services, instance, state, target, options)
        else:
            resuming.refuse_another(session, active, instance, state, target, options)
            output.note(
                f"Restore {active.id} to {target.label} is under way already: {resuming.told(active)}", "yellow"
            )
            if not yes:
                confirm(f"Go on with it, and write to the source of {target.label}?")
            operation.reconcile(session.services)  # one that was given up on gets a job again
        ended = _follow(session, active, output)
        _tell_end(session, output, ended, name, target.label or "")
    if not ended.complete:
        raise typer.Exit(NOT_GOOD)


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast restores mine", "holdfast restores mine 244917 --json"))
def restores(
    name: Name,
    restore_id: Annotated[int | None, typer.Argument(metavar="ID", help="One restore, with its signed report.")] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel it: it ends before its next write.")] = False,
    json: Json = False,
) -> None:
    """List the restores of an instance's backups and those to it, or show one with its signed report."""
    from holdfast.catalog import restores as catalog
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    if cancel and restore_id is None:
        raise InputError("which restore is to be canceled? `holdfast restores NAME` lists their ids", field="ID")
    with opened() as session:
        instance = session.instance(name)
        with session.services.database.read() as connection:
            if restore_id is not None:
                one = catalog.get(connection, restore_id)
                if instance.id not in (one.instance_id, one.target_id):
                    raise NotFound(f"{name} has no restore {restore_id}", field="ID")
                found = [one]
            else:
                found = catalog.about(connection, instance.id)
        if cancel:
            _cancel(session, output, found[0])
            return
        if restore_id is not None:
            _tell_one(session, output, found[0])
            return
        output.document({"restores": [document(one) for one in found]})
        if not found:
            output.say(f"Nothing was restored from {name} or to it yet.")
        labels = {one.id: one.label or "" for one in session.instances()}
        output.table(
            ["id", "status", "complete", "from", "backup #", "to", "asked for", "created #", "updated #",
             "left alone #", "failed #", "differ #"],
            [
                [str(one.id), styled(_outcome(one), _STYLES.get(one.status, "")),
                 {True: "yes", False: "no", None: ""}[one.complete],
                 labels.get(one.instance_id, str(one.instance_id)), one.sequence,
                 labels.get(one.target_id, str(one.target_id)), moment(one.queued_at),
                 *(one.counters.get(key) for key in ("created", "updated", "left_alone", "failed", "differ"))]
                for one in found
            ],
        )  # fmt: skip


def document(restore: "Restore") -> dict[str, Any]:
    """A restore as JSON."""
    return {
        "id": restore.id, "status": restore.status, "complete": restore.complete, "backup": restore.sequence,
        "backup_id": restore.run_id,
        "instance_id": restore.instance_id, "target_instance_id": restore.target_id, "options": dict(restore.options),
        "started_at": restore.started_at, "ended_at": restore.ended_at, "counters": dict(restore.counters),
        "failures": [dict(one) for one in restore.failures],
    }  # fmt: skip


def _cancel(session: "Session", output: Output, restore: "Restore") -> None:
    """Raises Conflict where it has ended."""
    from holdfast.cli import resuming
    from holdfast.operations.restore import cancel_restore

    canceled = cancel_restore(session.services, restore)
    if not canceled.active:
        raise Conflict(f"restore {restore.id} has ended: {canceled.status}", code="restore_ended")
    output.document({"restore": document(canceled)})
    command, _ = resuming.command_of(session, canceled)
    output.say(f"Restore {canceled.id} ends before its next write; what it has written stays.", "yellow")
    output.note(f"Where no worker has it, that is when a worker, or `{command}`, picks it up.")


def _tell_plan(output: Output, plan: "RestorePlan", what: str, target: str | None) -> None:
    output.say(f"From {what} to the source of {target}:", "bold")
    for remark in plan.remarks:
        output.say(remark, "yellow")
    output.table(
        ["endpoint", "create #", "update #", "undelete #", "leave alone #", "impossible #", "blobs #"],
        [
            [one.endpoint, *(getattr(one, name) or None for name in
                             ("create", "update", "undelete", "leave", "impossible", "blobs"))]
            for one in plan.endpoints
        ],
    )  # fmt: skip
    for one in plan.endpoints:
        reasons = sorted(one.reasons.items(), key=lambda item: -item[1])
        for why, number in reasons[:_SHOWN]:
            output.say(f"{one.endpoint}: {number:,} × {why}", indent=2)
        if len(reasons) > _SHOWN:
            output.say(f"{one.endpoint}: and {len(reasons) - _SHOWN} more reasons (--json lists them)", indent=2)
        if one.blobs_left_out:
            output.say(
                f"{one.endpoint}: {count(one.blobs_left_out, 'blob')} cannot be put back: "
                "the definition's `restore` has no `blob`", "yellow", indent=2,
            )  # fmt: skip
        if one.below_new:
            output.say(f"{one.endpoint}: {one.below_new:,} below records that are made first", indent=2)
    if plan.writes:
        output.say(f"{count(plan.requests, 'request')}, about {duration(plan.seconds)}")


def _tell_nothing_to_write(output: Output, plan: "RestorePlan", backup: int) -> None:
    said = "There is nothing to write."
    if impossible := plan.total("impossible"):
        said += f" {count(impossible, 'record')} cannot be restored."
    if differing := plan.total("leave_differing"):
        said += f" What is there differs in {count(differing, 'record')}: --on-conflict overwrite sets them back."
    output.say(f"{said} What backup {backup} has no longer is in an earlier one: --backup N, or --at TIME.")


def _follow(session: "Session", restore: "Restore", output: Output) -> "Restore":
    """The restore as it ended, while a bar shows how far it is."""
    from holdfast.catalog import restores as catalog
    from holdfast.cli import resuming, working
    from holdfast.cli.progress import count_bar
    from holdfast.operations import jobs

    engine, database = session.services.engine, session.services.database
    next_look = time.monotonic() + _LOOK_FOR_JOB_S
    try:
        with (
            count_bar(output, "restore") as bar,
            working.workforce(engine, jobs.RESTORE, output.note) as workers,
        ):
            while True:
                workers.ensure()
                with database.read() as connection:
                    now = catalog.get(connection, restore.id)
                done = sum(now.counters.get(key, 0) for key in ("created", "updated", "undeleted", "failed"))
                waiting = now.counters.get("waiting", 0)
                bar.at(done, done + waiting if waiting else None, f"{done:,} written")
                if not now.active:
                    return now
                if time.monotonic() > next_look:
                    next_look = time.monotonic() + _LOOK_FOR_JOB_S
                    if not engine.is_queued_or_running(jobs.RESTORE, restore.id):
                        with database.read() as connection:
                            if catalog.get(connection, restore.id).active:
                                return now
                time.sleep(_POLL_S)
    except KeyboardInterrupt:
        command, _ = resuming.command_of(session, restore)
        output.note(f"Interrupted. `{command}` goes on where it stands.", "yellow")
        raise typer.Exit(INTERRUPTED) from None


def _tell_end(session: "Session", output: Output, restore: "Restore", name: str, target: str) -> None:
    output.document({"restore": document(restore), "status": restore.status, "complete": restore.complete})
    numbers = restore.counters
    told = [
        f"{numbers[key]:,} {said}"
        for key, said in (
            ("created", "created"), ("updated", "updated"), ("undeleted", "undeleted"), ("left_alone", "left alone"),
            ("impossible", "impossible"), ("failed", "failed"), ("differ", "came out otherwise"),
        )
        if numbers.get(key)
    ]  # fmt: skip
    said = ", ".join(told) or "nothing was written"
    output.say(f"Restore to {target} {_outcome(restore)}: {said}", _STYLES.get(restore.status, ""))
    for failure in restore.failures[:_SHOWN]:
        place = " ".join(str(failure[key]) for key in ("endpoint", "record_id") if failure.get(key))
        said = str(failure["message"])
        named = not place or said.startswith((f"{place},", f"{place}:"))  # by what the source was asked for
        output.say(said if named else f"{place}: {said}", "red", indent=2)
    if len(restore.failures) > _SHOWN:
        output.say(f"and {len(restore.failures) - _SHOWN:,} more", "red", indent=2)
    _tell_differences(session, output, restore)
    if restore.status == "successful" and not restore.complete:
        output.say(
            "Not everything that was chosen is there now as it was: the report says what is not, and why.", "yellow"
        )
    output.note(f"The signed report: holdfast restores {name} {restore.id}")


def _outcome(restore: "Restore") -> str:
    numbers = restore.counters
    lacks = (
        ("without_blob", "without their blob"), ("left_differing", "left alone though different"),
        ("blobs_not_compared", "with a blob that was not compared"),
    )  # fmt: skip
    return ", ".join([restore.status, *(f"{numbers[key]:,} {said}" for key, said in lacks if numbers.get(key))])


def _tell_differences(session: "Session", output: Output, restore: "Restore") -> None:
    """What differs as the definition says it does, once for each field."""
    from collections import Counter

    from holdfast.catalog import restore_records

    seen: Counter[tuple[str, str, str]] = Counter()
    with session.services.database.read() as connection:
        for endpoint in restore.decided:
            for row in restore_records.page(connection, restore.id, endpoint, limit=1_000):
                seen.update((endpoint, one["field"], one["why"]) for one in row.differences or ())
    for (endpoint, field, why), number in seen.most_common(_SHOWN * 2):
        if why != "unexpected":
            output.say(f"{endpoint}: {field} differs in {number:,}: {why}", indent=2)


def _tell_one(session: "Session", output: Output, restore: "Restore") -> None:
    from holdfast.errors import NotFound
    from holdfast.operations.restore import reporting

    try:
        signed = reporting.read(session.services, restore, session.customer.id)
    except NotFound:
        signed = None
    output.document({"restore": document(restore), "report": signed})
    output.say(
        f"Restore {restore.id} of backup {restore.sequence}: {_outcome(restore)}", _STYLES.get(restore.status, "")
    )
    if signed is not None and not output.as_json:
        output.record(signed.encode())
