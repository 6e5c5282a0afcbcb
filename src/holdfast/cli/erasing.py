"""`holdfast erase`: a customer erased for ever by destroying its keys, and the certificate that says so."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli import completion
from holdfast.cli.confirming import confirm_by_typing
from holdfast.cli.errors import NOT_GOOD
from holdfast.cli.output import Output, count, moment
from holdfast.cli.owners import find_customer
from holdfast.cli.parameters import Json, Yes, example
from holdfast.cli.pruning import StorageUrl
from holdfast.errors import InputError

app = typer.Typer(no_args_is_help=True)
Customer = Annotated[
    str,
    typer.Argument(metavar="CUSTOMER", help="A customer's name or id.", autocompletion=completion.customer_names),
]
Target = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Where the certificate goes; - is standard output.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]


@app.command(epilog=example("holdfast erase customer acme-4711 -o certificate.json"))
def customer(
    which: Customer,
    target: Target = "-",
    force: Force = False,
    yes: Yes = False,
    storage_url: StorageUrl = None,
) -> None:
    """Erase a customer for ever, and write the signed certificate.

    Every copy of its encryption keys is destroyed, in the vault and its replicas, earlier versions included: from then
    on nobody can read its backups, wherever copies of them lie. Then its objects and catalog rows go. A legal hold
    forbids it. Where a storage does not answer, the erasure stays pending: run the same again.
    """
    from holdfast.catalog import erasures
    from holdfast.cli.files import written
    from holdfast.cli.session import opened
    from holdfast.operations import acting, erase

    output = Output()
    with opened(deletes=True, storage_url=storage_url) as session, written(target, force=force) as file:
        with session.services.database.read() as connection:
            begun = erasures.find(connection, int(which)) if which.isdecimal() else None
        if begun is None:
            found = find_customer(session, which)
            customer_id = found.id
            if not yes:
                confirm_by_typing(
                    f"Erase customer {found.name} ({found.id}) with all its backups? Nobody can bring them back.",
                    str(found.id),
                )
        else:
            customer_id = begun.customer_id
        with output.busy("destroying keys, then deleting what they opened"):
            signed = erase.erase_customer(session.services, customer_id, actor=acting.actor())
        file.write(signed.encode() + b"\n")
    keys = len(signed.receipt["keys_destroyed"])
    output.note(f"Customer {customer_id} is erased: {count(keys, 'key object')} destroyed.", "green")


@app.command("list", epilog=example("holdfast erase list"))
def list_erasures(json: Json = False) -> None:
    """List erasures, those that are still pending too."""
    from holdfast.catalog import erasures
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session, session.services.database.read() as connection:
        found = erasures.all_erasures(connection)
    output.document(
        {
            "erasures": [
                {"customer_id": one.customer_id, "requested_at": one.requested_at, "ended_at": one.ended_at}
                for one in found
            ]
        }
    )
    output.table(
        ["customer", "asked for", "ended"],
        [[str(one.customer_id), moment(one.requested_at), moment(one.ended_at) or "pending"] for one in found],
    )
    if not found:
        output.say("No customer was erased.")


@app.command(epilog=example("holdfast erase resume"))
def resume(storage_url: StorageUrl = None, json: Json = False) -> None:
    """Bring pending erasures to their end. A worker that may delete does it by itself."""
    from holdfast.cli.session import opened
    from holdfast.operations import erase

    output = Output(as_json=json)
    with opened(deletes=True, storage_url=storage_url) as session:
        done = erase.resume(session.services)
    output.document({"ended": [one.receipt["customer_id"] for one in done]})
    output.say(f"{count(len(done), 'erasure')} ended." if done else "Nothing is pending.")


@app.command(epilog=example("holdfast erase certificate 245001223344556 -o certificate.json"))
def certificate(
    customer_id: Annotated[int, typer.Argument(metavar="CUSTOMER_ID", help="The erased customer's id.")],
    target: Target = "-",
    force: Force = False,
) -> None:
    """Write the certificate of an erasure again."""
    from holdfast.cli.files import written
    from holdfast.cli.session import opened
    from holdfast.operations import erase

    with opened() as session:
        signed = erase.certificate(session.services, customer_id)
    with written(target, force=force) as file:
        file.write(signed.encode() + b"\n")


@app.command(epilog=example("holdfast erase verify certificate.json --key $(holdfast receipt key)"))
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate as `erase customer` writes it.")],
    key: Annotated[
        str | None, typer.Option("--key", metavar="HEX", help="The public key it must be signed with.")
    ] = None,
    vault: Annotated[
        bool, typer.Option("--vault", help="Look for keys of the customer in vault and replicas.")
    ] = False,
    json: Json = False,
) -> None:
    """Check a certificate of erasure: its signature, offline; with --vault also that no key has come back.

    Exit code 1: a key is there. Exit code 2: this is not what was signed.
    """
    from holdfast.operations import erase
    from holdfast.vault import receipts

    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="FILE") from error
    signed = receipts.verify(data, key)
    said = signed.receipt
    if "holdfast_erasure" not in said:
        raise InputError(f"{file} is no certificate of an erasure", field="FILE", code="receipt_invalid")
    looked, left = 0, []
    if vault:
        from holdfast.cli.session import opened

        with opened() as session:
            if said["vault_id"] != session.services.vault.id:
                raise InputError("the certificate is that of another vault", field="FILE", code="receipt_invalid")
            left = erase.keys_left(session.services, said["customer_id"])
            looked = 1 + len(session.services.replicas)
    output = Output(as_json=json)
    output.document(
        {
            "file": str(file), "valid": True, "key_checked": key is not None, "storages_looked_at": looked,
            "keys_left": left, "certificate": said,
        }
    )  # fmt: skip
    output.say(
        f"{file}: the signature is good. Customer {said['customer_id']} was erased at {said['ended_at']}; "
        f"{count(len(said['keys_destroyed']), 'key object')} destroyed.",
        "green",
    )
    if key is None:
        output.say("Whose signature it is was not checked: give the vault's public key with --key.")
    if left:
        output.say(f"Keys of it are there again: {', '.join(left)}. Somebody put a copy back: delete it there.", "red")
        raise typer.Exit(NOT_GOOD)
    if vault:
        output.say(f"No key of it is in {count(looked, 'storage')}.", "green")
