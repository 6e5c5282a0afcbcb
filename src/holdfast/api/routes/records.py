"""One record of an endpoint, and its blob: now, or as any backup had them. Lists of them are `record_lists`.

What the source sent goes out as it is stored, without being decoded.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from holdfast.api.addresses import base_url, path
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import bad_value_of
from holdfast.api.models import EndpointRecord
from holdfast.api.parameters import PathId, PathText, QueryId, QueryTime
from holdfast.api.ranged import ranged
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.instances import own_instance
from holdfast.catalog.instances import Instance
from holdfast.errors import NotFound
from holdfast.operations.browsing import State, StoredRecord

router = APIRouter(
    prefix="/v1/backup_instances/{backup_instance_id}/endpoints/{endpoint_name}/records", tags=["Records"]
)

_json = msgspec.json.Encoder().encode
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
    return Moment(backup_id, None if backup_id is not None else at)


AtMoment = Annotated[Moment, Depends(_moment)]
"""The newest ended backup unless `backup_id`, which wins, or `at` says otherwise."""


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
    prefix = records_address(request, context, instance.id, endpoint_name)
    shown = shown_record(record.key, record.raw, record.has_blob, prefix, moment.query())
    return Response(shown, media_type="application/json")


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


def _record(
    context: ApiContext, instance: Instance, endpoint: str, key: str, moment: Moment
) -> tuple[State, StoredRecord]:  # fmt: skip
    state = _state(context, instance, moment)
    if state is None:
        raise NotFound(f"{endpoint} has no record {key}", field="record_id")
    return state, context.browser.record(state, endpoint, key)


def records_address(request: Request, context: ApiContext, instance_id: int, endpoint: str) -> str:
    within = path("v1", "backup_instances", instance_id, "endpoints", endpoint, "records")
    return base_url(request, context.settings) + within


def shown_record(key: str, raw: bytes, has_blob: bool, prefix: str, query: str) -> bytes:
    """The source's bytes as they are, in the contract's frame."""
    blob_url = _json(prefix + path(key, "blob") + query) if has_blob else b"null"
    return b'{"id":%b,"field_data":%b,"blob_url":%b}' % (_json(key), raw, blob_url)
