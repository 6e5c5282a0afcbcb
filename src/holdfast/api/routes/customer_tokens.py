"""Tokens for a vendor's customers: an addition to the contract, which has calls for them but none that grants one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from holdfast.api.authentication import Vendor
from holdfast.api.context import Context
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import Token
from holdfast.api.parameters import PathId
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.operations import tokens

router = APIRouter(prefix="/v1/customers", tags=["Customers"])

_form = Form(
    Field(name="expires_in", kind="integer", description="For how many seconds, a day at most.", example=899),
)


@router.post(
    "/{customer_id}/tokens",
    operation_id="create_customer_token",
    responses=MAY_BE_BOTH,
    openapi_extra=_form.openapi(),
)
def create_customer_token(
    caller: Vendor,
    context: Context,
    customer_id: PathId,
    given: Annotated[Values, Depends(_form)],
    response: Response,
) -> Token:
    """A token that is good for this customer's own instances only: to read them, back them up and export them."""
    grant = tokens.grant_to_customer(
        context.services, caller.vendor_id, customer_id, given.optional_integer("expires_in")
    )  # fmt: skip
    response.headers["Pragma"] = "no-cache"
    return Token(
        access_token=grant.access_token, expires_in=grant.expires_in_s, token_type=context.settings.token_type
    )  # fmt: skip
