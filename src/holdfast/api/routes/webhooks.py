"""Webhooks: addresses that are told of events, signed as Standard Webhooks has it, and what was delivered to them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, Field

from holdfast.api.authentication import Vendor
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import fields_of
from holdfast.api.forms import Field as FormField
from holdfast.api.forms import Form, Values
from holdfast.api.models import Id, Model, Time
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId
from holdfast.api.routes.answers import MAY_BE_BAD, MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.catalog import webhooks
from holdfast.operations import webhooks as operations
from holdfast.operations.events import EVENTS
from holdfast.operations.tokens import Caller

router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])

_WHEN = datetime.fromisoformat("2026-11-24T06:30:00Z")
_URL = "webhook[url]"
_EVENTS = "webhook[events]"
_ENABLED = "webhook[enabled]"
_url = {"description": "Where events are sent, https.", "longest": 2_000, "example": "https://acme.example/holdfast"}
_events = FormField(name=_EVENTS, kind="list", choices=EVENTS, example="backup.failed,export.successful",
                    description=f"Which of {', '.join(EVENTS)}; all if left out.")  # fmt: skip
_create = Form(FormField(name=_URL, required=True, **_url), _events)  # type: ignore[arg-type]
_change = Form(
    FormField(name=_URL, **_url),  # type: ignore[arg-type]
    _events,
    FormField(name=_ENABLED, kind="boolean", description="Whether anything is sent."),
)


class Webhook(Model):
    id: Id
    url: str = Field(examples=["https://acme.example/holdfast"])
    events: list[str] = Field(description="None: all.", examples=[["backup.failed"]])
    enabled: bool = Field(examples=[True])
    created_at: AwareDatetime = Field(examples=[_WHEN])


class WebhookWithSecret(Webhook):
    secret: str = Field(description="Verifies signatures. Shown this once.", examples=["whsec_..."])


class Delivery(Model):
    id: Id
    event_id: Id = Field(description="`webhook-id` is `msg_` and this; the same for every attempt.")
    event: str = Field(examples=["backup.failed"])
    payload: dict[str, Any]
    status: Literal["pending", "delivered", "given_up"] = Field(examples=["delivered"])
    attempts: int = Field(examples=[1])
    next_attempt_at: Time = Field(examples=[None])
    last_answer: str | None = Field(examples=["204"])
    created_at: AwareDatetime = Field(examples=[_WHEN])
    ended_at: Time = Field(examples=[_WHEN])


@router.get("", operation_id="list_webhooks", responses=MAY_BE_BAD | {200: {"headers": LINK_HEADER}})
def list_webhooks(caller: Vendor, context: Context, page: Page, request: Request, response: Response) -> list[Webhook]:
    """Your webhooks."""
    with context.services.database.read() as connection:
        listing = webhooks.of_vendor(connection, caller.vendor_id, page)
    set_links(request, response, context.settings, listing)
    return [Webhook(**_fields(webhook)) for webhook in listing.items]


@router.post("", operation_id="create_webhook", responses=MAY_BE_BAD, openapi_extra=_create.openapi())
def create_webhook(caller: Vendor, context: Context, given: Annotated[Values, Depends(_create)]) -> WebhookWithSecret:
    """Be told of events. The answer has the secret that signatures are verified with."""
    with fields_of("webhook"):
        made = operations.create(context.services, caller.vendor_id, given.text(_URL), given.items(_EVENTS) or [])
    return WebhookWithSecret(**_fields(made.webhook), secret=made.secret)


@router.get("/{webhook_id}", operation_id="get_webhook", responses=MAY_BE_MISSING)
def get_webhook(caller: Vendor, context: Context, webhook_id: PathId) -> Webhook:
    """One webhook."""
    return Webhook(**_fields(_own(context, caller, webhook_id)))


@router.put("/{webhook_id}", operation_id="change_webhook", responses=MAY_BE_BOTH, openapi_extra=_change.openapi())
def change_webhook(
    caller: Vendor, context: Context, webhook_id: PathId, given: Annotated[Values, Depends(_change)]
) -> Webhook:
    """What is given changes, the rest stays."""
    webhook = _own(context, caller, webhook_id)
    given.refuse_changes({"webhook[id]": webhook.id})
    with fields_of("webhook"):
        changed = operations.change(
            context.services,
            webhook,
            url=given.optional(_URL),
            events=given.items(_EVENTS),
            enabled=given.read.get(_ENABLED),
        )
    return Webhook(**_fields(changed))


@router.delete("/{webhook_id}", operation_id="delete_webhook", status_code=204, responses=MAY_BE_MISSING)
def delete_webhook(caller: Vendor, context: Context, webhook_id: PathId) -> Response:
    """Nothing more is sent there."""
    operations.remove(context.services, _own(context, caller, webhook_id))
    return Response(status_code=204)


@router.get(
    "/{webhook_id}/deliveries", operation_id="list_deliveries", responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}}
)
def list_deliveries(
    caller: Vendor, context: Context, webhook_id: PathId, page: Page, request: Request, response: Response
) -> list[Delivery]:
    """What was sent to a webhook in the last month, and what came of it."""
    webhook = _own(context, caller, webhook_id)
    with context.services.database.read() as connection:
        listing = webhooks.deliveries(connection, webhook.id, page)
    set_links(request, response, context.settings, listing)
    return [_shown(delivery) for delivery in listing.items]


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", operation_id="replay_delivery", responses=MAY_BE_MISSING)
def replay_delivery(caller: Vendor, context: Context, webhook_id: PathId, delivery_id: PathId) -> Delivery:
    """Send an event once more, whatever came of it before."""
    return _shown(operations.replay(context.services, _own(context, caller, webhook_id), delivery_id))


def _own(context: ApiContext, caller: Caller, webhook_id: int) -> webhooks.Webhook:
    with context.services.database.read() as connection:
        return webhooks.get(connection, webhook_id, vendor_id=caller.vendor_id)


def _fields(webhook: webhooks.Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "enabled": webhook.disabled_at is None,
        "created_at": webhook.created_at,
    }


def _shown(delivery: webhooks.Delivery) -> Delivery:
    return Delivery(
        id=delivery.id,
        event_id=delivery.event_id,
        event=delivery.event,
        payload=msgspec.json.decode(delivery.payload),
        status=delivery.status,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at,
        last_answer=delivery.last_answer,
        created_at=delivery.created_at,
        ended_at=delivery.ended_at,
    )
