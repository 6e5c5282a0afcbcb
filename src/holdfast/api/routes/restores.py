"""Restores of an instance's backups: planned, run, canceled, and their signed reports."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field as ModelField

from holdfast.api.authentication import Vendor, VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import bad_value_of, fields_of
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import Failure, Id, Model, Status, Time
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.api.routes.instances import own_instance
from holdfast.api.routes.receipts import Receipt
from holdfast.catalog import restores
from holdfast.catalog.restores import Restore
from holdfast.clock import parse_time
from holdfast.errors import InputError
from holdfast.operations import restore as operation
from holdfast.operations.restore import CONFLICTS, Conflict, RestoreOptions, reporting
from holdfast.operations.tokens import Caller

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/restores", tags=["Restores"])

_DRY_RUN_MISSING = (
    "say whether this is a plan or the restore itself: `restore[dry_run]=true` makes the plan, "
    "`restore[dry_run]=false` writes to the application, and restores everything where nothing narrower is chosen"
)
_create = Form(
    Field(name="restore[endpoint]", description="Only this one.", example="issues"),
    Field(name="restore[record_id]", description="Only this record of the endpoint.", example="4711"),
    Field(name="restore[where]", longest=4_000, example="state=open",
          description="Only records that fulfil all these conditions, one on each line, as a search has them."),
    Field(name="restore[backup_id]", kind="integer", description="The backup whose records are restored."),
    Field(name="restore[at]", description="A time instead (ISO 8601): the last backup that had ended by then. Neither "
          "means the newest.", example="2026-11-24T08:30:00Z"),
    Field(name="restore[to]", kind="integer",
          description="The backup instance whose account is written to, of the same definition and customer. Default: "
          "this one."),
    Field(name="restore[on_conflict]", choices=CONFLICTS, default="skip", example="skip",
          description="What becomes of a record that is there and differs."),
    Field(name="restore[dry_run]", kind="boolean", required=True, example=True, missing=_DRY_RUN_MISSING,
          description="`true`: only make the plan, write nothing. `false`: restore what was chosen; everything, where "
          "nothing else is said."),
    is_strict=True,
)  # fmt: skip


class RestoreModel(Model):
    id: Id
    backup_instance_id: Id = ModelField(description="Whose backup it is.")
    target_instance_id: Id = ModelField(description="Whose account is written to.")
    backup_id: Id
    status: Status = ModelField(examples=["successful"])
    complete: bool | None = ModelField(
        description="Whether everything that was chosen is at the target now as the backup has it, blobs too. False "
        "beside `successful`: some of it cannot be restored, as the plan said (`impossible`, `without_blob` in the "
        "counters), or is there, differs, and was left alone (`left_differing`). Null until it has ended, and of a "
        "plan.",
        examples=[True],
    )
    dry_run: bool = ModelField(examples=[False])
    on_conflict: Literal["skip", "overwrite", "duplicate"] = ModelField(examples=["skip"])
    endpoint: str | None = ModelField(examples=["issues"])
    record_id: str | None = ModelField(examples=[None])
    where: list[str] = ModelField(examples=[["state=open"]])
    queued_at: Time
    started_at: Time
    ended_at: Time
    plan: dict[str, Any] | None = ModelField(
        description="Of a dry run: how many records it would create, update, undelete, leave alone; what is impossible "
        "and why; requests and seconds.",
        examples=[None],
    )
    counters: dict[str, Any] = ModelField(
        description="How many records are what by now, in all and by endpoint.",
        examples=[{"created": 12, "left_alone": 3, "left_differing": 1, "impossible": 0, "failed": 0}],
    )
    failures: list[Failure] = ModelField(
        description="What failed, and what was read back otherwise than it was written.", examples=[[]]
    )


@router.get(
    "",
    operation_id="list_restores",
    response_model=list[RestoreModel],
    responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}},
)
def list_restores(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    page: Page,
    request: Request,
    response: Response,
) -> list[RestoreModel]:
    """All restores of an instance's backups, oldest first."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        listing = restores.of_instance(connection, instance.id, page)
    set_links(request, response, context.settings, listing)
    return [_shown(one) for one in listing.items]


