"""Is anybody there, and is my token good? All three answer `{}`."""

from fastapi import APIRouter

from holdfast.api.authentication import Customer, Vendor
from holdfast.api.models import Empty
from holdfast.api.routes.answers import NEEDS_TOKEN

router = APIRouter(prefix="/v1", tags=["Ping"])


@router.get("/ping", operation_id="ping")
async def ping() -> Empty:
    """The service is there. Needs no token."""
    return Empty()


@router.get("/authenticate_vendor", operation_id="authenticate_vendor", responses=NEEDS_TOKEN)
async def authenticate_vendor(caller: Vendor) -> Empty:  # noqa: ARG001 - that there is one is the answer
    """The token is a vendor's."""
    return Empty()


@router.get("/authenticate_customer", operation_id="authenticate_customer", responses=NEEDS_TOKEN)
async def authenticate_customer(caller: Customer) -> Empty:  # noqa: ARG001 - that there is one is the answer
    """The token was granted for a customer."""
    return Empty()
