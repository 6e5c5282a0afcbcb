"""What instances have used: backups, requests to sources, records and bytes read, bytes stored."""

from dataclasses import asdict
from datetime import UTC, date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from holdfast.api.authentication import Vendor
from holdfast.api.context import ApiContext, Context
from holdfast.api.models import Count, Id, Model
from holdfast.api.parameters import PathId, QueryDate
from holdfast.api.routes.answers import MAY_BE_BAD, MAY_BE_BOTH
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import customers, usage
from holdfast.catalog.usage import Amounts
from holdfast.clock import now

router = APIRouter(prefix="/v1", tags=["Usage"])

From = Annotated[QueryDate, Query(alias="from", description="The first day (UTC); the month's first if left out.")]
To = Annotated[QueryDate, Query(description="The last day, included; today if left out.")]


class Used(Model):
    backups: Count = Field(examples=[30])
    requests: Count = Field(description="To the source.", examples=[4_100])
    records_read: Count = Field(examples=[90_000])
    bytes_read: Count = Field(examples=[40_000_000])
    bytes_stored: Count = Field(description="Added to the vault.", examples=[1_500_000])


class InstanceUsage(Used):
    customer_id: Id
    backup_instance_id: Id


class Usage(Model):
    first_day: date
    last_day: date
    total: Used
    instances: list[InstanceUsage] = Field(description="Those that used anything, deleted ones too.")


@router.get("/usage", operation_id="get_usage", responses=MAY_BE_BAD)
def get_usage(caller: Vendor, context: Context, first: From = None, to: To = None) -> Usage:
    """Of all your customers."""
    return _usage(context, caller.vendor_id, first, to)


@router.get("/customers/{customer_id}/usage", operation_id="get_customer_usage", responses=MAY_BE_BOTH)
def get_customer_usage(
    caller: Vendor, context: Context, customer_id: PathId, first: From = None, to: To = None
) -> Usage:
    """Of one customer."""
    with context.services.database.read() as connection:
        customers.get(connection, customer_id, vendor_id=caller.vendor_id)
    return _usage(context, caller.vendor_id, first, to, customer_id=customer_id)


@router.get("/backup_instances/{backup_instance_id}/usage", operation_id="get_instance_usage", responses=MAY_BE_BOTH)
def get_instance_usage(
    caller: Vendor, context: Context, backup_instance_id: PathId, first: From = None, to: To = None
) -> Usage:
    """Of one instance."""
    instance = own_instance(context, caller, backup_instance_id)
    return _usage(context, caller.vendor_id, first, to, instance_id=instance.id)


def _usage(
    context: ApiContext,
    vendor_id: int,
    first: date | None,
    last: date | None,
    *,
    customer_id: int | None = None,
    instance_id: int | None = None,
) -> Usage:
    last = last or now().astimezone(UTC).date()
    first = first or last.replace(day=1)
    with context.services.database.read() as connection:
        found = usage.of_vendor(
            connection, vendor_id, first, last, customer_id=customer_id, instance_id=instance_id
        )  # fmt: skip
    total = Amounts()
    for one in found:
        total = Amounts(**{name: value + asdict(total)[name] for name, value in asdict(one.amounts).items()})
    return Usage(
        first_day=first,
        last_day=last,
        total=Used(**_named(total)),
        instances=[
            InstanceUsage(customer_id=one.customer_id, backup_instance_id=one.instance_id, **_named(one.amounts))
            for one in found
        ],
    )


def _named(amounts: Amounts) -> dict[str, int]:
    """In the contract's words: a run is a backup."""
    return {"backups" if name == "runs" else name: value for name, value in asdict(amounts).items()}
