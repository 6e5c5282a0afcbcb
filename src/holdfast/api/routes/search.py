"""Search over all endpoints of an instance: a page at a time, or everything as it is found."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from holdfast.api import cursors
from holdfast.api.addresses import base_url, path
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import bad_value_of
from holdfast.api.models import EndpointRecord, Id, Model
from holdfast.api.parameters import PathId, PerPage, QueryText
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.endpoints import known_endpoint
from holdfast.api.routes.instances import own_instance
from holdfast.api.routes.records import AtMoment, Moment
from holdfast.catalog.instances import Instance
from holdfast.operations.browsing import State
from holdfast.operations.search import Found, Hit, Position, search
from holdfast.operations.search import Query as SearchQuery
from holdfast.operations.search.matching import Matcher

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/search", tags=["Search"])

_PATIENCE_S = 1.0
"""A page is answered after so long, with what was found until then."""
_LINES = "application/x-ndjson"


class Match(Model):
    field: str = Field(description="A dotted path.", examples=["labels.0.name"])
    text: str = Field(description="What stands there, around the match.", examples=["a bug in the cellar"])


class FoundRecord(EndpointRecord):
    endpoint: str = Field(examples=["issues"])
    matches: list[Match] = Field(description="Where the text stands, at most three places.")


class SearchPage(Model):
    backup_id: Id | None = Field(description="The backup that was searched; null: there is none yet.")
    records: list[FoundRecord]
    next: str | None = Field(
        description="Give it as `after` to go on. A page may have few records or none and yet not be the last one.",
        examples=["WzgyMTE5Mzl..."],
    )


@router.get(
    "",
    operation_id="search_records",
    response_model=SearchPage,
    responses=MAY_BE_BOTH | {200: {"content": {_LINES: {"schema": {"type": "string"}}}}},
)
def search_records(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    moment: AtMoment,
    request: Request,
    per_page: PerPage = 20,
    text: Annotated[QueryText, Query(description="What stands in a value, whatever its case.")] = None,
    where: Annotated[
        list[str], Query(description="A condition on a field: `state=open`; also !=, <, <=, >, >=, ~ (contains).")
    ] = [],  # noqa: B006 - FastAPI's own way; never changed
    endpoint: Annotated[QueryText, Query(description="Only this one.")] = None,
    after: Annotated[QueryText, Query(description="`next` of the page before.")] = None,
) -> Response:
    """Records that have a text in a value and fulfil all conditions, as one backup had them.

    With `Accept: application/x-ndjson` every record there is, a line each, as it is found.
    """
    instance = own_instance(context, caller, backup_instance_id)
    query = SearchQuery.parse(text, where, endpoint)
    if endpoint is not None:
        with bad_value_of("endpoint"):
            known_endpoint(context, instance, endpoint)
    position: Position | None = None
    if after is not None:
        run_id, *place = cursors.decode(after, int, int, int, int)
        moment, position = Moment(run_id, None), Position(*place)
    with bad_value_of("after" if after is not None else "backup_id"):
        state = context.browser.state(instance, backup_id=moment.backup_id, at=moment.at)
    show = _Shown(context, request, instance, query, state)
    lines = _LINES in request.headers.get("accept", "")
    if state is None or not _has_endpoint(context, state, endpoint):
        return show.lines(iter(())) if lines else show.page(state, [], None)
    steps = search(context.services, state, query, after=position)
    if lines:
        return show.lines(steps)
    try:
        return show.page(state, *_collected(state, steps, per_page))
    finally:
        steps.close()


def _has_endpoint(context: ApiContext, state: State, endpoint: str | None) -> bool:
    """False for one that the definition has and the backup not yet."""
    return endpoint is None or any(one.name == endpoint for one in context.browser.endpoints(state))


def _collected(state: State, steps: Iterator[Found], limit: int) -> tuple[list[Hit], str | None]:
    """What one page shows, and its cursor; None: nothing is left to search."""
    hits: list[Hit] = []
    deadline = time.monotonic() + _PATIENCE_S
    for step in steps:
        hits += step.hits
        if len(hits) > limit:
            hits = hits[:limit]
            return hits, cursors.encode(state.run.id, *hits[-1].position)
        if step.frames == step.frames_total:
            break
        if len(hits) == limit or time.monotonic() > deadline:
            return hits, cursors.encode(state.run.id, *step.position)
    return hits, None


class _Shown:
    """How what was found goes out; a record's bytes as they are stored."""

    def __init__(
        self, context: ApiContext, request: Request, instance: Instance, query: SearchQuery, state: State | None
    ) -> None:
        self._address = base_url(request, context.settings) + path("v1", "backup_instances", instance.id, "endpoints")
        self._matcher = Matcher(query)
        self._moment = "" if state is None else Moment(state.run.id, None).query()

    def page(self, state: State | None, hits: Sequence[Hit], following: str | None) -> Response:
        run_id = "null" if state is None else str(state.run.id)
        records = b",".join(map(self._record, hits))
        body = b'{"backup_id":%b,"records":[%b],"next":%b}' % (
            run_id.encode(),
            records,
            json.dumps(following).encode(),
        )
        return Response(body, media_type="application/json")

    def lines(self, steps: Iterator[Found]) -> Response:
        def pieces() -> Iterator[bytes]:
            for step in steps:
                # Only white space between tokens can be a line's end: within texts JSON has it escaped.
                records = (self._record(hit).replace(b"\n", b" ").replace(b"\r", b" ") for hit in step.hits)
                if step.hits:
                    yield b"\n".join(records) + b"\n"

        return StreamingResponse(pieces(), media_type=_LINES)

    def _record(self, hit: Hit) -> bytes:
        blob_url = "null"
        if hit.row.blob is not None:
            blob_url = json.dumps(self._address + path(hit.endpoint, "records", hit.key, "blob") + self._moment)
        matches = [{"field": one.field, "text": one.excerpt} for one in self._matcher.found(hit.raw)]
        return b'{"endpoint":%b,"id":%b,"field_data":%b,"blob_url":%b,"matches":%b}' % (
            json.dumps(hit.endpoint).encode(),
            json.dumps(hit.key).encode(),
            hit.raw,
            blob_url.encode(),
            json.dumps(matches).encode(),
        )
