"""`alarms` and `acknowledge`: backups that found far more gone, changed or encrypted than is usual."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli import completion
from holdfast.cli.output import Output, count, moment, styled
from holdfast.cli.parameters import Json, Name, example
from holdfast.errors import InputError

if TYPE_CHECKING:
    from holdfast.catalog.alarms import Alarm
    from holdfast.catalog.runs import Run
    from holdfast.cli.session import Session

app = typer.Typer()
_PANEL = "Look"


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast alarms", "holdfast alarms mine --all"))
def alarms(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only this instance's.", autocompletion=completion.instance_names),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that were acknowledged too.")] = False,
    json: Json = False,
) -> None:
    """List alarms: backups that found far more deleted, changed or encrypted than is usual.

    What is usual is learned from the instance's own backups. Until an alarm is acknowledged, the backups before it are
    not pruned.
    """
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session:
        instances = session.instances() if name is None else [session.instance(name)]
        found = [
            (instance.label or "", alarm) for instance in instances for alarm in _of(session, instance.id, everything)
        ]
        output.document({"alarms": [{"instance": label} | document(alarm) for label, alarm in found]})
        if not found:
            output.say("There are no alarms." if everything else "There is no alarm that nobody has acknowledged.")
            return
        output.table(
            ["instance", "backup #", "raised", "alarm", "acknowledged", "what …"],
            [
                [label, one.sequence, moment(one.raised_at), styled(_said(one), "red"), moment(one.acknowledged_at),
                 one.message]
                for label, one in found
            ],
        )  # fmt: skip
        waiting = {label for label, one in found if one.acknowledged_at is None}
        for label in sorted(waiting):
            output.note(f"looked at: holdfast acknowledge {label}")


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast acknowledge mine", "holdfast acknowledge mine 12"))
def acknowledge(
    name: Name,
    number: Annotated[int | None, typer.Argument(metavar="N", min=1, help="Only the alarms of backup N.")] = None,
    json: Json = False,
) -> None:
    """Say that an instance's alarms were looked at.

    From then on the backups before them may be pruned again. What was acknowledged twice counts as usual.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import alarms as operation

    output = Output(as_json=json)
    with opened() as session:
        instance = session.instance(name)
        waiting = [one for one in _of(session, instance.id, False) if number in (None, one.sequence)]
        if not waiting and number is not None:
            raise InputError(f"backup {number} has no alarm that nobody has acknowledged", field="N")
        done = [operation.acknowledge(session.services, instance, one.id) for one in waiting]
        output.document({"instance": name, "acknowledged": [document(one) for one in done]})
        output.say(f"Acknowledged {count(len(done), 'alarm')} of {name}." if done else "Nothing to acknowledge.")


def tell(output: Output, name: str, found: Sequence["Alarm"]) -> None:
    """The alarms of a backup, where it is told of."""
    for one in found:
        done = "" if one.acknowledged_at is None else f" (acknowledged {moment(one.acknowledged_at)})"
        output.say(f"alarm: {one.message}{done}", "" if done else "red", indent=2)
    if any(one.acknowledged_at is None for one in found):
        output.say(f"→ Look at the source. If it is as it should be: holdfast acknowledge {name}", indent=2)


def of_runs(session: "Session", found: Sequence["Run"]) -> dict[int, list["Alarm"]]:
    """The alarms of one instance's backups, by their numbers."""
    from holdfast.catalog import alarms as catalog

    if not found:
        return {}
    numbers = [run.sequence for run in found]
    with session.services.database.read() as connection:
        return catalog.of_runs(connection, found[0].instance_id, min(numbers), max(numbers))


def document(alarm: "Alarm") -> dict[str, Any]:
    """An alarm as JSON."""
    return {
        "id": alarm.id,
        "backup": alarm.sequence,
        "backup_id": alarm.run_id,
        "kind": alarm.kind,
        "endpoint": alarm.endpoint,
        "message": alarm.message,
        "figures": dict(alarm.figures),
        "raised_at": alarm.raised_at,
        "acknowledged_at": alarm.acknowledged_at,
        "acknowledged_by": alarm.acknowledged_by,
    }


def _of(session: "Session", instance_id: int, everything: bool) -> list["Alarm"]:
    from holdfast.catalog import alarms as catalog
    from holdfast.catalog.listing import PageRequest

    with session.services.database.read() as connection:
        if not everything:
            return catalog.unacknowledged(connection, instance_id)
        return catalog.of_instance(connection, instance_id, PageRequest(per_page=10_000)).items


def _said(alarm: "Alarm") -> str:
    return alarm.kind.replace("_", " ")
