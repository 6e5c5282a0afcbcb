"""Backup instances: one definition applied to one customer."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection

from holdfast.api.authentication import Vendor, VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem, bad_value_of, fields_of
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import BackupInstance
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId, RequiredQueryId
from holdfast.api.routes.answers import MAY_BE_BAD, MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.catalog import customers, definitions, instances, summaries
from holdfast.catalog.instances import Instance
from holdfast.operations import instances as operations
from holdfast.operations import schedule
from holdfast.operations.tokens import Caller

router = APIRouter(prefix="/v1/backup_instances", tags=["Backup instances"])

_CUSTOMER = "backup_instance[customer_id]"
_DEFINITION = "backup_instance[backup_definition_id]"
_FREQUENCY = "backup_instance[backup_frequency]"
_SCHEDULE = "backup_instance[schedule]"
_TIME_ZONE = "backup_instance[time_zone]"
_FREQUENCIES = ("off", "daily", "weekly")

_schedule_fields = (
    Field(name=_FREQUENCY, description="How often it is backed up. Required unless `schedule` is given.",
          choices=_FREQUENCIES, example="daily"),
    Field(name=_SCHEDULE, description="A finer schedule, which wins: off, hourly, daily, weekly, or a cron expression.",
          longest=100, example="15 */6 * * *"),
    Field(name=_TIME_ZONE, description="What a cron expression's times are in; UTC if left out.", longest=100,
          example="Europe/Berlin"),
)  # fmt: skip
_create = Form(
    Field(name=_DEFINITION, description="What to back up.", kind="integer", required=True),
    Field(name=_CUSTOMER, description="Whose account of it.", kind="integer", required=True),
    *_schedule_fields,
)
_change = Form(*_schedule_fields)


def own_instance(context: ApiContext, caller: Caller, instance_id: int) -> Instance:
    """The caller's own instance. Raises NotFound for everybody else's as for none."""
    with context.services.database.read() as connection:
        return instances.get(
            connection, instance_id, vendor_id=caller.vendor_id, customer_id=caller.customer_id
        )  # fmt: skip


@router.get(
    "",
    operation_id="list_backup_instances",
    responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}},
    response_model_exclude_unset=True,
)
def list_backup_instances(
    caller: VendorOrCustomer,
    context: Context,
    page: Page,
    request: Request,
    response: Response,
    backup_definition_id: RequiredQueryId,
) -> list[BackupInstance]:
    """Your own customers' instances of a definition, which may be another vendor's published one."""
    with context.services.database.read() as connection:
        definitions.get(connection, backup_definition_id, visible_to=caller.vendor_id)
        listing = instances.of_definition(
            connection, backup_definition_id, page, vendor_id=caller.vendor_id, customer_id=caller.customer_id
        )
        found = shown_instances(connection, listing.items)
    set_links(request, response, context.settings, listing)
    return found


@router.post(
    "",
    operation_id="create_backup_instance",
    responses=MAY_BE_BAD,
    response_model_exclude_unset=True,
    openapi_extra=_create.openapi(),
)
def create_backup_instance(
    caller: Vendor, context: Context, given: Annotated[Values, Depends(_create)]
) -> BackupInstance:
    """Apply a definition to a customer. Set its variables next."""
    wanted = _schedule(given)
    with context.services.database.read() as connection:
        with bad_value_of(_CUSTOMER):
            customers.get(connection, given.integer(_CUSTOMER), vendor_id=caller.vendor_id)
        with bad_value_of(_DEFINITION):
            definitions.get(connection, given.integer(_DEFINITION), visible_to=caller.vendor_id)
    made = operations.create(
        context.services, given.integer(_CUSTOMER), given.integer(_DEFINITION), schedule=wanted
    )  # fmt: skip
    return _shown(context, made)


@router.get(
    "/{backup_instance_id}",
    operation_id="get_backup_instance",
    responses=MAY_BE_MISSING,
    response_model_exclude_unset=True,
)
def get_backup_instance(caller: VendorOrCustomer, context: Context, backup_instance_id: PathId) -> BackupInstance:
    """One of your instances, with the state of its backups."""
    return _shown(context, own_instance(context, caller, backup_instance_id))


@router.put(
    "/{backup_instance_id}",
    operation_id="change_backup_instance",
    responses=MAY_BE_BOTH,
    response_model_exclude_unset=True,
    openapi_extra=_change.openapi(),
)
def change_backup_instance(
    caller: Vendor, context: Context, backup_instance_id: PathId, given: Annotated[Values, Depends(_change)]
) -> BackupInstance:
    """Another schedule. Customer and definition stay what they are."""
    instance = own_instance(context, caller, backup_instance_id)
    shown = _shown(context, instance).model_dump(mode="json", exclude_unset=True)
    given.refuse_changes({
        f"backup_instance[{name}]": shown.get(name)
        for name in ("id", "customer_id", "backup_definition_id", "last_backup_state", "last_successful_backup",
                     "next_scheduled_backup", "created_at")
    })  # fmt: skip
    schedule.set_schedule(context.services, instance, _schedule(given))
    return _shown(context, own_instance(context, caller, backup_instance_id))


@router.delete(
    "/{backup_instance_id}", operation_id="delete_backup_instance", status_code=204, responses=MAY_BE_MISSING
)
def delete_backup_instance(caller: Vendor, context: Context, backup_instance_id: PathId) -> Response:
    """No more backups of it, and nobody sees it any more; an active one is canceled. Its data goes with pruning."""
    operations.remove(context.services, own_instance(context, caller, backup_instance_id))
    return Response(status_code=204)


def _schedule(given: Values) -> schedule.Schedule:
    frequency, finer = given.optional(_FREQUENCY), given.optional(_SCHEDULE)
    if frequency is None and finer is None:
        raise BadRequest([Problem(_FREQUENCY, "missing", "say how often: give a frequency or a schedule")])
    with fields_of("backup_instance"):
        return schedule.parse(finer or frequency or "", given.optional(_TIME_ZONE))


def _shown(context: ApiContext, instance: Instance) -> BackupInstance:
    with context.services.database.read() as connection:
        return shown_instances(connection, [instance])[0]


def shown_instances(connection: Connection, listed: Sequence[Instance]) -> list[BackupInstance]:
    """Instances as answers have them."""
    backups = summaries.of_instances(connection, [instance.id for instance in listed])
    return [_model(instance, backups[instance.id]) for instance in listed]


def _model(instance: Instance, backups: summaries.BackupSummary) -> BackupInstance:
    fields: dict[str, Any] = {
        "id": instance.id,
        "backup_definition_id": instance.definition_id,
        "customer_id": instance.customer_id,
        "schedule": schedule.of_instance(instance).text,
        "time_zone": instance.time_zone,
        "last_successful_backup": backups.last_successful,
        "next_scheduled_backup": instance.next_due_at,
        "created_at": instance.created_at,
    }
    if instance.frequency in _FREQUENCIES:
        fields["backup_frequency"] = instance.frequency
    if backups.state is not None:
        fields["last_backup_state"] = backups.state.replace("_", " ")
    return BackupInstance(**fields)
