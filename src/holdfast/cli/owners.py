"""Whom a policy, a hold or an erasure is about: an instance, a customer, a vendor, by name or id.

The command line's own instances have names; those of vendors' customers are found by their ids.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli import completion
from holdfast.errors import InputError, NotFound

if TYPE_CHECKING:
    from holdfast.catalog.customers import Customer
    from holdfast.catalog.instances import Instance
    from holdfast.catalog.retention import Owner
    from holdfast.cli.session import Session

OfInstance = Annotated[
    str | None,
    typer.Option(
        "--instance", metavar="NAME", help="One instance, by name or id.", autocompletion=completion.instance_names
    ),
]
OfCustomer = Annotated[
    str | None,
    typer.Option(
        "--customer", metavar="CUSTOMER", help="One customer of a vendor, by name or id.",
        autocompletion=completion.customer_names,
    ),
]  # fmt: skip
OfVendor = Annotated[
    str | None,
    typer.Option(
        "--vendor", metavar="VENDOR", help="One vendor, by name or id.", autocompletion=completion.vendor_names
    ),
]


def find_instance(session: "Session", text: str) -> "Instance":
    """By its name, or by its id, then removed ones too: their backups are still there. Raises NotFound."""
    from holdfast.catalog import instances

    if not text.isdecimal() or any(one.label == text for one in session.instances()):
        return session.instance(text)
    with session.services.database.read() as connection:
        return instances.get(connection, int(text), deleted=True)


def find_customer(session: "Session", text: str) -> "Customer":
    """By name, or by id, then deleted ones too. Raises NotFound, InputError where a name belongs to several."""
    from holdfast.catalog import customers

    with session.services.database.read() as connection:
        found = [one for one in customers.every(connection) if text in (one.name, str(one.id))]
        if not found and text.isdecimal():
            found = [customers.get(connection, int(text), deleted=True)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(one.id) for one in found)
        raise InputError(f"{len(found)} customers are named {text!r}", field="CUSTOMER", hint=f"Give an id: {ids}.")
    raise NotFound(f"there is no customer {text!r}", field="CUSTOMER")


def find_owner(
    session: "Session", instance: str | None, customer: str | None, vendor: str | None
) -> tuple["Owner", int, str]:
    """Kind, id and a word for people; where none of the three is given, the command line's own customer."""
    from holdfast.cli import vendors

    if sum(one is not None for one in (instance, customer, vendor)) > 1:
        raise InputError("--instance, --customer and --vendor: give one of them", field="--instance")
    if instance is not None:
        found = find_instance(session, instance)
        return "instance", found.id, found.label or f"instance {found.id}"
    if vendor is not None:
        chosen = vendors.find(session, vendor)
        return "vendor", chosen.id, f"vendor {chosen.name}"
    if customer is not None:
        owner = find_customer(session, customer)
        return "customer", owner.id, f"customer {owner.name}"
    return "customer", session.customer.id, "all instances of the command line"
