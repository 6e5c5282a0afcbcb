"""Backups of an instance: ask for one, follow it."""

from fastapi import APIRouter, Request, Response

from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import Context
from holdfast.api.models import Backup, Failure
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import runs
from holdfast.catalog.runs import Run
from holdfast.operations.backup.request import cancel_backup, request_backup

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/backups", tags=["Backups"])


@router.get("", operation_id="list_backups", responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}})
def list_backups(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    page: Page,
    request: Request,
    response: Response,
) -> list[Backup]:
    """All backups of an instance, oldest first."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        listing = runs.of_instance(connection, instance.id, page)
    set_links(request, response, context.settings, listing)
    return [shown_backup(run) for run in listing.items]


@router.post("", operation_id="create_backup", responses=MAY_BE_MISSING)
def create_backup(caller: VendorOrCustomer, context: Context, backup_instance_id: PathId) -> Backup:
    """Queue a backup. One is active at a time: while there is one, this answers it."""
    instance = own_instance(context, caller, backup_instance_id)
    run, _ = request_backup(context.services, instance.id)
    return shown_backup(run)


@router.get(
    "/active",
    operation_id="get_active_backup",
    responses=MAY_BE_MISSING | {204: {"description": "No backup is queued or in progress"}},
    response_model=Backup,
)
def get_active_backup(caller: VendorOrCustomer, context: Context, backup_instance_id: PathId) -> Backup | Response:
    """The backup that is queued or in progress."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        run = runs.active(connection, instance.id)
    return Response(status_code=204) if run is None else shown_backup(run)


@router.get("/{backup_id}", operation_id="get_backup", responses=MAY_BE_MISSING)
def get_backup(caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, backup_id: PathId) -> Backup:
    """One backup: how far it is, or what came of it."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        return shown_backup(runs.get(connection, backup_id, instance_id=instance.id))


@router.post("/{backup_id}/cancel", operation_id="cancel_backup", responses=MAY_BE_MISSING)
def cancel(caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, backup_id: PathId) -> Backup:
    """End a backup at its next checkpoint. It keeps what it has; one that has ended stays as it is."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        run = runs.get(connection, backup_id, instance_id=instance.id)
    return shown_backup(cancel_backup(context.services, run))


def shown_backup(run: Run) -> Backup:
    """A backup as answers have it."""
    return Backup(
        id=run.id,
        backup_instance_id=run.instance_id,
        status=run.status,
        queued_at=run.queued_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        failures=[Failure(**one) for one in run.failures],
        counters=dict(run.counters),
    )
