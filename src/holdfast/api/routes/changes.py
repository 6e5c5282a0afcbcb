"""The change feed: what happened to an instance's records, in order, for others that follow along."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from holdfast.api.addresses import base_url, path
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import Context
from holdfast.api.models import Id, Model
from holdfast.api.parameters import PathId, PerPage, QueryText
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.instances import own_instance
from holdfast.api.routes.records import Moment
from holdfast.operations.feed.cursors import START, Cursor
from holdfast.operations.feed.reading import FeedEvent, latest, read_feed

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/changes", tags=["Changes"])

_NOW = "now"
_TIME = datetime.fromisoformat("2026-11-24T06:31:12.5Z")


class FeedChange(Model):
    change: Literal["created", "changed", "deleted", "field"] = Field(
        description="`field`: this record has a field, or a kind of value in it, that none before it had."
    )
    endpoint: str = Field(examples=["issues"])
    id: str = Field(examples=["4711"])
    backup_id: Id = Field(description="The backup that found it.")
    backup_ended_at: AwareDatetime = Field(examples=[_TIME])
    cursor: str = Field(
        description="As `after` it goes on behind this change.", examples=["WzIsImlzc3VlcyIsIjQ3MTEiXQ"]
    )
    field_data: dict[str, Any] | None = Field(default=None, description="A created or changed record as it is now.")
    blob_url: str | None = Field(default=None, description="Where its blob is, if it has one.")
    changed_fields: list[str] | None = Field(
        default=None, description="Of a changed record: the dotted paths of what differs.", examples=[["title"]]
    )
    field: str | None = Field(default=None, description="The new field's path.", examples=["labels[].name"])
    kind: Literal["null", "boolean", "number", "text", "list", "object"] | None = Field(
        default=None, description="What stands in the new field."
    )


class ChangesPage(Model):
    changes: list[FeedChange]
    next: str = Field(
        description="Give it as `after`, at once if there is `more`, else when there may be something new."
    )
    more: bool = Field(description="There is more already.")


@router.get("", operation_id="list_changes", response_model=ChangesPage, responses=MAY_BE_BOTH)
def list_changes(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    request: Request,
    per_page: PerPage = 20,
    after: Annotated[
        QueryText,
        Query(description="A `cursor` or `next` of an earlier answer; `now` skips what there is. From the beginning."),
    ] = None,
) -> Response:
    """Every record that was created, changed or deleted, and every new field, by backup, endpoint and id.

    Replayable from any cursor. A page has up to `per_page` records, and the new fields that they bring beside them.
    """
    instance = own_instance(context, caller, backup_instance_id)
    if after == _NOW:
        cursor = latest(context.services, instance)
        return _answer([], cursor, False)
    page = read_feed(
        context.services, instance, START if after is None else Cursor.parse(after), limit=per_page
    )  # fmt: skip
    endpoints = base_url(request, context.settings) + path("v1", "backup_instances", instance.id, "endpoints")
    return _answer([_shown(event, endpoints) for event in page.events], page.next, page.has_more)


def _answer(changes: list[dict[str, Any]], following: Cursor, has_more: bool) -> Response:
    document = {"changes": changes, "next": following.text(), "more": has_more}
    return Response(msgspec.json.encode(document), media_type="application/json")


def _shown(event: FeedEvent, endpoints: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "change": event.kind,
        "endpoint": event.endpoint,
        "id": event.key,
        "backup_id": event.run_id,
        "backup_ended_at": event.ended_at,
        "cursor": event.cursor.text(),
    }
    if event.field is not None:
        return shown | {"field": event.field.path, "kind": event.field.kind}
    if event.raw is not None:
        moment = Moment(event.run_id, None).query()
        blob = endpoints + path(event.endpoint, "records", event.key, "blob") + moment if event.has_blob else None
        shown |= {"field_data": msgspec.Raw(event.raw), "blob_url": blob}
    if event.kind == "changed":
        shown["changed_fields"] = [msgspec.Raw(json.dumps(one).encode()) for one in event.changed]
    return shown
