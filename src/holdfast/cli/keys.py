"""`holdfast key`: the root key: where it comes from, another one in its place, a copy under a passphrase."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli.confirming import confirm
from holdfast.cli.output import Output, count
from holdfast.cli.parameters import Json, Yes, example
from holdfast.cli.pruning import StorageUrl
from holdfast.errors import Conflict, InputError

if TYPE_CHECKING:
    from holdfast.settings import Settings

app = typer.Typer(no_args_is_help=True)
_PASSPHRASE = typer.Option(
    "--passphrase", metavar="VALUE", help="As @FILE, @- (standard input) or env:NAME; else it is asked for."
)
Passphrase = Annotated[str | None, _PASSPHRASE]


@app.command(epilog=example("holdfast key show"))
def show(json: Json = False) -> None:
    """Show where the root key comes from, its id, and how many customers' keys it opens. Never the key itself."""
    from holdfast.cli.session import opened
    from holdfast.operations import keys

    output = Output(as_json=json)
    with opened() as session:
        services = session.services
        found = keys.inspect(services)
        output.document(
            {
                "root_id": services.vault.root_key.id.hex(),
                "vault_id": services.vault.id,
                "source": _source(services.settings),
                "customers": found.customers,
                "other_copies": found.others,
            }
        )
        output.say(f"root key  {services.vault.root_key.id.hex()}, {_source(services.settings)}")
        output.say(f"opens     the keys of {count(found.customers, 'customer')} and the installation's")
        if found.others:
            output.say(
                f"{count(found.others, 'copy', 'copies')} of keys open with another root key: a rotation was not "
                "ended. `holdfast key rotate` (or `key retire`) ends it.",
                "yellow",
            )


@app.command(epilog=example("holdfast key rotate"))
def rotate(yes: Yes = False, storage_url: StorageUrl = None, json: Json = False) -> None:
    """Put a new root key in place of the one in the key file. No data is written anew.

    The old key opens nothing afterwards, so that copies of it are worth nothing: keep a copy of the new one. Where the
    key does not come from a file, `key prepare` and `key retire` do the same in two steps.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import acting, keys

    output = Output(as_json=json)
    with opened(deletes=True, storage_url=storage_url) as session:
        services = session.services
        old = services.vault.root_key.id.hex()
        if not yes:
            confirm("Replace the root key? Copies of the old one will open nothing any more.")
        with output.busy("wrapping every customer's keys anew"):
            report = keys.rotate_key_file(services, actor=acting.actor())
        file, new = services.settings.effective_root_key_file, services.vault.root_key.id.hex()
    output.document(
        {
            "old_root_id": old, "root_id": new, "root_key_file": str(file),
            "customers": report.customers - 1, "copies_destroyed": report.copies_destroyed,
        }
    )  # fmt: skip
    output.say(f"The root key in {file} is a new one ({new}); {old} opens nothing any more.", "green")
    output.say("Copy that file to a safe place now. WHOEVER LOSES IT LOSES THE BACKUPS.", "bold")


@app.command(epilog=example("holdfast key prepare new-root.key"))
def prepare(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new key; made where it does not exist.")],
    json: Json = False,
) -> None:
    """Let a second root key open the vault: the first half of a rotation where the key is in no file.

    Then let HOLDFAST_ROOT_KEY or HOLDFAST_ROOT_KEY_COMMAND give the new key, restart, and run `holdfast key retire`.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import keys

    output = Output(as_json=json)
    with opened() as session:
        new = keys.key_in(file)
        report = keys.prepare_rotation(session.services, new)
    output.document({"root_id": new.id.hex(), "file": str(file), "customers": report.customers - 1})
    output.say(f"The key in {file} ({new.id.hex()}) opens the vault too.", "green")
    output.say("Next: let the setting give that key, restart what runs, then `holdfast key retire`.")


@app.command(epilog=example("holdfast key retire"))
def retire(yes: Yes = False, storage_url: StorageUrl = None, json: Json = False) -> None:
    """Destroy every copy of keys that other root keys than the present one open: the end of a rotation.

    Nothing is destroyed of a customer whose keys the present root key does not open twice.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import acting, keys

    output = Output(as_json=json)
    with opened(deletes=True, storage_url=storage_url) as session:
        root = session.services.vault.root_key
        if not yes:
            confirm(f"Destroy what other root keys than {root.id.hex()} open?")
        report = keys.finish_rotation(session.services, root, actor=acting.actor())
    output.document({"root_id": root.id.hex(), "copies_destroyed": report.copies_destroyed})
    output.say(f"Only {root.id.hex()} opens the vault now.", "green")


@app.command(epilog=example("holdfast key export -o root-key.json", "holdfast key export --passphrase @words.txt"))
def export(
    target: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="- is standard output.")] = "-",
    passphrase: Passphrase = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write the root key, wrapped by a passphrase: a copy that may be printed or kept with others.

    Whoever has it needs the passphrase, at least 12 characters; five or six random words do. `key import` takes it.
    """
    from holdfast.cli.files import written
    from holdfast.cli.session import opened
    from holdfast.operations import keys

    with opened() as session:
        text = keys.export_key(session.services, _passphrase(passphrase, twice=True))
    with written(target, force=force) as file:
        file.write(text.encode() + b"\n")


@app.command("import", epilog=example("holdfast key import root-key.json"))
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="As `key export` wrote it; - is standard input.")],
    passphrase: Passphrase = None,
    json: Json = False,
) -> None:
    """Write the key file from an export, once the key in it is found to open the vault. Nothing is overwritten."""
    from holdfast.app import import_root_key
    from holdfast.settings import load_settings

    output, settings = Output(as_json=json), load_settings()
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", field="FILE") from error
    try:
        root = import_root_key(settings, text, _passphrase(passphrase))
    except FileExistsError as error:
        there = settings.effective_root_key_file
        raise Conflict(f"there is a key file {there} already", hint="Move it away first.") from error
    output.document({"root_id": root.id.hex(), "root_key_file": str(settings.effective_root_key_file)})
    output.say(f"The root key is in {settings.effective_root_key_file} and opens the vault.", "green")


def _source(settings: "Settings") -> str:
    if settings.root_key is not None:
        return "from HOLDFAST_ROOT_KEY"
    if settings.root_key_command is not None:
        return "from HOLDFAST_ROOT_KEY_COMMAND"
    return f"from the file {settings.effective_root_key_file}"


def _passphrase(given: str | None, *, twice: bool = False) -> str:
    """Raises InputError for a passphrase on the command line itself: other users of the machine can read that."""
    if given is None:
        if not sys.stdin.isatty():
            raise InputError(
                "the passphrase cannot be asked for: standard input is no terminal",
                field="--passphrase",
                hint="--passphrase @FILE reads a file, env:NAME the environment, @- standard input.",
            )
        asked: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
        return asked
    if given == "@-":
        return sys.stdin.readline().removesuffix("\n")
    if given.startswith("@"):
        try:
            return Path(given[1:]).expanduser().read_text().removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{given[1:]} cannot be read: {error}", field="--passphrase") from error
    name = given.removeprefix("env:")
    if not given.startswith("env:") or name not in os.environ:
        raise InputError(
            "the passphrase is given as @FILE, @- or env:NAME of a variable that is set", field="--passphrase"
        )
    return os.environ[name]
