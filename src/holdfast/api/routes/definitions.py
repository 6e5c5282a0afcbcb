"""Backup definitions: how to back up one application. The document itself is Holdfast's addition to the contract."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from holdfast.api.authentication import Vendor
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import BackupDefinition
from holdfast.api.paging import LINK_HEADER, Page, set_links
from holdfast.api.parameters import PathId, QueryId
from holdfast.api.routes.answers import MAY_BE_BAD, MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.catalog import definitions, vendors
from holdfast.definitions.yaml_tree import LONGEST_DOCUMENT
from holdfast.errors import NotFound
from holdfast.operations import definitions as operations
from holdfast.operations.tokens import Caller

router = APIRouter(prefix="/v1/backup_definitions", tags=["Backup definitions"])

_NAME = "backup_definition[name]"
_DESCRIPTION = "backup_definition[description]"
_PUBLISHED = "backup_definition[published]"
_YAML = "application/yaml"


def _form(*, required: bool) -> Form:
    return Form(
        Field(name=_NAME, description="What the application is called.", required=required, longest=200,
              example="Notebook"),
        Field(name=_DESCRIPTION, description="What is backed up.", required=required, longest=5_000,
              example="Folders, notes and their attachments"),
        Field(name=_PUBLISHED, description="Whether other vendors see it and may use it.", kind="boolean",
              required=required, example=False),
    )  # fmt: skip


_create, _change = _form(required=True), _form(required=False)


def seen_definition(context: ApiContext, caller: Caller, definition_id: int) -> definitions.BackupDefinition:
    """The caller's own or a published one. Raises NotFound."""
    with context.services.database.read() as connection:
        return definitions.get(connection, definition_id, visible_to=caller.vendor_id)


def own_definition(context: ApiContext, caller: Caller, definition_id: int) -> definitions.BackupDefinition:
    """One that the caller may change. Raises NotFound, also for another vendor's published one."""
    with context.services.database.read() as connection:
        definition = definitions.get(connection, definition_id, visible_to=caller.vendor_id)
        if definition.vendor_id == caller.vendor_id:
            return definition
        publisher = vendors.get(connection, definition.vendor_id)
    is_built_in = publisher.client_id == operations.LIBRARY_VENDOR
    whose = "built in" if is_built_in else "another vendor's"
    raise NotFound(
        f"backup definition {definition_id} ({definition.name}) is {whose}: you may use it, but not change it",
        field="backup_definition_id",
        hint="To have your own, make a definition and give it this one's document.",
    )


@router.get("", operation_id="list_backup_definitions", responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}})
def list_backup_definitions(
    caller: Vendor, context: Context, page: Page, request: Request, response: Response, vendor_id: QueryId = None
) -> list[BackupDefinition]:
    """Every vendor's published definitions and all of your own."""
    with context.services.database.read() as connection:
        if vendor_id is not None:
            vendors.get(connection, vendor_id)
        listing = definitions.visible(connection, caller.vendor_id, page, of_vendor=vendor_id)
    set_links(request, response, context.settings, listing)
    return [_shown(context, definition) for definition in listing.items]


@router.post("", operation_id="create_backup_definition", responses=MAY_BE_BAD, openapi_extra=_create.openapi())
def create_backup_definition(
    caller: Vendor, context: Context, given: Annotated[Values, Depends(_create)]
) -> BackupDefinition:
    """A definition without a document: its variables can be set, but its backups fail until it has one."""
    given.refuse_changes({"backup_definition[vendor_id]": caller.vendor_id})
    made = operations.create_empty(
        context.services,
        caller.vendor_id,
        given.text(_NAME),
        given.text(_DESCRIPTION),
        given.flag(_PUBLISHED, False),
    )
    return _shown(context, made)


@router.get("/{backup_definition_id}", operation_id="get_backup_definition", responses=MAY_BE_MISSING)
def get_backup_definition(caller: Vendor, context: Context, backup_definition_id: PathId) -> BackupDefinition:
    """One of your own, or a published one."""
    return _shown(context, seen_definition(context, caller, backup_definition_id))


@router.put(
    "/{backup_definition_id}",
    operation_id="change_backup_definition",
    responses=MAY_BE_BOTH,
    openapi_extra=_change.openapi(),
)
def change_backup_definition(
    caller: Vendor, context: Context, backup_definition_id: PathId, given: Annotated[Values, Depends(_change)]
) -> BackupDefinition:
    """What is given changes, the rest stays. Not published any more, it stays with those who use it already."""
    definition = own_definition(context, caller, backup_definition_id)
    given.refuse_changes({
        "backup_definition[id]": definition.id,
        "backup_definition[vendor_id]": definition.vendor_id,
    })  # fmt: skip
    changed = operations.change(
        context.services,
        definition,
        name=given.optional(_NAME),
        description=given.optional(_DESCRIPTION),
        published=given.read.get(_PUBLISHED),
    )
    return _shown(context, changed)


@router.delete(
    "/{backup_definition_id}", operation_id="delete_backup_definition", status_code=204, responses=MAY_BE_MISSING
)
def delete_backup_definition(caller: Vendor, context: Context, backup_definition_id: PathId) -> Response:
    """Nobody sees it any more. Instances that use it go on being backed up."""
    operations.remove(context.services, own_definition(context, caller, backup_definition_id))
    return Response(status_code=204)


@router.get(
    "/{backup_definition_id}/document",
    operation_id="get_backup_definition_document",
    response_class=Response,
    responses=MAY_BE_MISSING
    | {200: {"description": "The YAML document", "content": {_YAML: {"schema": {"type": "object"}}}}},
)
def get_document(caller: Vendor, context: Context, backup_definition_id: PathId) -> Response:
    """The YAML document that says how to back up the application."""
    definition = seen_definition(context, caller, backup_definition_id)
    text = operations.document(context.services, definition)
    if text is None:
        raise NotFound(f"backup definition {backup_definition_id} has no document yet", field="backup_definition_id")
    return Response(text, media_type=_YAML)


async def _document(request: Request) -> str:
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise BadRequest([Problem(None, "unreadable", "the document is not UTF-8")]) from None
    if len(text) > LONGEST_DOCUMENT:
        message = f"a document has {LONGEST_DOCUMENT} characters at most"
        raise BadRequest([Problem(None, "too_large", message)])
    return text


@router.put(
    "/{backup_definition_id}/document",
    operation_id="set_backup_definition_document",
    responses=MAY_BE_BOTH,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                _YAML: {"schema": {"type": "object", "description": "The YAML document."}},
                "application/json": {
                    "schema": {"type": "object", "additionalProperties": True, "description": "JSON is YAML too."}
                },
            },
        }
    },
)
def set_document(
    caller: Vendor, context: Context, backup_definition_id: PathId, text: Annotated[str, Depends(_document)]
) -> BackupDefinition:
    """Make this the definition's document. Backups that run already keep the one they began with."""
    definition = own_definition(context, caller, backup_definition_id)
    operations.set_document(context.services, definition.id, text)
    return _shown(context, own_definition(context, caller, backup_definition_id))


def _shown(context: ApiContext, definition: definitions.BackupDefinition) -> BackupDefinition:
    return BackupDefinition(
        id=definition.id,
        vendor_id=definition.vendor_id,
        name=definition.name,
        description=definition.description,
        published=definition.published,
        has_document=operations.has_whole_document(context.services, definition),
    )
