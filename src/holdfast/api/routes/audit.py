"""The audit log: who did what to what. Entries are only ever added."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from holdfast.api.authentication import Vendor
from holdfast.api.context import Context
from holdfast.api.models import Id, Model
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import QueryId, QueryText
from holdfast.api.routes.answers import MAY_BE_BAD
from holdfast.catalog import audit

router = APIRouter(prefix="/v1/audit_entries", tags=["Audit log"])


class AuditEntry(Model):
    id: Id
    time: AwareDatetime = Field(examples=[datetime.fromisoformat("2026-11-24T06:30:00Z")])
    actor: str = Field(
        description="A client or a customer with its address, operator, schedule.", examples=["client 192.0.2.7"]
    )
    action: str = Field(examples=["instance.create"])
    object_kind: str = Field(examples=["instance"])
    object_id: Id | None
    fields: dict[str, Any] = Field(examples=[{"schedule": "daily"}])


@router.get("", operation_id="list_audit_entries", responses=MAY_BE_BAD | {200: {"headers": LINK_HEADER}})
def list_audit_entries(
    caller: Vendor,
    context: Context,
    page: Page,
    request: Request,
    response: Response,
    object_kind: Annotated[QueryText, Query(description="Only of objects of this kind.")] = None,
    object_id: Annotated[QueryId, Query(description="Only of this object.")] = None,
) -> list[AuditEntry]:
    """Everything that was done to your objects, oldest first."""
    with context.services.database.read() as connection:
        listing = audit.of_vendor(
            connection, caller.vendor_id, page, object_kind=object_kind, object_id=object_id
        )  # fmt: skip
    set_links(request, response, context.settings, listing)
    return [
        AuditEntry(
            id=one.id,
            time=one.happened_at,
            actor=one.actor,
            action=one.action,
            object_kind=one.object_kind,
            object_id=one.object_id,
            fields=dict(one.fields),
        )
        for one in listing.items
    ]
