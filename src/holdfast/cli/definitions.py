"""`definition check|list|save|show|schema`: the documents that say how an application is backed up."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli import completion
from holdfast.cli.output import Output, count
from holdfast.cli.parameters import Json, example
from holdfast.errors import DefinitionError, InputError

if TYPE_CHECKING:
    from holdfast.catalog.definitions import BackupDefinition
    from holdfast.cli.session import Session

app = typer.Typer(no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML document.", exists=False)]


@app.command(epilog=example("holdfast definition check crm.yaml"))
def check(file: File, json: Json = False) -> None:
    """Find every mistake in a definition.

    Each with its line and what was probably meant. Saves nothing.
    """
    from holdfast.definitions.loading import load

    output = Output(as_json=json)
    try:
        definition = load(read_file(file), str(file))
    except DefinitionError as error:
        if not json:
            raise
        problems = [
            {"file": one.file, "line": one.line, "field": one.field, "message": str(one), "hint": one.hint}
            for one in error.problems
        ]
        output.document({"file": str(file), "valid": False, "problems": problems})
        raise typer.Exit(2) from None
    names = [endpoint.name for endpoint in definition.endpoints]
    output.document(
        {
            "file": str(file),
            "valid": True,
            "name": definition.name,
            "endpoints": names,
            "variables": [variable.key for variable in definition.variables],
        }
    )
    output.say(f"{file}: {definition.name} is a good definition", "green")
    output.say(f"{count(len(names), 'endpoint')}: {', '.join(names)}")
    output.table(
        ["variable", "", "description"],
        [
            [
                variable.key,
                "secret" if variable.secret else "optional" if variable.optional or variable.default else "",
                variable.description or variable.name,
            ]
            for variable in definition.variables
        ],
    )


@app.command("list", epilog=example("holdfast definition list"))
def list_definitions(json: Json = False) -> None:
    """List the definitions: built-in ones, and those saved here.

    Each with what it was verified against.
    """
    from holdfast.cli import definition_summary
    from holdfast.definitions import library
    from holdfast.definitions.loading import load

    output = Output(as_json=json)
    found = [("built-in", name, library.load(name)) for name in library.names()]
    found += [("saved", name, load(text)) for name, text in _saved()]
    output.document(
        {
            "definitions": [
                {"origin": origin, **definition_summary.document(definition), "name": name}
                for origin, name, definition in found
            ]
        }
    )
    output.table(
        ["name", "", "endpoints#", "description", "verified"],
        [
            [name, origin, len(definition.endpoints), definition.description, definition_summary.mark(definition)]
            for origin, name, definition in found
        ],
    )
    output.note("`holdfast definition show NAME --summary`: rights, limits, endpoints, and how it was verified.")


@app.command(epilog=example("holdfast definition save crm.yaml"))
def save(file: File, json: Json = False) -> None:
    """Save a definition, or a new revision of it.

    Its document names it. Instances of the definition use the new revision from their next backup on.
    """
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session:
        found, said = save_file(session, file)
        output.document({"name": found.name, "id": found.id})
        output.say(said, "green")


@app.command(epilog=example("holdfast definition show kinto > my-kinto.yaml"))
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A built-in or saved one.", autocompletion=completion.definition_names),
    ],
    summary: Annotated[bool, typer.Option("--summary", help="In words: rights, limits, endpoints, variables.")] = False,
    json: Json = False,
) -> None:
    """Print a definition's document: a start for one's own.

    With --summary: which rights it needs, which limits it keeps, what it reads and how, and how it was verified.
    """
    from holdfast.cli import definition_summary
    from holdfast.definitions import library
    from holdfast.definitions.loading import load

    output = Output(as_json=json)
    saved = dict(_saved())
    text = saved[name] if name in saved else library.read(name)
    if json:
        output.document(definition_summary.document(load(text)) | {"document": text})
    elif summary:
        definition_summary.tell(output, load(text))
    else:
        output.bytes(text.encode())


@app.command(epilog=example("holdfast definition schema > holdfast-1.json"))
def schema() -> None:
    """Print the language's JSON Schema, for editors."""
    import json

    from holdfast.definitions.schema import json_schema

    Output().bytes(json.dumps(json_schema(), indent=2).encode() + b"\n")


def save_file(session: "Session", file: Path) -> tuple["BackupDefinition", str]:
    """The definition of a file, made or brought up to date, and what was done in a sentence. Raises DefinitionError."""
    from holdfast.catalog import definitions as catalog_definitions
    from holdfast.catalog import instances
    from holdfast.definitions.loading import load
    from holdfast.operations import definitions

    text = read_file(file)
    name = load(text, str(file)).name
    services, vendor_id = session.services, session.customer.vendor_id
    with services.database.read() as connection:
        found = catalog_definitions.find(connection, vendor_id, name)
    if found is None:
        return definitions.create(services, vendor_id, text, file=str(file)), f"Saved the definition {name}."
    if definitions.set_document(services, found.id, text, file=str(file)) == found.revision_id:
        return found, f"The definition {name} is saved already."
    with services.database.read() as connection:
        users = [
            one.label or str(one.id)
            for one in instances.all_of_customer(connection, session.customer.id)
            if one.definition_id == found.id
        ]
        found = catalog_definitions.get(connection, found.id)
    used = f" From their next backup on it is used by: {', '.join(users)}." if users else ""
    return found, f"Saved a new revision of the definition {name}.{used}"


def _saved() -> list[tuple[str, str]]:
    """Name and document of every definition saved here; none where there is no installation yet."""
    from holdfast.catalog import definitions, vendors
    from holdfast.catalog.database import Database
    from holdfast.catalog.listing import PageRequest
    from holdfast.operations.customers import LOCAL_VENDOR
    from holdfast.settings import load_settings

    settings = load_settings()
    if not settings.database_url and not (settings.home / "catalog.db").exists():
        return []
    database = Database(settings.effective_database_url)
    try:
        with database.read() as connection:
            vendor = vendors.find(connection, LOCAL_VENDOR)
            if vendor is None:
                return []
            page = PageRequest(per_page=10_000)
            own = definitions.visible(connection, vendor.id, page, of_vendor=vendor.id).items
            return [
                (one.name, definitions.revision(connection, one.revision_id).document)
                for one in own
                if one.revision_id is not None
            ]
    finally:
        database.close()


def read_file(file: Path) -> str:
    """A document's text. Raises InputError."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="FILE") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text", field="FILE") from error
