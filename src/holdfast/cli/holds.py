"""`holdfast hold`: legal holds, which keep backups whatever a policy says, until somebody releases them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli import completion
from holdfast.cli.output import Output, moment
from holdfast.cli.owners import OfCustomer, OfInstance, find_customer, find_instance
from holdfast.cli.parameters import Json, example
from holdfast.errors import InputError

if TYPE_CHECKING:
    from holdfast.catalog.holds import Hold
    from holdfast.cli.session import Session

app = typer.Typer(no_args_is_help=True)


@app.command(
    "set",
    epilog=example(
        'holdfast hold set --instance mine --reason "case 4711"',
        'holdfast hold set --instance mine --backup 12 --reason "audit of May"',
    ),
)
def place(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: whoever wants to release it asks.")],
    instance: OfInstance = None,
    backup: Annotated[int | None, typer.Option("--backup", metavar="N", min=1, help="Only this backup of it.")] = None,
    customer: OfCustomer = None,
    json: Json = False,
) -> None:
    """Keep every backup of an instance or a customer, or one backup, until the hold is released.

    No policy and no prune touches them, and the customer cannot be erased.
    """
    from holdfast.catalog import runs
    from holdfast.cli.session import opened
    from holdfast.operations import acting, holds

    output = Output(as_json=json)
    if (instance is None) == (customer is None):
        raise InputError("--instance or --customer says what is held: give one of them", field="--instance")
    if backup is not None and instance is None:
        raise InputError("--backup needs --instance", field="--backup")
    with opened() as session:
        run_id = None
        if instance is not None:
            chosen = find_instance(session, instance)
            customer_id, instance_id = chosen.customer_id, chosen.id
            if backup is not None:
                with session.services.database.read() as connection:
                    run = runs.by_sequence(connection, chosen.id, backup)
                if run is None:
                    raise InputError(f"{instance} has no backup {backup}", field="--backup")
                run_id = run.id
        else:
            assert customer is not None, "one of the two is given"
            customer_id, instance_id = find_customer(session, customer).id, None
        hold = holds.place(
            session.services, customer_id, reason, instance_id=instance_id, run_id=run_id, actor=acting.actor()
        )
        output.document(_document(session, hold))
        output.say(f"Held {_said(session, hold)}. Released by: holdfast hold release {hold.id}", "green")


@app.command("list", epilog=example("holdfast hold list"))
def list_holds(
    everything: Annotated[bool, typer.Option("--all", help="Those that were released too.")] = False,
    json: Json = False,
) -> None:
    """List legal holds."""
    from holdfast.catalog import holds
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session:
        with session.services.database.read() as connection:
            found = holds.every(connection, released=everything)
        output.document({"holds": [_document(session, one) for one in found]})
        output.table(
            ["id", "holds", "since", "released", "reason …"],
            [
                [str(one.id), _said(session, one), moment(one.placed_at), moment(one.released_at), one.reason]
                for one in found
            ],
        )
    if not found:
        output.say("There are no legal holds.")


@app.command(epilog=example("holdfast hold release 245001223344556"))
def release(
    hold_id: Annotated[
        int,
        typer.Argument(metavar="ID", help="As `holdfast hold list` shows it.", autocompletion=completion.hold_ids),
    ],
    json: Json = False,
) -> None:
    """Release a legal hold: the policies decide again about what it held."""
    from holdfast.cli.session import opened
    from holdfast.operations import acting, holds

    output = Output(as_json=json)
    with opened() as session:
        hold = holds.release(session.services, hold_id, actor=acting.actor())
        output.document(_document(session, hold))
        output.say(f"Released {_said(session, hold)}.", "green")


def _document(session: "Session", hold: "Hold") -> dict[str, Any]:
    return {
        "id": hold.id,
        "customer_id": hold.customer_id,
        "instance_id": hold.instance_id,
        "backup": _sequence(session, hold),
        "reason": hold.reason,
        "placed_at": hold.placed_at,
        "released_at": hold.released_at,
    }


def _said(session: "Session", hold: "Hold") -> str:
    from holdfast.catalog import customers, instances

    with session.services.database.read() as connection:
        if hold.instance_id is None:
            return f"customer {customers.get(connection, hold.customer_id, deleted=True).name}"
        label = instances.get(connection, hold.instance_id, deleted=True).label or f"instance {hold.instance_id}"
    sequence = _sequence(session, hold)
    return label if sequence is None else f"backup {sequence} of {label}"


def _sequence(session: "Session", hold: "Hold") -> int | None:
    from holdfast.catalog import runs
    from holdfast.errors import NotFound

    if hold.run_id is None:
        return None
    with session.services.database.read() as connection:
        try:
            return runs.get(connection, hold.run_id).sequence
        except NotFound:  # pruned since the hold was released
            return None
