"""`vendor create|list|rotate|revoke|disable|enable`: who may use the API, and with which client secrets."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.output import Output, moment, styled
from holdfast.cli.parameters import Json, example
from holdfast.errors import InputError, NotFound

if TYPE_CHECKING:
    from holdfast.catalog.vendors import Vendor
    from holdfast.cli.session import Session
    from holdfast.operations.vendors import NewSecret

app = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(metavar="VENDOR", help="A vendor's name, id or client id.")]


@app.command(epilog=example("holdfast vendor create Acme --email ops@acme.example --json"))
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The vendor's name.")],
    email: Annotated[str | None, typer.Option("--email", metavar="ADDRESS", help="Whom to write to.")] = None,
    json: Json = False,
) -> None:
    """Make a vendor, and print its client id and secret.

    The secret is shown this once: Holdfast keeps its hash only.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import vendors

    with opened() as session:
        _tell_secret(Output(as_json=json), vendors.create(session.services, name, email))


@app.command("list", epilog=example("holdfast vendor list"))
def list_vendors(json: Json = False) -> None:
    """List the vendors with their client ids and masked secrets."""
    from holdfast.cli.session import opened
    from holdfast.operations import vendors

    output = Output(as_json=json)
    with opened() as session:
        found = [(one, vendors.secrets_of(session.services, one.id)) for one in _all(session)]
    output.document(
        {
            "vendors": [
                _document(one)
                | {
                    "disabled_at": one.disabled_at,
                    "secrets": [
                        {"id": secret.id, "hint": secret.hint, "created_at": secret.created_at} for secret in secrets
                    ],
                }
                for one, secrets in found
            ]
        }
    )
    output.table(
        ["name", "id", "client id", "email", "secrets", "since", ""],
        [
            [
                one.name, str(one.id), one.client_id, one.email, ", ".join(f"{two.id}: {two.hint}" for two in secrets),
                moment(one.created_at, to="minute"), styled("disabled", "red") if one.disabled_at else "",
            ]
            for one, secrets in found
        ],
    )  # fmt: skip
    if not found:
        output.say("There are no vendors yet: holdfast vendor create NAME")


@app.command(epilog=example("holdfast vendor rotate Acme", "holdfast vendor rotate Acme --keep"))
def rotate(
    which: Which,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the old secrets good until they are revoked.")] = False,
    json: Json = False,
) -> None:
    """Give a vendor a new client secret, in place of the old ones.

    Old secrets and the tokens got with them are good for nothing from now on, unless --keep leaves them.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import vendors

    with opened() as session:
        vendor = find(session, which)
        make = vendors.add_secret if keep else vendors.rotate
        _tell_secret(Output(as_json=json), make(session.services, vendor.id))


@app.command(epilog=example("holdfast vendor revoke Acme 245001223344556"))
def revoke(
    which: Which,
    secret_id: Annotated[int, typer.Argument(metavar="SECRET_ID", help="As `holdfast vendor list` shows it.")],
    json: Json = False,
) -> None:
    """Revoke one client secret, and every token got with it."""
    from holdfast.cli.session import opened
    from holdfast.operations import vendors

    output = Output(as_json=json)
    with opened() as session:
        vendor = find(session, which)
        vendors.revoke_secret(session.services, vendor.id, secret_id)
    output.document(_document(vendor) | {"revoked": secret_id})
    output.say(f"Revoked secret {secret_id} of {vendor.name}.", "green")


@app.command(epilog=example("holdfast vendor disable Acme"))
def disable(which: Which, json: Json = False) -> None:
    """Refuse a vendor's clients: no new tokens, and those they have are refused. Its backups go on."""
    _set_disabled(Output(as_json=json), which, disabled=True)


@app.command(epilog=example("holdfast vendor enable Acme"))
def enable(which: Which, json: Json = False) -> None:
    """Let a disabled vendor's clients in again."""
    _set_disabled(Output(as_json=json), which, disabled=False)


def _set_disabled(output: Output, which: str, *, disabled: bool) -> None:
    from holdfast.cli.session import opened
    from holdfast.operations import vendors

    with opened() as session:
        vendor = find(session, which)
        vendors.set_disabled(session.services, vendor.id, disabled)
    output.document(_document(vendor) | {"disabled": disabled})
    output.say(f"{vendor.name} is {'disabled' if disabled else 'enabled'}.", "green")


def _tell_secret(output: Output, made: "NewSecret") -> None:
    output.document(_document(made.vendor) | {"secret_id": made.secret_id, "client_secret": made.client_secret})
    output.say(f"client_id:      {made.vendor.client_id}")
    output.say(f"client_secret:  {made.client_secret}")
    output.say("Keep the secret now: it is shown this once.", "bold")


def _document(vendor: "Vendor") -> dict[str, Any]:
    return {"vendor_id": vendor.id, "name": vendor.name, "email": vendor.email, "client_id": vendor.client_id}


def find(session: "Session", which: str) -> "Vendor":
    """Raises NotFound, InputError where a name belongs to several."""
    found = [one for one in _all(session) if which in (one.name, one.client_id, str(one.id))]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(one.id) for one in found)
        raise InputError(f"{len(found)} vendors are named {which!r}", field="VENDOR", hint=f"Give an id: {ids}.")
    raise NotFound(f"there is no vendor {which!r}", field="VENDOR", hint="`holdfast vendor list` lists them.")


def _all(session: "Session") -> list["Vendor"]:
    """Those whose clients log in: the command line's own and the built-in definitions' have no secrets."""
    from holdfast.operations import vendors
    from holdfast.operations.customers import LOCAL_VENDOR
    from holdfast.operations.definitions import LIBRARY_VENDOR

    internal = {LOCAL_VENDOR, LIBRARY_VENDOR}
    return [one for one in vendors.all_vendors(session.services) if one.client_id not in internal]
