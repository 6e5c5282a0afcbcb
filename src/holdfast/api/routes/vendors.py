"""The vendor whose token is shown."""

from fastapi import APIRouter

from holdfast.api.authentication import Vendor
from holdfast.api.context import Context
from holdfast.api.models import VendorUser
from holdfast.api.routes.answers import NEEDS_TOKEN
from holdfast.catalog import vendors

router = APIRouter(prefix="/v1/vendors", tags=["Vendors"])


@router.get("/me", operation_id="get_vendor", responses=NEEDS_TOKEN)
def get_vendor(caller: Vendor, context: Context) -> VendorUser:
    """Who you are. The secret is masked: it is stored as a hash only."""
    with context.services.database.read() as connection:
        vendor = vendors.get(connection, caller.vendor_id)
        secrets = vendors.secrets(connection, caller.vendor_id)
    return VendorUser(
        vendor_id=vendor.id,
        name=vendor.name,
        email=vendor.email or "",
        client_id=vendor.client_id,
        client_secret=secrets[-1].hint if secrets else "",
    )
