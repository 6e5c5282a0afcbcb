"""`add`, `set`, `remove`: which accounts of which applications are backed up, and with which values."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli import completion
from holdfast.cli.confirming import confirm
from holdfast.cli.output import Output, moment
from holdfast.cli.parameters import Json, Name, Yes, example
from holdfast.errors import Conflict, InputError, NotFound

if TYPE_CHECKING:
    from holdfast.catalog.definitions import BackupDefinition
    from holdfast.cli.session import Session
    from holdfast.definitions.document import Definition

app = typer.Typer()
_PANEL = "Set up"
_VALUES = "key=value, key=@FILE, key=env:NAME, or key alone to be asked for it"


@app.command(
    rich_help_panel=_PANEL,
    epilog=example(
        "holdfast add github mine token=env:GITHUB_TOKEN",
        "holdfast add ./crm.yaml sales base_url=https://crm.example.com password",
    ),
)
def add(
    definition: Annotated[
        str,
        typer.Argument(
            metavar="DEFINITION",
            help="A built-in or saved definition (`holdfast definition list`), or a YAML file.",
            autocompletion=completion.definition_names,
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the instance.")],
    values_given: Annotated[
        list[str] | None,
        typer.Argument(metavar="key=value", help=f"{_VALUES}.", autocompletion=completion.assignments),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="key=value", help="The same, as an option.", autocompletion=completion.assignments
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Add an instance: an account that is to be backed up.

    Required variables that are not given are asked for, secrets without showing them. Secrets are kept encrypted and
    never printed.
    """
    from holdfast.cli import values
    from holdfast.cli.session import opened
    from holdfast.operations import instances

    output = Output(as_json=json)
    _check_name(name)
    with opened() as session:
        # Everything that can be wrong comes before the first thing that is kept.
        if any(one.label == name for one in session.instances()):
            hint = f"Choose another name, or `holdfast set {shlex.quote(name)} key=value` changes that one."
            raise Conflict(f"there is an instance named {name!r} already", field="NAME", code="taken", hint=hint)
        document = _document(session, definition)
        variables = [] if document is None else document.variables
        texts = [*(values_given or []), *(given or [])]
        instances.check_keys(document, [text.partition("=")[0] for text in texts])
        assigned = values.read_assignments(texts, variables)
        assigned |= values.ask_missing(assigned, variables)
        instances.check_values(document, assigned)
        found = _definition(session, definition, output)
        made = instances.create(session.services, session.customer.id, found.id, label=name, given=assigned)
        shown = values.shown(assigned, variables)
        output.document({"instance": name, "id": made.id, "definition": found.name, "variables": shown})
        output.say(f"Added {name}, which backs up {found.name}.", "green")
        output.table(["variable", "value"], [[key, value] for key, value in shown.items()])
        output.say(f"\nNext: holdfast backup {shlex.quote(name)}")


@app.command(
    "set",
    rich_help_panel=_PANEL,
    epilog=example("holdfast set mine token", "holdfast set mine token=@token.txt owner=octocat"),
)
def set_values(
    name: Name,
    given: Annotated[
        list[str],
        typer.Argument(metavar="key=value", help=_VALUES, autocompletion=completion.assignments),
    ],
    json: Json = False,
) -> None:
    """Give variables of an instance other values."""
    from holdfast.cli import values
    from holdfast.cli.session import opened
    from holdfast.operations import instances
    from holdfast.operations.definitions import loaded

    output = Output(as_json=json)
    with opened() as session:
        instance = session.instance(name)
        document = loaded(session.services, session.definition(instance))
        variables = [] if document is None else document.variables
        instances.check_keys(document, [text.partition("=")[0] for text in given])
        assigned = values.read_assignments(given, variables)
        instances.set_variables(session.services, instance, assigned)
        shown = values.shown(assigned, variables)
        output.document({"instance": name, "variables": shown})
        output.say(f"Set {', '.join(shown)} of {name}.", "green")


