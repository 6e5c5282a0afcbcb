"""Alarms of an instance: backups that found far more deleted, changed or encrypted than is usual."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from holdfast.api.authentication import Vendor, VendorOrCustomer
from holdfast.api.context import Context
from holdfast.api.models import Id, Model, Time
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import alarms
from holdfast.catalog.alarms import Alarm
from holdfast.operations import alarms as operation

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/alarms", tags=["Alarms"])

_TIME = datetime.fromisoformat("2026-11-24T06:31:12.5Z")


class AlarmModel(Model):
    id: Id
    backup_instance_id: Id
    backup_id: Id = Field(description="The backup that raised it.")
    kind: Literal["mass_deletion", "mass_change", "mass_encryption"] = Field(examples=["mass_deletion"])
    endpoint: str = Field(examples=["issues"])
    message: str = Field(examples=["10,000 of 52,000 records of issues are gone at the source"])
    figures: dict[str, Any] = Field(
        description="`value` and what it was measured by.", examples=[{"value": 10_000, "usual": 12, "limit": 1040}]
    )
    raised_at: AwareDatetime = Field(examples=[_TIME])
    acknowledged_at: Time = Field(examples=[None])
    acknowledged_by: str | None = Field(examples=[None])


@router.get(
    "",
    operation_id="list_alarms",
    response_model=list[AlarmModel],
    responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}},
)
def list_alarms(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    page: Page,
    request: Request,
    response: Response,
    acknowledged: Annotated[
        Literal["true", "false", ""],
        Query(description="`false`: those that nobody has acknowledged; `true`: the others."),
    ] = "",
) -> list[AlarmModel]:
    """All alarms of an instance, oldest first."""
    instance = own_instance(context, caller, backup_instance_id)
    wanted = None if not acknowledged else acknowledged == "true"
    with context.services.database.read() as connection:
        listing = alarms.of_instance(connection, instance.id, page, acknowledged=wanted)
    set_links(request, response, context.settings, listing)
    return [_shown(alarm) for alarm in listing.items]


@router.get("/{alarm_id}", operation_id="get_alarm", response_model=AlarmModel, responses=MAY_BE_MISSING)
def get_alarm(caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, alarm_id: PathId) -> AlarmModel:
    """One alarm."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        return _shown(alarms.get(connection, alarm_id, instance_id=instance.id))


@router.post(
    "/{alarm_id}/acknowledge", operation_id="acknowledge_alarm", response_model=AlarmModel, responses=MAY_BE_MISSING
)
def acknowledge_alarm(caller: Vendor, context: Context, backup_instance_id: PathId, alarm_id: PathId) -> AlarmModel:
    """Somebody has looked at it. Until then the backups before it are not pruned; after that they may be."""
    instance = own_instance(context, caller, backup_instance_id)
    return _shown(operation.acknowledge(context.services, instance, alarm_id))


def _shown(alarm: Alarm) -> AlarmModel:
    return AlarmModel(
        id=alarm.id,
        backup_instance_id=alarm.instance_id,
        backup_id=alarm.run_id,
        kind=alarm.kind,
        endpoint=alarm.endpoint,
        message=alarm.message,
        figures=dict(alarm.figures),
        raised_at=alarm.raised_at,
        acknowledged_at=alarm.acknowledged_at,
        acknowledged_by=alarm.acknowledged_by,
    )
