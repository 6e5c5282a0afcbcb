"""`holdfast retention`: which backups are kept, for one instance, a customer or a vendor."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli import completion
from holdfast.cli.output import Output
from holdfast.cli.owners import OfCustomer, OfInstance, OfVendor, find_instance, find_owner
from holdfast.cli.parameters import Json, example

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from holdfast.catalog.retention import Owner

app = typer.Typer(no_args_is_help=True)


@app.command(
    "set",
    epilog=example(
        "holdfast retention set last=7 daily=30 monthly=12",
        "holdfast retention set within=90d --instance mine",
        "holdfast retention set daily=14 after_deletion=30d --vendor Acme",
    ),
)
def set_rules(
    rules: Annotated[
        list[str],
        typer.Argument(
            metavar="RULE...",
            help="last, hourly, daily, weekly, monthly, yearly =NUMBER; within, after_deletion =14d.",
            autocompletion=completion.retention_rules,
        ),
    ],
    instance: OfInstance = None,
    customer: OfCustomer = None,
    vendor: OfVendor = None,
    json: Json = False,
) -> None:
    """Say which backups are kept; the others go at the next prune.

    A backup that any rule keeps is kept. An instance's own rules take the place of its customer's, those of its
    vendor's. Without --instance, --customer or --vendor the rules are for all instances of the command line.
    """
    from holdfast.cli.session import opened
    from holdfast.operations import acting, retention

    output = Output(as_json=json)
    wanted = retention.RetentionRules.parse(" ".join(rules))
    with opened() as session:
        owner, object_id, said = find_owner(session, instance, customer, vendor)
        retention.set_rules(session.services, owner, object_id, wanted, actor=acting.actor())
    output.document({"owner": owner, "id": object_id, "rules": wanted.as_mapping()})
    output.say(f"{said}: {wanted}. `holdfast prune --dry-run` shows what would go.", "green")


@app.command(epilog=example("holdfast retention clear --instance mine"))
def clear(
    instance: OfInstance = None, customer: OfCustomer = None, vendor: OfVendor = None, json: Json = False
) -> None:
    """Take an instance's, a customer's or a vendor's own rules away: those above it hold again, or all is kept."""
    from holdfast.cli.session import opened
    from holdfast.operations import acting, retention

    output = Output(as_json=json)
    with opened() as session:
        owner, object_id, said = find_owner(session, instance, customer, vendor)
        retention.set_rules(session.services, owner, object_id, None, actor=acting.actor())
    output.document({"owner": owner, "id": object_id, "rules": None})
    output.say(f"{said}: no rules of its own any more.", "green")


@app.command(epilog=example("holdfast retention show", "holdfast retention show mine"))
def show(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Only this instance, by name or id.", autocompletion=completion.instance_names
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show every policy, and which one holds for each instance."""
    from holdfast.catalog import retention as policies
    from holdfast.cli.session import opened
    from holdfast.operations import retention

    output = Output(as_json=json)
    with opened() as session:
        chosen = session.instances() if name is None else [find_instance(session, name)]
        with session.services.database.read() as connection:
            own: list[dict[str, Any]] = [
                {"owner": owner, "id": object_id, "name": _name(connection, owner, object_id), "rules": dict(rules)}
                for owner, object_id, rules in policies.every(connection)
            ]
        holding: list[dict[str, Any]] = []
        for one in chosen:
            whose, rules = retention.rules_of(session.services, one.id)
            holding.append({"instance": one.label, "id": one.id, "from": whose, "rules": rules})
    output.document({
        "policies": own,
        "instances": [one | {"rules": one["rules"].as_mapping()} for one in holding],
    })  # fmt: skip
    if name is None:
        output.table(
            ["policy of", "name", "id", "keeps"],
            [
                [one["owner"], one["name"], str(one["id"]), str(retention.RetentionRules.of(one["rules"]))]
                for one in own
            ],
        )
    if holding and own and name is None:
        output.say("")
    output.table(
        ["instance", "keeps", "by the rules of its"],
        [
            [one["instance"] or str(one["id"]), str(one["rules"]), {"instance": "own"}.get(one["from"], one["from"])]
            for one in holding
        ],
    )
    if not own:
        output.note("There is no policy: every backup is kept. holdfast retention set last=7 daily=30 monthly=12")


def _name(connection: "Connection", owner: "Owner", object_id: int) -> str | None:
    from holdfast.catalog import customers, instances, vendors

    if owner == "vendor":
        return vendors.get(connection, object_id).name
    if owner == "customer":
        return customers.get(connection, object_id, deleted=True).name
    return instances.get(connection, object_id, deleted=True).label
