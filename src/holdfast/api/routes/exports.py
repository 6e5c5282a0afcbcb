"""Exports of an instance, and the archives that their signed addresses lead to."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from holdfast.api.addresses import base_url
from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import Answer, Problem, fields_of
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import Errors, Export, ExportReauth, Failure
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId
from holdfast.api.ranged import ranged
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import exports
from holdfast.errors import InputError, NotFound
from holdfast.operations import exports as operations
from holdfast.operations.export import Format
from holdfast.operations.tokens import Caller

router = APIRouter(prefix="/v1", tags=["Exports"])
_EXPORTS = "/backup_instances/{backup_instance_id}/exports"
_BINARY = {"schema": {"type": "string", "format": "binary"}}

_create = Form(
    Field(name="export_run[backup_run_id]", kind="integer", description="The backup to export."),
    Field(name="export_run[export_datetime]", kind="date", example="2026-01-31",
          description="A day (UTC) instead: its last successful backup. Neither means the newest."),
    Field(name="export_run[export_formats]", kind="list", choices=operations.FORMATS, default="blobs,csv,json",
          description="Which of blobs, csv and json, separated by commas.", example="csv,json"),
    Field(name="export_run[content_types]", kind="list", longest=200, example="image/png,application/pdf",
          description="Only blobs of these content types, separated by commas."),
    Field(name="export_run[force_full]", kind="boolean", default=False,
          description="Make it anew even if there is one of the same backup and options."),
    Field(name="export_run[send_confirmation]", kind="boolean", default=True,
          description="Mail the address to the customer."),
)  # fmt: skip


@router.get(_EXPORTS, operation_id="list_exports", responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}})
def list_exports(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    page: Page,
    request: Request,
    response: Response,
) -> list[Export]:
    """All exports of an instance, oldest first."""
    instance = own_instance(context, caller, backup_instance_id)
    with context.services.database.read() as connection:
        listing = exports.of_instance(connection, instance.id, page)
    set_links(request, response, context.settings, listing)
    return [_shown(request, context, export) for export in listing.items]


@router.post(_EXPORTS, operation_id="create_export", responses=MAY_BE_BOTH, openapi_extra=_create.openapi())
def create_export(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    given: Annotated[Values, Depends(_create)],
    request: Request,
) -> Export:
    """Queue an export. One of the same backup and options is not made again: its address is renewed."""
    instance = own_instance(context, caller, backup_instance_id)
    with fields_of("export_run"):
        formats = given.items("export_run[export_formats]")
        wanted = operations.ExportRequest(
            run_id=given.optional_integer("export_run[backup_run_id]"),
            day=given.read.get("export_run[export_datetime]"),
            formats=operations.FORMATS if not formats else cast(tuple[Format, ...], tuple(formats)),
            content_types=tuple(given.items("export_run[content_types]") or ()),
            force_full=given.flag("export_run[force_full]", False),
            send_confirmation=given.flag("export_run[send_confirmation]", True),
        )
        made = operations.request_export(context.services, instance, wanted)
    return _shown(request, context, made)


@router.get(_EXPORTS + "/{export_id}", operation_id="get_export", responses=MAY_BE_MISSING)
def get_export(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, export_id: PathId, request: Request
) -> Export:
    """One export: how far it is, or where its data is."""
    return _shown(request, context, _own(context, caller, backup_instance_id, export_id))


@router.post(_EXPORTS + "/{export_id}/reauth", operation_id="reauthorize_export", responses=MAY_BE_MISSING)
def reauthorize_export(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, export_id: PathId, request: Request
) -> ExportReauth:
    """A new address for an export's data."""
    export = operations.renew(context.services, _own(context, caller, backup_instance_id, export_id))
    shown = _shown(request, context, export)
    if shown.exported_data_url is None or shown.exported_data_url_expiration is None:
        raise NotFound(f"export {export_id} has no data", field="export_id")
    return ExportReauth(
        exported_data_url=shown.exported_data_url, exported_data_url_expiration=shown.exported_data_url_expiration
    )


@router.head("/archives/{export_id}", include_in_schema=False)
@router.get(
    "/archives/{export_id}",
    operation_id="download_archive",
    response_class=Response,
    responses={
        200: {"description": "The archive", "content": {"application/zip": _BINARY}},
        206: {"description": "The range of it that was asked for", "content": {"application/zip": _BINARY}},
        403: {"model": Errors, "description": "The address has expired, or was not made by this service"},
        404: {"model": Errors, "description": "The archive is gone"},
        416: {"model": Errors, "description": "There is no such range"},
    },
)
def download_archive(
    context: Context,
    export_id: PathId,
    request: Request,
    expires: str = "",
    signature: str = "",
) -> Response:
    """An export's data, at the address that the export shows as `exported_data_url`. Needs no token."""
    services = context.services
    try:
        export, archive, customer_id = operations.opened(services, export_id, expires, signature)
    except InputError as error:
        if error.code in {"signature_invalid", "address_expired"}:
            message = str(error) if error.hint is None else f"{error}: {error.hint}"
            raise Answer(403, Problem(None, error.code, message)) from None
        raise
    return ranged(
        request,
        archive.size_bytes,
        archive.attempt,
        lambda start, length: operations.read(services, customer_id, archive, start, length),
        content_type="application/zip",
        name=f"export-{export.id}.zip",
    )


def _own(context: ApiContext, caller: Caller, instance_id: int, export_id: int) -> exports.Export:
    instance = own_instance(context, caller, instance_id)
    with context.services.database.read() as connection:
        return exports.get(connection, export_id, instance_id=instance.id)


def _shown(request: Request, context: ApiContext, export: exports.Export) -> Export:
    address = operations.address(context.services, export)
    return Export(
        id=export.id,
        backup_instance_id=export.instance_id,
        backup_run_id=export.run_id,
        status=export.status,
        started_at=export.started_at,
        ended_at=export.ended_at,
        content_types=export.content_types,
        export_formats=",".join(export.formats),
        exported_data_url=None if address is None else base_url(request, context.settings) + address,
        exported_data_url_expiration=None if address is None else export.url_expires_at,
        failures=[Failure(**one) for one in export.failures],
        records_failed=export.records_failed,
        records_processed=export.records_processed,
        size_bytes=export.archive_bytes if address is not None else None,
    )
