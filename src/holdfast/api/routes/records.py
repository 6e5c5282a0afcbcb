"""Records of an endpoint, and their blobs: now, or as any backup had them.

What the source sent goes out as it is stored, without being decoded.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from holdfast.api.addresses import base_url, path
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem, bad_value_of
from holdfast.api.models import EndpointRecord
from holdfast.api.paging import LINK_HEADER, Page, links
from holdfast.api.parameters import PathId, PathText, QueryId, QueryText, QueryTime, parse_id
from holdfast.api.ranged import ranged
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.endpoints import known_endpoint
from holdfast.api.routes.instances import own_instance
from holdfast.catalog.instances import Instance
from holdfast.catalog.listing import Listing
from holdfast.errors import NotFound
from holdfast.operations.browsing import State, StoredRecord

router = APIRouter(
    prefix="/v1/backup_instances/{backup_instance_id}/endpoints/{endpoint_name}/records", tags=["Records"]
)

_BINARY = {"schema": {"type": "string", "format": "binary"}}


@dataclass(frozen=True)
class Moment:
    """Which state of an instance is asked for."""

    backup_id: int | None
    at: datetime | None

    def query(self) -> str:
        """The same for an address."""
        if self.backup_id is not None:
            return f"?backup_id={self.backup_id}"
        return "" if self.at is None else f"?at={self.at.isoformat().replace('+00:00', 'Z')}"


async def _moment(
    backup_id: Annotated[QueryId, Query(description="As this backup left it.")] = None,
    at: Annotated[QueryTime, Query(description="As the last backup that had ended by then left it.")] = None,
) -> Moment:
    if backup_id is not None and at is not None:
        raise BadRequest([Problem("at", "invalid", "give either backup_id or at")])
    return Moment(backup_id, at)


AtMoment = Annotated[Moment, Depends(_moment)]
"""The newest ended backup unless `backup_id` or `at` says otherwise."""


@router.get(
    "",
    operation_id="list_records",
    response_model=list[EndpointRecord],
    responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}},
)
def list_records(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    endpoint_name: PathText,
    page: Page,
    moment: AtMoment,
    request: Request,
    after: Annotated[QueryText, Query(description="From a `next` link: goes on there, without a walk.")] = None,
) -> Response:
    """The records of an endpoint, ascending by id. Follow `next` to read many: its pages all show the same state."""
    instance = own_instance(context, caller, backup_instance_id)
    run_id, key = _read_cursor(after)
    state = _state(context, instance, moment) if run_id is None else _state_of_cursor(context, instance, run_id)
    browser = context.browser
    if state is None:
        known_endpoint(context, instance, endpoint_name)
        listing: Listing[StoredRecord] = Listing([], 0, page.number, page.per_page)
    else:
        total = _count(context, instance, state, endpoint_name)
        offset = 0 if key is not None else (page.number - 1) * page.per_page
        found = []
        if offset < total:
            found = browser.records(state, endpoint_name, after=key, limit=page.per_page, offset=offset)
        listing = Listing(found, total, page.number, page.per_page)
    following = _cursor(state, listing.items[-1].key) if state is not None and listing.items else None
    prefix = _address(request, context, instance, endpoint_name)
    return Response(
        _array(listing.items, prefix, moment),
        media_type="application/json",
        headers={
            "Link": links(
                request, context.settings, page=page.number, last_page=listing.last_page, after=following
            )
        },
    )  # fmt: skip


@router.get("/{record_id}", operation_id="get_record", response_model=EndpointRecord, responses=MAY_BE_BOTH)
def get_record(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    endpoint_name: PathText,
    record_id: PathText,
    moment: AtMoment,
    request: Request,
) -> Response:
    """One record."""
    instance = own_instance(context, caller, backup_instance_id)
    _, record = _record(context, instance, endpoint_name, record_id, moment)
    prefix = _address(request, context, instance, endpoint_name)
    return Response(_object(record, prefix, moment), media_type="application/json")


@router.head("/{record_id}/blob", include_in_schema=False)
@router.get(
    "/{record_id}/blob",
    operation_id="get_blob",
    response_class=Response,
    responses=MAY_BE_BOTH
    | {
        200: {"description": "The blob", "content": {"application/octet-stream": _BINARY, "*/*": _BINARY}},
        206: {"description": "The range of it that was asked for", "content": {"*/*": _BINARY}},
        304: {"description": "It is what `If-None-Match` names"},
        416: {"description": "There is no such range"},
    },
)
def get_blob(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    endpoint_name: PathText,
    record_id: PathText,
    moment: AtMoment,
    request: Request,
) -> Response:
    """A record's blob, with its own content type, length and name."""
    instance = own_instance(context, caller, backup_instance_id)
    state, record = _record(context, instance, endpoint_name, record_id, moment)
    blob = context.browser.blob(state, record)
    described = blob.descriptor
    return ranged(
        request,
        described.size_bytes,
        blob.etag,
        blob.read,
        content_type=described.content_type,
        name=described.name,
    )


def _state(context: ApiContext, instance: Instance, moment: Moment) -> State | None:
    with bad_value_of("backup_id"):
        return context.browser.state(instance, backup_id=moment.backup_id, at=moment.at)


def _state_of_cursor(context: ApiContext, instance: Instance, run_id: int) -> State | None:
    with bad_value_of("after"):
        return context.browser.state(instance, backup_id=run_id)


def _count(context: ApiContext, instance: Instance, state: State, endpoint: str) -> int:
    """How many records there are; none at an endpoint that this backup did not have. Raises NotFound for an unknown
    one."""
    try:
        return context.browser.count(state, endpoint)
    except NotFound:
        known_endpoint(context, instance, endpoint)
        return 0


def _record(
    context: ApiContext, instance: Instance, endpoint: str, key: str, moment: Moment
) -> tuple[State, StoredRecord]:  # fmt: skip
    state = _state(context, instance, moment)
    if state is None:
        raise NotFound(f"{endpoint} has no record {key}", field="record_id")
    return state, context.browser.record(state, endpoint, key)


def _address(request: Request, context: ApiContext, instance: Instance, endpoint: str) -> str:
    within = path("v1", "backup_instances", instance.id, "endpoints", endpoint, "records")
    return base_url(request, context.settings) + within


def _array(records: Sequence[StoredRecord], prefix: str, moment: Moment) -> bytes:
    return b"[" + b",".join([_object(record, prefix, moment) for record in records]) + b"]"


def _object(record: StoredRecord, prefix: str, moment: Moment) -> bytes:
    blob_url = json.dumps(prefix + path(record.key, "blob") + moment.query()) if record.has_blob else "null"
    return b"".join(
        (b'{"id":', json.dumps(record.key).encode(), b',"field_data":', record.raw, b',"blob_url":',
         blob_url.encode(), b"}")
    )  # fmt: skip


def _cursor(state: State, key: str) -> str:
    """Opaque to clients: the backup whose state is listed, and the last record that was shown."""
    return base64.urlsafe_b64encode(f"{state.run.id} {key}".encode()).decode().rstrip("=")


def _read_cursor(text: str | None) -> tuple[int | None, str | None]:
    if text is None:
        return None, None
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        run_id, space, key = decoded.partition(" ")
        if space:
            return parse_id(run_id), key
    except ValueError:
        pass
    raise BadRequest([Problem("after", "invalid", "this is not from a `next` link")])
