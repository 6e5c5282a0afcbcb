"""Erasing a customer: its keys are destroyed first, so that nobody can read what is left, then everything it had."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from holdfast.api.authentication import Vendor
from holdfast.api.context import ApiContext, Context
from holdfast.api.models import Id, Model, Time
from holdfast.api.parameters import PathId
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.catalog import customers, erasures
from holdfast.errors import NotFound
from holdfast.operations import acting
from holdfast.operations import erase as operations

router = APIRouter(prefix="/v1/customers", tags=["Customers"])

_WHEN = datetime.fromisoformat("2026-11-24T06:30:00Z")


class Erasure(Model):
    customer_id: Id
    requested_at: AwareDatetime = Field(examples=[_WHEN])
    ended_at: Time = Field(
        description="Null: it is under way, and nobody sees the customer any more.", examples=[_WHEN]
    )
    certificate: str | None = Field(
        description="A signed statement of what was destroyed, once it has ended; `holdfast receipt` checks it.",
        examples=[None],
    )


@router.delete("/{customer_id}", operation_id="erase_customer", status_code=202, responses=MAY_BE_BOTH)
def erase_customer(caller: Vendor, context: Context, customer_id: PathId, response: Response) -> Erasure:
    """Erase a customer for ever: its encryption keys everywhere, then its backups, exports and settings."""
    with context.services.database.read() as connection:
        erasure = erasures.find(connection, customer_id)
        if erasure is None or erasure.vendor_id != caller.vendor_id:
            customers.get(connection, customer_id, vendor_id=caller.vendor_id)
    operations.request_erasure(context.services, customer_id, actor=acting.actor())
    context.known_tokens.forget_all()
    response.headers["Location"] = f"/v1/customers/{customer_id}/erasure"
    return _erasure(context, caller.vendor_id, customer_id)


@router.get("/{customer_id}/erasure", operation_id="get_erasure", responses=MAY_BE_MISSING)
def get_erasure(caller: Vendor, context: Context, customer_id: PathId) -> Erasure:
    """How far the erasure of a customer is, and its certificate."""
    return _erasure(context, caller.vendor_id, customer_id)


def _erasure(context: ApiContext, vendor_id: int, customer_id: int) -> Erasure:
    with context.services.database.read() as connection:
        found = erasures.find(connection, customer_id)
    if found is None or found.vendor_id != vendor_id:
        raise NotFound(f"no erasure of customer {customer_id}", field="customer_id")
    return Erasure(
        customer_id=customer_id,
        requested_at=found.requested_at,
        ended_at=found.ended_at,
        certificate=None if found.certificate is None else found.certificate.decode(),
    )