@app.command(
    rich_help_panel=_PANEL,
    epilog=example(
        "holdfast schedule mine daily", "holdfast schedule mine '30 2 * * 1-5' --time-zone Europe/Berlin",
    ),
)  # fmt: skip
def schedule(
    name: Name,
    when: Annotated[
        str, typer.Argument(metavar="WHEN", help="off, hourly, daily, weekly, or a cron expression of five fields.")
    ],
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", metavar="ZONE", help="Of a cron expression.  [default: UTC]")
    ] = None,
    json: Json = False,
) -> None:
    """Say when an instance is backed up by itself.

    It is as long as `holdfast serve` or `holdfast worker` runs.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import schedule as schedules

    output = Output(as_json=json)
    with opened() as session:
        schedules.set_schedule(session.services, session.instance(name), schedules.parse(when, time_zone))
        instance = session.instance(name)
        output.document(
            {
                "instance": name,
                "frequency": instance.frequency,
                "cron": instance.cron,
                "time_zone": instance.time_zone,
                "next_due_at": instance.next_due_at,
            }
        )
        if instance.next_due_at is None:
            output.say(f"{name} is backed up on request only.", "green")
        else:
            output.say(
                f"{name} is backed up {schedules.of_instance(instance).text}: next {moment(instance.next_due_at)}.",
                "green",
            )
            output.note("`holdfast serve` or `holdfast worker` does it, as long as it runs.")


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast remove mine"))
def remove(
    name: Name,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove an instance: it is backed up no more.

    Its name is free again. What was backed up stays in the vault, but no command shows it any more.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import instances

    output = Output(as_json=json)
    with opened() as session:
        instance = session.instance(name)
        if not yes:
            confirm(f"Remove {name}? Its backups stay in the vault, but no command shows them any more.")
        instances.remove(session.services, instance)
        output.document({"instance": name, "id": instance.id, "removed": True})
        output.say(f"Removed {name}. Its backups stay in the vault.", "green")


def _document(session: "Session", text: str) -> "Definition | None":
    """What the definition of that name, or in that file, says. Nothing is saved."""
    from holdfast.cli.definitions import read_file
    from holdfast.definitions.loading import load
    from holdfast.operations.definitions import loaded

    if _is_file(text):
        return load(read_file(Path(text)), text)
    return loaded(session.services, _named(session, text))


def _definition(session: "Session", text: str, output: Output) -> "BackupDefinition":
    """The definition of that name, the customer's own before the built-in one; or one from a file, saved first."""
    from holdfast.cli.definitions import save_file

    if _is_file(text):
        found, said = save_file(session, Path(text))
        output.note(said)
        return found
    return _named(session, text)


def _is_file(text: str) -> bool:
    return text.endswith((".yaml", ".yml")) or "/" in text


def _named(session: "Session", text: str) -> "BackupDefinition":
    """Raises NotFound with the names there are."""
    from holdfast.catalog import definitions
    from holdfast.catalog.listing import PageRequest
    from holdfast.definitions import library
    from holdfast.definitions.kinds import did_you_mean
    from holdfast.operations.definitions import library_vendor

    vendor_id = session.customer.vendor_id
    with session.services.database.write() as connection:
        own = definitions.find(connection, vendor_id, text)
        found = own or definitions.find(connection, library_vendor(connection).id, text)
        page = PageRequest(per_page=10_000)
        saved = [one.name for one in definitions.visible(connection, vendor_id, page, of_vendor=vendor_id).items]
    if found is not None:
        return found
    built_in = library.names()
    listed = f"Saved here: {', '.join(sorted(set(saved)))}. " if saved else ""
    raise NotFound(
        f"there is no definition `{text}`.{did_you_mean(text, [*saved, *built_in])}",
        field="DEFINITION",
        hint=f"{listed}Built in: {', '.join(built_in)}. A file is named with its .yaml.",
    )


def _check_name(name: str) -> None:
    if not name.strip() or name.startswith("-") or not name.isprintable():
        raise InputError(
            f"{name!r} cannot be a name", field="NAME", hint="Choose printable text, not beginning with -."
        )
