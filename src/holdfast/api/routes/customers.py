"""A vendor's customers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from holdfast.api.authentication import Vendor, VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import fields_of
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import BackupInstance, Customer
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId, PathText, parse_id
from holdfast.api.routes.answers import MAY_BE_BAD, MAY_BE_BOTH
from holdfast.api.routes.instances import shown_instances
from holdfast.catalog import customers, instances
from holdfast.errors import NotFound
from holdfast.identity.addresses import EMAIL_PATTERN, LONGEST_EMAIL
from holdfast.operations import customers as operations

router = APIRouter(prefix="/v1/customers", tags=["Customers"])

_NAME = "customer[name]"
_EMAIL = "customer[email]"
_name = Field(
    name=_NAME, description="Your own identifier for it, unique among your customers.", required=True, longest=200,
    example="acct-1017",
)  # fmt: skip
_create = Form(
    _name,
    Field(name=_EMAIL, description="An email address.", required=True, longest=LONGEST_EMAIL, pattern=EMAIL_PATTERN,
          example="it@customer.example"),
)  # fmt: skip
_change = Form(
    _name, Field(name=_EMAIL, description="An email address.", longest=LONGEST_EMAIL, pattern=EMAIL_PATTERN)
)  # fmt: skip


@router.get("", operation_id="list_customers", responses=MAY_BE_BAD | {200: {"headers": LINK_HEADER}})
def list_customers(
    caller: Vendor, context: Context, page: Page, request: Request, response: Response
) -> list[Customer]:
    """Your customers, ascending by id."""
    with context.services.database.read() as connection:
        listing = customers.of_vendor(connection, caller.vendor_id, page)
    set_links(request, response, context.settings, listing)
    return [_shown(customer) for customer in listing.items]


@router.post("", operation_id="create_customer", responses=MAY_BE_BAD, openapi_extra=_create.openapi())
def create_customer(caller: Vendor, context: Context, given: Annotated[Values, Depends(_create)]) -> Customer:
    """Add a customer. It gets encryption keys of its own."""
    with fields_of("customer"):
        made = operations.create(context.services, caller.vendor_id, given.text(_NAME), given.text(_EMAIL))
    return _shown(made)


@router.get("/{customer_id}", operation_id="get_customer", responses=MAY_BE_BOTH)
def get_customer(caller: Vendor, context: Context, customer_id: PathText) -> Customer:
    """One of your customers, by its id or by the name you gave it."""
    return _shown(_own(context, caller.vendor_id, customer_id))


@router.put("/{customer_id}", operation_id="change_customer", responses=MAY_BE_BOTH, openapi_extra=_change.openapi())
def change_customer(
    caller: Vendor, context: Context, customer_id: PathText, given: Annotated[Values, Depends(_change)]
) -> Customer:
    """Another name, and another address where one is given."""
    customer = _own(context, caller.vendor_id, customer_id)
    given.refuse_changes({"customer[id]": customer.id})
    with fields_of("customer"):
        changed = operations.change(
            context.services, customer.id, name=given.text(_NAME), email=given.optional(_EMAIL) or customer.email
        )
    return _shown(changed)


@router.get(
    "/{customer_id}/backup_instances",
    operation_id="list_customer_backup_instances",
    responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}},
    response_model_exclude_unset=True,
)
def list_customer_backup_instances(
    caller: VendorOrCustomer, context: Context, customer_id: PathId, page: Page, request: Request, response: Response
) -> list[BackupInstance]:
    """A customer's backup instances, ascending by id."""
    with context.services.database.read() as connection:
        if caller.customer_id not in (None, customer_id):
            raise NotFound(f"no customer {customer_id}", field="customer_id")
        customers.get(connection, customer_id, vendor_id=caller.vendor_id)
        listing = instances.of_customer(connection, customer_id, page)
        found = shown_instances(connection, listing.items)
    set_links(request, response, context.settings, listing)
    return found


def _own(context: ApiContext, vendor_id: int, named: str) -> customers.Customer:
    """By id, else by the vendor's own name for it. Raises NotFound."""
    with context.services.database.read() as connection:
        try:
            return customers.get(connection, parse_id(named), vendor_id=vendor_id)
        except (ValueError, NotFound):
            found = customers.find(connection, vendor_id, named)
        if found is None:
            raise NotFound(f"no customer {named}", field="customer_id")
        return found


def _shown(customer: customers.Customer) -> Customer:
    return Customer(id=customer.id, name=customer.name, email=customer.email, created_at=customer.created_at)
