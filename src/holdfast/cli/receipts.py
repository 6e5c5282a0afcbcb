"""`holdfast receipt`: the signed receipts of backups, and checking one offline."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output
from holdfast.cli.parameters import At, Backup, Json, Name, example, parse_time
from holdfast.errors import InputError

app = typer.Typer(no_args_is_help=True)


@app.command(epilog=example("holdfast receipt show mine", "holdfast receipt show mine --backup 3 > receipt.json"))
def show(name: Name, backup: Backup = None, at: At = None) -> None:
    """Print the receipt of a backup, as the file that `verify` checks."""
    from holdfast.cli.session import opened
    from holdfast.operations import receipts

    with opened() as session:
        state = session.state(session.instance(name), backup=backup, at=parse_time(at))
        Output().bytes(receipts.read(session.services, state).encode() + b"\n")


@app.command(epilog=example("holdfast receipt key"))
def key() -> None:
    """Print the public key that all receipts of this vault are signed with. Keep it where the vault is not."""
    from holdfast.cli.session import opened
    from holdfast.operations import receipts

    with opened() as session:
        typer.echo(receipts.public_key(session.services))


@app.command(
    epilog=example(
        "holdfast receipt verify receipt.json --key $(holdfast receipt key)",
        "holdfast restores mine 244917 --json > report.json && holdfast receipt verify report.json",
    )
)
def verify(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A receipt as `receipt show` prints it, or `restores NAME ID --json`."),
    ],
    key: Annotated[
        str | None, typer.Option("--key", metavar="HEX", help="The public key the receipt must be signed with.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a receipt, or the report of a restore: its signature, and that its counts add up.

    Needs neither vault nor catalog nor root key. Exit code 1: it is signed, and contradicts itself.
    """
    from holdfast.vault import receipts

    if key is not None and not re.fullmatch(r"\s*[0-9a-fA-F]{64}\s*", key):
        hint = "A public key is 64 hexadecimal digits: `holdfast receipt key` prints the vault's."
        raise InputError(f"{key!r} is no key", field="--key", hint=hint)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="FILE") from error
    signed = receipts.verify(data, key)
    output, said = Output(as_json=json), signed.receipt
    found = receipts.contradictions(said)
    output.document(
        {"file": str(file), "valid": not found, "key_checked": key is not None, "problems": found, "receipt": said}
    )
    output.say(f"{file}: the signature is good. {_in_words(said)}")
    for problem in found:
        output.say(problem, "red")
    if key is None:
        output.say("Whose signature it is was not checked: give the vault's public key with --key.")
    if found:
        raise typer.Exit(NOT_GOOD)


def _in_words(said: dict[str, Any]) -> str:
    from holdfast.vault import receipts

    if receipts.is_of_restore(said):
        whole = "complete" if said.get("complete") else "not complete"
        counters = said["counters"]
        numbers = ", ".join(f"{counters[name]:,} {name}" for name in ("created", "updated", "undeleted", "failed"))
        return (
            f"Restore {said['restore_id']} of backup {said['backup_number']} of instance {said['instance_id']} to "
            f"instance {said['target_instance_id']} ended {said['status']}, {whole}, at {said['ended_at']}: {numbers}."
        )
    live = sum(endpoint["live"] for endpoint in said["endpoints"])
    return (
        f"Backup {said['backup_number']} of instance {said['instance_id']} ended {said['status']} at "
        f"{said['ended_at']} with {live:,} records."
    )
