"""Signed receipts of backups, and the key they are signed with."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import Context
from holdfast.api.models import Model
from holdfast.api.parameters import PathId
from holdfast.api.routes.answers import MAY_BE_MISSING, NEEDS_TOKEN
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import runs
from holdfast.operations import receipts
from holdfast.operations.browsing import State

router = APIRouter(tags=["Backups"])


class Receipt(Model):
    """The file that `holdfast receipt verify` checks, without this service."""

    receipt: dict[str, Any] = Field(description="What the backup read, stored and is missing, endpoint by endpoint.")
    public_key: str = Field(description="Ed25519, hexadecimal: that of `/v1/receipt_key`.")
    signature: str = Field(description="Over the receipt as JSON with sorted keys and without white space.")


class ReceiptKey(Model):
    public_key: str = Field(description="Ed25519, hexadecimal. Keep it where the vault is not.")


@router.get(
    "/v1/backup_instances/{backup_instance_id}/backups/{backup_id}/receipt",
    operation_id="get_receipt",
    response_model=Receipt,
    responses=MAY_BE_MISSING,
)
def get_receipt(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, backup_id: PathId
) -> Response:  # fmt: skip
    """The signed receipt of a backup that has ended."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        run = runs.get(connection, backup_id, instance_id=instance.id)
    signed = receipts.read(context.services, State(instance.id, instance.customer_id, run, False))
    return Response(signed.encode(), media_type="application/json")


@router.get("/v1/receipt_key", operation_id="get_receipt_key", responses=NEEDS_TOKEN)
def get_receipt_key(caller: VendorOrCustomer, context: Context) -> ReceiptKey:  # noqa: ARG001
    """What all receipts of this installation are signed with."""
    return ReceiptKey(public_key=receipts.public_key(context.services))
