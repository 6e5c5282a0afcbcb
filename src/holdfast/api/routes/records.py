"""Records of an endpoint, and their blobs: now, or as any backup had them.

What the source sent goes out as it is stored, without being decoded.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request, Response

from holdfast.api.addresses import base_url, path
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem, bad_value_of
from holdfast.api.models import EndpointRecord
from holdfast.api.paging import LINK_HEADER, Page, forward_links, links
from holdfast.api.parameters import PathId, PathText, QueryId, QueryText, QueryTime, parse_id
from holdfast.api.ranged import ranged
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.endpoints import known_endpoint
from holdfast.api.routes.instances import own_instance
from holdfast.catalog.instances import Instance
from holdfast.catalog.listing import PageRequest
from holdfast.catalog.rows import RecordRow
from holdfast.errors import NotFound
from holdfast.operations.browsing import State, StoredRecord
from holdfast.operations.filtered_pages import FilteredPage, filtered_page
from holdfast.operations.search import Query as SearchQuery
from holdfast.operations.tokens import Caller

router = APIRouter(
    prefix="/v1/backup_instances/{backup_instance_id}/endpoints/{endpoint_name}/records", tags=["Records"]
)

_WALKED_QUICKLY = 2_000
"""Records that a page's number may pass over (0.1 ms per thousand) before that is left to a thread."""
_PATIENCE_S = 1.0
"""A page with conditions is answered after so long, with what was found until then."""
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


@router.get(
    "",
    operation_id="list_records",
    response_model=list[EndpointRecord],
    responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}},
)
async def list_records(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    endpoint_name: PathText,
    page: Page,
    moment: AtMoment,
    request: Request,
    after: Annotated[QueryText, Query(description="From a `next` link: goes on there, without a walk.")] = None,
    where: Annotated[
        list[str],
        Query(description="A condition on a field, as in a search: `state=open`; also !=, <, <=, >, >=, ~ (contains)."),
    ] = [],  # noqa: B006 - FastAPI's own way; never changed
) -> Response:
    """The records of an endpoint, ascending by id. Follow `next` to read many: its pages all show the same state.

    With `where` only those that fulfil every condition; `next` is then the one way on, and a page may be short or empty
    and yet have it.
    """
    run_id, key = _read_cursor(after)
    if where:
        return await run_sync(
            _filtered, context, caller, backup_instance_id, endpoint_name, page, moment, request, where, run_id, key
        )
    offset = 0 if key is not None else (page.number - 1) * page.per_page
    read = partial(
        context.record_pages.read,
        caller.vendor_id,
        caller.customer_id,
        backup_instance_id,
        endpoint_name,
        run_id=moment.backup_id if run_id is None else run_id,
        at=moment.at if run_id is None else None,
        after=key,
        offset=offset,
        limit=page.per_page,
    )
    try:
        if context.reads_are_quick and offset <= _WALKED_QUICKLY:
            found = read()
        else:
            found = await run_sync(read)
    except NotFound as error:
        if error.field != "backup_id":
            raise
        raise BadRequest(
            [Problem("backup_id" if run_id is None else "after", "not_found", str(error))]
        ) from error  # fmt: skip
    if not found.knows_endpoint:
        await run_sync(_check_endpoint, context, caller, backup_instance_id, endpoint_name)
    following = None
    if found.rows and found.run_id is not None:
        following = _cursor(found.run_id, found.rows[-1].record_key)
    last_page = max(1, -(-found.total // page.per_page))
    prefix = _address(request, context, backup_instance_id, endpoint_name)
    return Response(
        _array(found.rows, found.raws, prefix, moment.query()),
        media_type="application/json",
        headers={"Link": links(request, context.settings, page=page.number, last_page=last_page, after=following)},
    )


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
    prefix = _address(request, context, instance.id, endpoint_name)
    shown = _object(record.key, record.raw, record.has_blob, prefix, moment.query())
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


def _filtered(
    context: ApiContext,
    caller: Caller,
    instance_id: int,
    endpoint: str,
    page: PageRequest,
    moment: Moment,
    request: Request,
    where: Sequence[str],
    run_id: int | None,
    key: str | None,
) -> Response:
    if page.number > 1 and key is None:
        message = "with `where` there are no pages by number: follow the `next` link"
        raise BadRequest([Problem("page", "invalid", message)])
    instance = own_instance(context, caller, instance_id)
    known_endpoint(context, instance, endpoint)
    query = SearchQuery.parse(None, where, endpoint)
    with bad_value_of("backup_id" if run_id is None else "after"):
        state = context.browser.state(
            instance, backup_id=moment.backup_id if run_id is None else run_id, at=moment.at if run_id is None else None
        )
    found = FilteredPage((), None)
    if state is not None and any(one.name == endpoint for one in context.browser.endpoints(state)):
        found = filtered_page(
            context.browser, state, endpoint, query, after=key, limit=page.per_page, patience_s=_PATIENCE_S
        )
    following = None if state is None or found.after is None else _cursor(state.run.id, found.after)
    rows, raws = [one.row for one in found.records], [one.raw for one in found.records]
    prefix = _address(request, context, instance_id, endpoint)
    return Response(
        _array(rows, raws, prefix, moment.query()),
        media_type="application/json",
        headers={"Link": forward_links(request, context.settings, page=page.number, after=following)},
    )


def _state(context: ApiContext, instance: Instance, moment: Moment) -> State | None:
    with bad_value_of("backup_id"):
        return context.browser.state(instance, backup_id=moment.backup_id, at=moment.at)


def _check_endpoint(context: ApiContext, caller: Caller, instance_id: int, endpoint: str) -> None:
    """Raises NotFound for one that neither the definition nor any backup has."""
    known_endpoint(context, own_instance(context, caller, instance_id), endpoint)


def _record(
    context: ApiContext, instance: Instance, endpoint: str, key: str, moment: Moment
) -> tuple[State, StoredRecord]:  # fmt: skip
    state = _state(context, instance, moment)
    if state is None:
        raise NotFound(f"{endpoint} has no record {key}", field="record_id")
    return state, context.browser.record(state, endpoint, key)


def _address(request: Request, context: ApiContext, instance_id: int, endpoint: str) -> str:
    within = path("v1", "backup_instances", instance_id, "endpoints", endpoint, "records")
    return base_url(request, context.settings) + within


def _array(rows: Sequence[RecordRow], raws: Sequence[bytes], prefix: str, query: str) -> bytes:
    return b"[%b]" % b",".join(
        [_object(row.record_key, raw, row.blob is not None, prefix, query) for row, raw in zip(rows, raws, strict=True)]
    )


def _object(key: str, raw: bytes, has_blob: bool, prefix: str, query: str) -> bytes:
    """The source's bytes as they are, in the contract's frame."""
    blob_url = _json(prefix + path(key, "blob") + query) if has_blob else b"null"
    return b'{"id":%b,"field_data":%b,"blob_url":%b}' % (_json(key), raw, blob_url)


def _cursor(run_id: int, key: str) -> str:
    """Opaque to clients: the backup whose state is listed, and the last record that was shown."""
    return base64.urlsafe_b64encode(f"{run_id} {key}".encode()).decode().rstrip("=")


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