@router.post(
    "",
    operation_id="create_restore",
    response_model=RestoreModel,
    responses=MAY_BE_BOTH,
    openapi_extra=_create.openapi(),
)
def create_restore(
    caller: Vendor,
    context: Context,
    backup_instance_id: PathId,
    given: Annotated[Values, Depends(_create)],
) -> RestoreModel:
    """Queue a restore, or its plan alone. A customer's token does not do: this writes elsewhere."""
    instance = own_instance(context, caller, backup_instance_id)
    target_id = given.optional_integer("restore[to]")
    with bad_value_of("restore[to]"):
        target = instance if target_id is None else own_instance(context, caller, target_id)
    with fields_of("restore"):
        options = RestoreOptions(
            endpoint=given.optional("restore[endpoint]"),
            record=given.optional("restore[record_id]"),
            where=tuple(line for line in (given.optional("restore[where]") or "").splitlines() if line.strip()),
            on_conflict=cast(Conflict, given.optional("restore[on_conflict]") or "skip"),
            dry_run=given.flag("restore[dry_run]", True),  # required: never absent
        )
        moment = _moment(given.optional("restore[at]"))
    with bad_value_of("restore[backup_id]"):
        state = context.browser.state(instance, backup_id=given.optional_integer("restore[backup_id]"), at=moment)
        if state is None:
            raise InputError("there is no such backup of this instance yet", field="backup_id", code="no_backup")
    with fields_of("restore"):
        return _shown(operation.request_restore(context.services, instance, state, target, options))


@router.get("/{restore_id}", operation_id="get_restore", response_model=RestoreModel, responses=MAY_BE_MISSING)
def get_restore(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, restore_id: PathId
) -> RestoreModel:  # fmt: skip
    """One restore: its plan, how far it is, or what came of it."""
    return _shown(_own(context, caller, backup_instance_id, restore_id))


@router.post(
    "/{restore_id}/cancel", operation_id="cancel_restore", response_model=RestoreModel, responses=MAY_BE_MISSING
)
def cancel_restore(caller: Vendor, context: Context, backup_instance_id: PathId, restore_id: PathId) -> RestoreModel:
    """End a restore before its next write. What it has written stays; one that has ended stays as it is."""
    return _shown(
        operation.cancel_restore(context.services, _own(context, caller, backup_instance_id, restore_id))
    )  # fmt: skip


@router.get("/{restore_id}/report", operation_id="get_restore_report", response_model=Receipt, responses=MAY_BE_MISSING)
def get_restore_report(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, restore_id: PathId
) -> Response:
    """The signed report of a restore that has ended: each record with its new id, what differs and why."""
    found = _own(context, caller, backup_instance_id, restore_id)
    instance = own_instance(context, caller, backup_instance_id)
    signed = reporting.read(context.services, found, instance.customer_id)
    return Response(signed.encode(), media_type="application/json")


def _own(context: ApiContext, caller: Caller, instance_id: int, restore_id: int) -> Restore:
    instance = own_instance(context, caller, instance_id)
    with context.services.database.read() as connection:
        return restores.get(connection, restore_id, instance_id=instance.id)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no ISO 8601 time", field="at") from error


def _shown(restore: Restore) -> RestoreModel:
    options = restore.options
    return RestoreModel(
        id=restore.id,
        backup_instance_id=restore.instance_id,
        target_instance_id=restore.target_id,
        backup_id=restore.run_id,
        status=restore.status,
        complete=restore.complete,
        dry_run=options.get("dry_run", False),
        on_conflict=options.get("on_conflict", "skip"),
        endpoint=options.get("endpoint"),
        record_id=options.get("record"),
        where=list(options.get("where", ())),
        queued_at=restore.queued_at,
        started_at=restore.started_at,
        ended_at=restore.ended_at,
        plan=None if restore.plan is None else dict(restore.plan),
        counters=dict(restore.counters),
        failures=[Failure(**{"page": None, **one}) for one in restore.failures],
    )
