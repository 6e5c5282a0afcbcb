"""What differs between two backups of an instance, a page at a time; or between the newest and the live source."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from holdfast.api import cursors
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem, bad_value_of
from holdfast.api.models import Id, Model
from holdfast.api.parameters import OptionalPerPage, PathId, PerPage, QueryId, QueryText
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.endpoints import known_endpoint
from holdfast.api.routes.instances import own_instance
from holdfast.catalog.instances import Instance
from holdfast.errors import Conflict
from holdfast.operations.browsing import State
from holdfast.operations.compare import RecordChange, compare
from holdfast.operations.rehearsal import keep, kept, rehearsed

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/compare", tags=["Compare"])


_LINES = "application/x-ndjson"
_LIVE_AT_ONCE = 4
"""Sources that one process reads for this at a time: each takes a thread for as long as it lasts."""
_LIVE_OF_A_VENDOR = 2
"""Of them: a source that is slow or has no end keeps no other vendor from comparing."""
_LONGEST_LIVE_S = 3600.0
_live: list[int] = []
"""The vendors for whom a source is being read now."""
_live_lock = threading.Lock()


class ChangedField(Model):
    field: str = Field(description="A dotted path; elements of a list by their number.", examples=["labels.0.name"])
    before: Any = Field(default=None, description="Left out where the field was not there.", examples=["bug"])
    after: Any = Field(default=None, description="Left out where the field is gone.", examples=["question"])


class Change(Model):
    endpoint: str = Field(examples=["issues"])
    id: str = Field(examples=["4711"])
    change: Literal["added", "changed", "deleted"] = Field(examples=["changed"])
    fields: list[ChangedField] | None = Field(
        description="Of a changed record. null: it is nested too deeply to compare field by field."
    )
    blob_changed: bool = Field(examples=[False])
    field_data: dict[str, Any] | None = Field(
        default=None, description="An added record as it is, a deleted one as it was."
    )


class ComparePage(Model):
    from_backup_id: Id | None = Field(description="null: everything is new.")
    to_backup_id: Id | None = Field(description="null: there is no backup yet.")
    changes: list[Change]
    next: str | None = Field(description="Give it as `after` to go on; null: this is the end.")


@router.get("", operation_id="compare_backups", response_model=ComparePage, responses=MAY_BE_BOTH)
def compare_backups(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    first: Annotated[QueryId, Query(alias="from", description="The earlier backup; the one before `to`.")] = None,
    second: Annotated[QueryId, Query(alias="to", description="The later backup; the newest.")] = None,
    endpoint: Annotated[QueryText, Query(description="Only this one.")] = None,
    per_page: PerPage = 20,
    after: Annotated[QueryText, Query(description="`next` of the page before.")] = None,
) -> Response:
    """What was added, changed and deleted from one backup to a later one, by endpoint and id.

    The cost is that of what has changed, however much there is.
    """
    instance = own_instance(context, caller, backup_instance_id)
    if endpoint is not None:
        with bad_value_of("endpoint"):
            known_endpoint(context, instance, endpoint)
    behind: tuple[str, str] | None = None
    if after is not None:
        first, second, *place = cursors.decode(after, (int, type(None)), int, str, str)
        behind = (place[0], place[1])
    before, now = _states(context, instance, first, second)
    if now is None:
        return _answer(None, None, [], None)
    changes = compare(context.services, before, now, endpoint=endpoint, behind=behind, at_once=per_page + 1)
    found = list(islice(changes, per_page + 1))
    following = None
    if len(found) > per_page:
        found.pop()
        last = found[-1]
        following = cursors.encode(None if before is None else before.run.id, now.run.id, last.endpoint, last.key)
    return _answer(before, now, found, following)


class LivePage(Model):
    from_backup_id: Id | None = Field(description="null: there is no backup yet.")
    complete: bool = Field(description="Whether the source could be read to its end.")
    failures: list[dict[str, Any]] = Field(description="Why it could not.")
    changes: list[Change]
    next: str | None = Field(description="Give it as `after` to go on, within an hour; null: this is the end.")


@router.post(
    "/live",
    operation_id="compare_live",
    response_model=LivePage,
    responses=MAY_BE_BOTH | {200: {"content": {_LINES: {"schema": {"type": "string"}}}}},
)
def compare_with_the_live_source(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    endpoint: Annotated[QueryText, Query(description="Only this one's changes; everything is read.")] = None,
    per_page: OptionalPerPage = None,
    after: Annotated[QueryText, Query(description="`next` of the page before: the source is not read again.")] = None,
) -> Response:
    """What a backup would change now: the source is read to its end, nothing is stored.

    The answer begins when the source was read, which takes as long as a full backup without its blobs. Its lines are
    JSON objects: first one with `from_backup_id` (null: there is no backup yet), `complete` and `failures`, then the
    changes, each as in a comparison of two backups.

    With `per_page` it is a page instead, and `next` leads on in the same comparison, which the machine that made it
    keeps until nobody has asked for an hour.
    """
    instance = own_instance(context, caller, backup_instance_id)
    if endpoint is not None:
        with bad_value_of("endpoint"):
            known_endpoint(context, instance, endpoint)
    if per_page is not None or after is not None:
        return _live_page(context, caller.vendor_id, instance, endpoint, per_page or 20, after)
    lines = _live_lines(context, caller.vendor_id, instance, endpoint)
    return StreamingResponse(chain([next(lines)], lines), media_type=_LINES)


def _live_page(
    context: ApiContext, vendor_id: int, instance: Instance, endpoint: str | None, per_page: int, after: str | None
) -> Response:  # fmt: skip
    behind: tuple[str, str] | None = None
    if after is not None:
        token, *place = cursors.decode(after, str, str, str)
        behind = (place[0], place[1])
    else:
        with _one_of_a_few(vendor_id):
            token = keep(context.services, instance, longest_s=_LONGEST_LIVE_S)
    with ExitStack() as stack:
        with bad_value_of("after"):
            rehearsal = stack.enter_context(kept(context.services, instance, token))
        found = list(islice(rehearsal.changes(endpoint, behind=behind, at_once=per_page + 1), per_page + 1))
        before = rehearsal.before
        following = None
        if len(found) > per_page:
            found.pop()
            following = cursors.encode(token, found[-1].endpoint, found[-1].key)
        document = {
            "from_backup_id": None if before is None else before.run.id, "complete": rehearsal.is_complete,
            "failures": list(rehearsal.failures), "changes": [_shown(change) for change in found], "next": following,
        }  # fmt: skip
    return Response(msgspec.json.encode(document), media_type="application/json")


@contextmanager
def _one_of_a_few(vendor_id: int) -> Iterator[None]:
    """Raises Conflict where too many sources are read already."""
    with _live_lock:
        if len(_live) >= _LIVE_AT_ONCE or _live.count(vendor_id) >= _LIVE_OF_A_VENDOR:
            hint = f"This process reads {_LIVE_AT_ONCE} at a time, {_LIVE_OF_A_VENDOR} of a vendor: try again later."
            raise Conflict("other sources are being compared", hint=hint, code="busy")
        _live.append(vendor_id)
    try:
        yield
    finally:
        with _live_lock:
            _live.remove(vendor_id)


def _live_lines(
    context: ApiContext, vendor_id: int, instance: Instance, endpoint: str | None
) -> Iterator[bytes]:  # fmt: skip
    """The first comes when the source was read. Whoever drops it early lets go of everything."""
    with (
        _one_of_a_few(vendor_id),
        rehearsed(context.services, instance, longest_s=_LONGEST_LIVE_S) as rehearsal,
    ):
        before = rehearsal.before
        yield _line({
            "from_backup_id": None if before is None else before.run.id, "complete": rehearsal.is_complete,
            "failures": list(rehearsal.failures),
        })  # fmt: skip
        for change in rehearsal.changes(endpoint):
            yield _line(_shown(change))


def _line(document: dict[str, Any]) -> bytes:
    # Only white space between tokens can be a line's end: within texts JSON has it escaped.
    return msgspec.json.encode(document).replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _states(
    context: ApiContext, instance: Instance, first: int | None, second: int | None
) -> tuple[State | None, State | None]:
    """The earlier state is None where the later one is the first."""
    browser = context.browser
    with bad_value_of("to"):
        now = browser.state(instance, backup_id=second)
    if now is None:
        return None, None
    with bad_value_of("from"):
        if first is not None:
            before = browser.state(instance, backup_id=first)
        elif now.run.sequence == 1:
            before = None
        else:
            before = browser.state(instance, sequence=now.run.sequence - 1)
    if before is not None and before.run.sequence > now.run.sequence:
        raise BadRequest([Problem("from", "invalid", "`from` must be the earlier backup, `to` the later one")])
    return before, now


def _answer(before: State | None, now: State | None, found: list[RecordChange], following: str | None) -> Response:
    document = {
        "from_backup_id": None if before is None else before.run.id,
        "to_backup_id": None if now is None else now.run.id,
        "changes": [_shown(change) for change in found],
        "next": following,
    }
    return Response(msgspec.json.encode(document), media_type="application/json")


def _shown(change: RecordChange) -> dict[str, Any]:
    whole = {"added": change.after, "deleted": change.before}.get(change.kind)
    return change.document() | ({} if whole is None else {"field_data": msgspec.Raw(whole)})
