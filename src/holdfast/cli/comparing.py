"""`compare`: what was added, changed and deleted from one backup to another, or to the live source, field by field."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, moment
from holdfast.cli.parameters import Json, Name, example
from holdfast.errors import InputError, NotFound

if TYPE_CHECKING:
    from holdfast.catalog.instances import Instance
    from holdfast.cli.session import Session
    from holdfast.operations.browsing import State
    from holdfast.operations.compare import RecordChange

app = typer.Typer()

_SIGNS = {"added": ("+", "green"), "changed": ("~", "yellow"), "deleted": ("-", "red")}
_VALUE_LENGTH = 60
_FIELDS_SHOWN = 12


@app.command(
    rich_help_panel="Look",
    epilog=example("holdfast compare mine", "holdfast compare mine 3 7", "holdfast compare mine --live"),
)
def compare(
    name: Name,
    first: Annotated[int | None, typer.Argument(metavar="A", min=1, help="The earlier backup's number.")] = None,
    second: Annotated[int | None, typer.Argument(metavar="B", min=1, help="The later one's.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Compare the newest backup with the source as it is now; nothing is stored.")
    ] = False,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="ENDPOINT", help="Only this one.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many records of each endpoint.")] = 50,
    json: Json = False,
) -> None:
    """Say what differs between two backups.

    What was added, changed (field by field) and deleted from backup A to backup B.

    Without B up to the newest backup, without A since the one before it. With --json every record is listed. With
    --live the source is read to its end, and what a backup would change is told; blobs are not fetched.
    """
    from holdfast.cli.session import opened
    from holdfast.operations.compare import compare as compare_states

    output = Output(as_json=json)
    if live and first is not None:
        raise InputError("--live compares the newest backup: it takes no numbers", field="--live")
    with opened() as session:
        if live:
            _compare_live(session, output, name, endpoint, limit)
            return
        before, after = _states(session, session.instance(name), first, second)
        output.say(
            f"From backup {before.run.sequence} ({moment(before.run.ended_at)}) "
            f"to backup {after.run.sequence} ({moment(after.run.ended_at)})",
            "bold",
        )
        changes = compare_states(session.services, before, after, endpoint=endpoint)
        said = {"from": before.run.sequence, "to": after.run.sequence}
        _tell_all(output, said, changes, limit)


def _compare_live(session: "Session", output: Output, name: str, endpoint: str | None, limit: int) -> None:
    """Ends with exit code 1 where the source could not be read to its end."""
    from holdfast.cli.failures import tell_failures
    from holdfast.cli.summaries import secrets
    from holdfast.operations.rehearsal import rehearsed

    output.note(f"reading the source of {name} ...")
    with rehearsed(session.services, session.instance(name)) as rehearsal:
        before = rehearsal.before
        since = "nothing" if before is None else f"backup {before.run.sequence} ({moment(before.run.ended_at)})"
        output.say(f"From {since} to the source as it is now: what a backup would change", "bold")
        said = {
            "from": None if before is None else before.run.sequence,
            "to": "live",
            "complete": rehearsal.is_complete,
            "failures": list(rehearsal.failures),
        }
        _tell_all(output, said, rehearsal.changes(endpoint), limit)
        if not rehearsal.is_complete:
            output.say("The source could not be read to its end, so that more may differ:", "red")
            tell_failures(output, name, rehearsal.failures, secrets=secrets(session, name))
            raise typer.Exit(NOT_GOOD)


def _tell_all(output: Output, said: dict[str, Any], changes: Iterable["RecordChange"], limit: int) -> None:
    """Every change, at most `limit` of each endpoint where people read it, and a table of their numbers."""
    if output.as_json:
        output.document(said | {"changes": [change.document() for change in changes]})
        return
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
        output.say("Nothing differs." if said.get("complete", True) else "Nothing differs in what was read.")
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
        output.say(f"{one.path or '(the whole record)'}: {_value(one.before)} → {_value(one.after)}", indent=6)
    if len(fields) > _FIELDS_SHOWN:
        output.say(f"      and {len(fields) - _FIELDS_SHOWN} more fields")
    if change.blob_changed:
        output.say("      its blob has changed")


def _value(value: object) -> str:
    from holdfast.definitions.values import encode
    from holdfast.operations.compare import MISSING

    text = "nothing" if value is MISSING else encode(value)
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"
