"""`definition try` and `plan`: a definition against its live source, what it will cost, and what it really cost."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli import completion, definitions
from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, count, duration
from holdfast.cli.parameters import Json, Name, example
from holdfast.errors import Conflict, InputError

if TYPE_CHECKING:
    from holdfast.definitions.document import Definition
    from holdfast.operations.trial import Actual, EndpointTrial, Forecast, RunForecast, Trial
    from holdfast.sources.policy import NetworkPolicy
    from holdfast.sources.sessions import TokenRotated

app = typer.Typer()
_SHORT = 100
"""Characters of a record that are shown."""
_SHOWN = 3
"""Records of each endpoint that are shown."""


@definitions.app.command(
    "try",
    epilog=example(
        "holdfast definition try crm.yaml --set token=env:CRM_TOKEN",
        "holdfast definition try crm.yaml --endpoint notes --pages 10",
    ),
)
def try_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A YAML document, or a built-in definition.",
            autocompletion=completion.definition_names,
        ),
    ],
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="key=value", help="A variable's value: key=value, key=@FILE, key=env:NAME."),
    ] = None,
    endpoint: Annotated[
        list[str] | None, typer.Option("--endpoint", metavar="ENDPOINT", help="Only this one, and its parents.")
    ] = None,
    pages: Annotated[int, typer.Option(min=1, help="Pages of each list that are read.")] = 3,
    json: Json = False,
) -> None:
    """Try a definition against its live source; stores nothing.

    Reads the first pages of every endpoint, shows what it found in them, what looks suspicious, and a forecast: how
    many requests and how long the first and a daily backup take, and the shortest schedule that can be kept.
    """
    from holdfast.cli import values
    from holdfast.definitions import library
    from holdfast.definitions.loading import load
    from holdfast.operations import instances
    from holdfast.settings import load_settings
    from holdfast.sources.policy import NetworkPolicy

    output = Output(as_json=json)
    if file in library.names() and not Path(file).exists():
        definition = library.load(file)
    else:
        definition = load(definitions.read_file(Path(file)), file)
    unknown = [name for name in endpoint or [] if name not in {one.name for one in definition.endpoints}]
    if unknown:
        names = ", ".join(one.name for one in definition.endpoints)
        raise InputError(f"there is no endpoint {unknown[0]!r}", field="--endpoint", hint=f"There are: {names}.")
    instances.check_keys(definition, [text.partition("=")[0] for text in given or []])
    assigned = values.read_assignments(given or [], definition.variables)
    assigned |= values.ask_missing(assigned, definition.variables)
    network = NetworkPolicy(allow_private=load_settings().allow_private_network)
    trial = _run(output, definition, assigned, network, endpoint or (), pages)
    output.document(_document(definition, trial))
    _tell(output, trial)
    if not trial.is_good:
        raise typer.Exit(NOT_GOOD)


@app.command(rich_help_panel="Set up", epilog=example("holdfast plan mine"))
def plan(name: Name, json: Json = False) -> None:
    """Compare what backups should cost with what they did cost.

    The forecast comes from a look at the live source, as in `definition try`; nothing is stored. Says the shortest
    schedule that can be kept.
    """
    from holdfast.catalog import runs
    from holdfast.cli.session import opened
    from holdfast.operations import instances, variables
    from holdfast.operations.definitions import loaded
    from holdfast.operations.schedule import of_instance
    from holdfast.operations.trial import actual_runs
    from holdfast.operations.trial.forecast import is_kept, shortest_schedule

    output = Output(as_json=json)
    with opened() as session:
        instance = session.instance(name)
        definition = loaded(session.services, session.definition(instance))
        if definition is None:
            raise InputError(f"the definition of {name} has no document yet", code="no_document")
        given = variables.values(session.services, instance, definition)
        with session.services.database.read() as connection:
            if runs.active(connection, instance.id) is not None:
                raise Conflict("a backup is under way", hint="Ask again when it has ended.", code="busy")

        def keep(key: str, value: str) -> None:
            instances.set_variables(session.services, instance, {key: value})

        trial = _run(output, definition, given, session.services.network, (), 3, keep)
        first, usual = actual_runs(session.services, instance)
        schedule = of_instance(instance)
    if trial.forecast is None:
        output.document({"instance": name, **_document(definition, trial)})
        _tell(output, trial)
        raise typer.Exit(NOT_GOOD)
    seconds = trial.forecast.daily.seconds if usual is None else usual.seconds
    kept = shortest_schedule(seconds)
    output.document(
        {
            "instance": name, "schedule": schedule.text, "is_kept": is_kept(schedule.frequency, seconds),
            "shortest_schedule": kept, "forecast": trial.forecast,
            "actual": {"first": first, "daily": usual},
        }
    )  # fmt: skip
    _tell_plan(output, trial.forecast, first, usual)
    output.say(_keeps(kept, "by what backups took" if usual is not None else "by the forecast"), "bold")
    if is_kept(schedule.frequency, seconds):
        output.say(f"Its schedule now: {schedule.text}.")
    else:
        output.say(f"Its schedule now, {schedule.text}, is too short: backups will be left out.", "red")


def _run(
    output: Output, definition: "Definition", variables: Mapping[str, str], network: "NetworkPolicy",
    only: Sequence[str], pages: int, keep: "TokenRotated | None" = None,
) -> "Trial":  # fmt: skip
    import asyncio

    from holdfast.operations.trial import try_definition

    def keep_in_file(key: str, value: str) -> None:
        """The old token is worth nothing any more, so the new one must not be lost."""
        path = Path(f"{key}.rotated")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(value)
        output.note(f"the source has replaced {key}: the new one is in {path}, for --set {key}=@{path}", "yellow")

    with output.busy(f"asking {definition.name}"):
        return asyncio.run(
            try_definition(
                definition, variables, network, token_rotated=keep or keep_in_file, only=only, pages=pages
            )
        )  # fmt: skip


def _tell(output: Output, trial: "Trial") -> None:
    if trial.failure is not None:
        output.say(f"nothing could be read: {trial.failure}", "red")
    output.table(
        ["endpoint", "lists #", "pages read #", "records seen #", "of #", "id", "cursor", "blobs #", "per page", ""],
        [_row(one) for one in trial.endpoints],
    )
    for one in trial.endpoints:
        shown = one.sample.records[:_SHOWN]
        if shown and not output.as_json:
            output.say(f"\n{one.name}")
            output.table(
                ["  parent", "id", "cursor", "blob", "record…"],
                [
                    [f"  {each.parent}" if each.parent else "", each.id, each.cursor, each.blob, _short(each.fields)]
                    for each in shown
                ],
            )
    doubts = [("", text) for text in trial.suspicions]
    doubts += [(one.name, text) for one in trial.endpoints for text in one.suspicions]
    output.say("")
    for name, text in doubts:
        output.say(f"{name}: {text}" if name else text, "yellow")
    for one in trial.endpoints:
        if one.sample.failure is not None:
            output.say(f"{one.name} could not be read: {one.sample.failure}", "red")
    if trial.forecast is not None:
        _tell_forecast(output, trial.forecast)
    output.note(f"{count(trial.requests, 'request')} in {duration(trial.seconds)}; nothing was stored")


def _row(one: "EndpointTrial") -> list[object]:
    sample = one.sample
    per_list, is_all = sample.records_per_list()
    total = round(per_list * sample.lists)
    seconds = sample.seconds_per_page
    with_cursor = [record.cursor for record in sample.records if record.cursor is not None]
    outcome = "failed" if sample.failure else f"{count(len(one.suspicions), 'doubt')}" if one.suspicions else "good"
    return [
        one.name, round(sample.lists), len(sample.pages), len(sample.records),
        f"{total:,}" if is_all else f"{total:,} or more", sample.records[0].id if sample.records else "",
        max(with_cursor, default=sample.feed_cursor or ""), sum(record.blob is not None for record in sample.records),
        "" if seconds is None or sample.endpoint.within else f"{seconds * 1000:.0f} ms", outcome,
    ]  # fmt: skip


def _tell_forecast(output: Output, told: "Forecast") -> None:
    least = " or more" if told.is_least else ""
    full_every = [one.full_every_days for one in told.endpoints.values() if one.full_every_days]
    kinds: list[tuple[str, RunForecast]] = [("the first", told.first), ("a daily one", told.daily)]
    if full_every:
        kinds.append((f"one that lists everything (every {min(full_every):g} days)", told.full))
    output.table(
        ["backup", "requests #", "takes", "because of"],
        [[what, f"{one.requests:,}{least}", duration(one.seconds), one.bound_by] for what, one in kinds],
    )
    output.say(_keeps(told.schedule, f"if {told.assumed_changed:.0%} of the records change a day"), "bold")
    if told.is_least:
        output.say("Not every list was read to its end or counted by the source: these are the least figures.")


def _tell_plan(output: Output, told: "Forecast", first: "Actual | None", usual: "Actual | None") -> None:
    output.table(
        ["backup", "requests: forecast #", "actual #", "takes: forecast", "actual", "which"],
        [
            [
                what, expected.requests, None if actual is None else actual.requests, duration(expected.seconds),
                "" if actual is None else duration(actual.seconds), _which(actual),
            ]
            for what, expected, actual in (("first", told.first, first), ("daily", told.daily, usual))
        ],
    )  # fmt: skip
    output.say("")
    output.table(
        ["requests of", "first: forecast #", "actual #", "daily: forecast #", "actual #"],
        [
            [
                name, one.first, None if first is None else first.endpoints.get(name, 0), one.daily,
                None if usual is None else usual.endpoints.get(name, 0),
            ]
            for name, one in told.endpoints.items()
        ],
    )  # fmt: skip
    output.say("")


def _which(actual: "Actual | None") -> str:
    if actual is None:
        return "none yet"
    numbers = [str(number) for number in actual.backups]
    return f"backup {numbers[0]}" if len(numbers) == 1 else f"median of {numbers[0]} to {numbers[-1]}"


def _keeps(schedule: str | None, why: str) -> str:
    if schedule is None:
        return f"No schedule can be kept, {why}: a backup takes longer than a week."
    return f"The shortest schedule that can be kept: {schedule}, {why}."


def _short(fields: Mapping[str, Any]) -> str:
    import json

    text = json.dumps(fields, ensure_ascii=False)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _document(definition: "Definition", trial: "Trial") -> dict[str, Any]:
    return {
        "definition": definition.name,
        "good": trial.is_good,
        "failure": trial.failure,
        "suspicions": list(trial.suspicions),
        "endpoints": [
            {
                "endpoint": one.name,
                "failure": one.sample.failure,
                "suspicions": list(one.suspicions),
                "lists": round(one.sample.lists),
                "counted": one.sample.counted,
                "pages": one.sample.pages,
                "records": [
                    {"parent": each.parent, "id": each.id, "cursor": each.cursor, "blob": each.blob,
                     "deleted": each.deleted, "record": each.fields}
                    for each in one.sample.records[:_SHOWN]
                ],
                "blob": one.sample.blob,
                "feed_cursor": one.sample.feed_cursor,
            }
            for one in trial.endpoints
        ],
        "forecast": trial.forecast,
        "requests": trial.requests,
        "seconds": trial.seconds,
    }  # fmt: skip
