"""Lists of records: now, or as any backup had them, all or those that fulfil conditions.

What the source sent goes out as it is stored, without being decoded.
"""

import base64
from collections.abc import Sequence
from functools import partial
from typing import Annotated, NamedTuple

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response

from holdfast.api.addresses import own_url
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem, bad_value_of
from holdfast.api.models import EndpointRecord
from holdfast.api.paging import LINK_HEADER, Page, forward_links, kept, links_of
from holdfast.api.parameters import PathId, PathText, QueryText, parse_id
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.endpoints import known_endpoint
from holdfast.api.routes.instances import own_instance
from holdfast.api.routes.records import AtMoment, Moment, records_address, shown_record
from holdfast.catalog.listing import PageRequest
from holdfast.catalog.rows import RecordRow
from holdfast.errors import NotFound
from holdfast.operations.filtered_pages import FilteredPage, filtered_page
from holdfast.operations.search import Query as SearchQuery
from holdfast.operations.tokens import Caller

_WALKED_QUICKLY = 2_000
"""Records that a page's number may pass over (0.1 ms per thousand) before that is left to a thread."""
_PATIENCE_S = 1.0
"""A page with conditions is answered after so long, with what was found until then."""


class Wanted(NamedTuple):
    """A list that is asked for, as far as its address says."""

    instance_id: int
    endpoint: str
    page: PageRequest
    moment: Moment
    after: str | None


router = APIRouter(
    prefix="/v1/backup_instances/{backup_instance_id}/endpoints/{endpoint_name}/records",
    tags=["Records"],
)


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
    wanted = Wanted(backup_instance_id, endpoint_name, page, moment, after)
    if where:
        return await run_sync(_filtered, context, caller, wanted, where, request)
    prefix = records_address(request, context, backup_instance_id, endpoint_name)
    here = own_url(request, context.settings) + "?" + kept(request)
    content, link = await listed(context, caller, wanted, prefix, here)
    return Response(content, media_type="application/json", headers={"Link": link})


async def listed(
    context: ApiContext, caller: Caller, wanted: Wanted, prefix: str, here: str
) -> tuple[bytes, str]:  # fmt: skip
    """The list as JSON, and its `Link` header. `prefix` is the address of records, `here` the list's own with a query
    that `page` can be added to. Raises NotFound, BadRequest."""
    instance_id, endpoint, page, moment, after = wanted
    run_id, key = _read_cursor(after)
    offset = 0 if key is not None else (page.number - 1) * page.per_page
    read = partial(
        context.record_pages.read,
        caller.vendor_id,
        caller.customer_id,
        instance_id,
        endpoint,
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
        await run_sync(_check_endpoint, context, caller, instance_id, endpoint)
    following = None
    if found.rows and found.run_id is not None:
        following = next_cursor(found.run_id, found.rows[-1].record_key)
    last_page = max(1, -(-found.total // page.per_page))
    content = _array(found.rows, found.raws, prefix, moment.query())
    return content, links_of(here, page=page.number, last_page=last_page, after=following)


def _filtered(
    context: ApiContext, caller: Caller, wanted: Wanted, where: Sequence[str], request: Request
) -> Response:  # fmt: skip
    instance_id, endpoint, page, moment, after = wanted
    run_id, key = _read_cursor(after)
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
    following = None if state is None or found.after is None else next_cursor(state.run.id, found.after)
    rows, raws = [one.row for one in found.records], [one.raw for one in found.records]
    prefix = records_address(request, context, instance_id, endpoint)
    return Response(
        _array(rows, raws, prefix, moment.query()),
        media_type="application/json",
        headers={"Link": forward_links(request, context.settings, page=page.number, after=following)},
    )


def _check_endpoint(context: ApiContext, caller: Caller, instance_id: int, endpoint: str) -> None:
    """Raises NotFound for one that neither the definition nor any backup has."""
    known_endpoint(context, own_instance(context, caller, instance_id), endpoint)


def _array(rows: Sequence[RecordRow], raws: Sequence[bytes], prefix: str, query: str) -> bytes:
    return b"[%b]" % b",".join(
        [
            shown_record(row.record_key, raw, row.blob is not None, prefix, query)
            for row, raw in zip(rows, raws, strict=True)
        ]
    )


def next_cursor(run_id: int, key: str) -> str:
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
