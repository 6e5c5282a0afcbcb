"""`compare`: what was added, changed and deleted from one backup to another, field by field."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli.output import Output, moment
from holdfast.cli.parameters import Json, Name, example
from holdfast.errors import NotFound

if TYPE_CHECKING:
    from holdfast.catalog.instances import Instance
    from holdfast.cli.session import Session
    from holdfast.operations.browsing import State
    from holdfast.operations.compare import RecordChange

app = typer.Typer()

_SIGNS = {"added": ("+", "green"), "changed": ("~", "yellow"), "deleted": ("-", "red")}
_VALUE_LENGTH = 60
_FIELDS_SHOWN = 12


@app.command(rich_help_panel="Look", epilog=example("holdfast compare mine", "holdfast compare mine 3 7"))
def compare(
    name: Name,
    first: Annotated[int | None, typer.Argument(metavar="[A]", min=1, help="The earlier backup's number.")] = None,
    second: Annotated[int | None, typer.Argument(metavar="[B]", min=1, help="The later one's.")] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="ENDPOINT", help="Only this one.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many records of each endpoint.")] = 50,
    json: Json = False,
) -> None:
    """Say what differs between two backups.

    What was added, changed (field by field) and deleted from backup A to backup B.

    Without B up to the newest backup, without A since the one before it. With --json every record is listed.
    """
    from holdfast.cli.session import opened
    from holdfast.operations.compare import compare as compare_states

    output = Output(as_json=json)
    with opened() as session:
        before, after = _states(session, session.instance(name), first, second)
        changes = compare_states(session.services, before, after, endpoint=endpoint)
        if json:
            listed = [change.document() for change in changes]
            output.document({"from": before.run.sequence, "to": after.run.sequence, "changes": listed})
            return
        output.say(
            f"From backup {before.run.sequence} ({moment(before.run.ended_at)}) "
            f"to backup {after.run.sequence} ({moment(after.run.ended_at)})",
            "bold",
        )
        counted: dict[str, Counter[str]] = {}
        for change in changes:
            numbers = counted.setdefault(change.endpoint, Counter())
            if not numbers:
                output.say(f"\n{change.endpoint}", "bold")
            numbers[change.kind] += 1
            if numbers.total() <= limit:
                _tell(output, change)
            elif numbers.total() == limit + 1:
                output.say("  ...")
        if not counted:
            output.say("Nothing differs.")
            return
        output.say("")
        output.table(
            ["endpoint", "added #", "changed #", "deleted #"],
            [
                [endpoint, *(numbers[kind] for kind in ("added", "changed", "deleted"))]
                for endpoint, numbers in counted.items()
            ],
        )


def _states(
    session: "Session", instance: "Instance", first: int | None, second: int | None
) -> tuple["State", "State"]:  # fmt: skip
    after = session.state(instance, backup=second)
    if first is None:
        first = after.run.sequence - 1
    if first < 1:
        raise NotFound(
            f"{instance.label} has one backup only: there is nothing to compare it with",
            hint=f"holdfast backup {instance.label}",
        )
    before = session.state(instance, backup=first)
    return (before, after) if before.run.sequence <= after.run.sequence else (after, before)


def _tell(output: Output, change: "RecordChange") -> None:
    sign, style = _SIGNS[change.kind]
    output.say(f"  {sign} {change.key}", style)
    fields = change.fields()
    if fields is None:
        output.say("      nested too deeply to compare field by field")
        fields = []
    for one in fields[:_FIELDS_SHOWN]:
        output.say(f"      {one.path or '(the whole record)'}: {_value(one.before)} → {_value(one.after)}")
    if len(fields) > _FIELDS_SHOWN:
        output.say(f"      and {len(fields) - _FIELDS_SHOWN} more fields")
    if change.blob_changed:
        output.say("      its blob has changed")


def _value(value: object) -> str:
    from holdfast.definitions.values import encode
    from holdfast.operations.compare import MISSING

    text = "nothing" if value is MISSING else encode(value)
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"
