"""The variables of a definition: the named inputs that its instances give values to."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from holdfast.api.authentication import Vendor
from holdfast.api.context import Context
from holdfast.api.errors import BadRequest, Problem, fields_of
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import BackupDefinitionVariable
from holdfast.api.paging import LINK_HEADER, Page, page_of, set_links
from holdfast.api.parameters import PathId, PathText
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.api.routes.definitions import own_definition, seen_definition
from holdfast.definitions.document import Variable
from holdfast.operations import definition_variables as operations

router = APIRouter(prefix="/v1/backup_definitions/{backup_definition_id}/variables", tags=["Definition variables"])

_KEY = "variable[key]"
_NAME = "variable[name]"
_DESCRIPTION = "variable[description]"
_OPTIONAL = "variable[optional]"
_DEFAULT = "variable[default_value]"
_SECRET = "variable[secret]"
_rest = (
    Field(name=_DESCRIPTION, description="What it is, and where to find it.", longest=2_000,
          example="Settings, Developer settings"),
    Field(name=_OPTIONAL, description="A backup runs without it.", kind="boolean", default=False),
    Field(name=_DEFAULT, description="Its value where an instance sets none.", longest=65_536),
    Field(name=_SECRET, description="Its values are sealed and never shown. Every credential should be.",
          kind="boolean", default=False, example=True),
)  # fmt: skip
_create = Form(
    Field(name=_KEY, description="A name of letters, digits and _ that does not begin with a digit.", required=True,
          pattern=r"[A-Za-z_][A-Za-z0-9_]*", longest=64, example="token"),
    Field(name=_NAME, description="What people call it.", required=True, longest=200, example="Access token"),
    *_rest,
)  # fmt: skip
_change = Form(
    Field(name="name", also=_NAME, description="What people call it. `variable[name]` is the same.", required=True,
          longest=200, example="Access token"),
    *_rest,
)  # fmt: skip


@router.get(
    "", operation_id="list_backup_definition_variables", responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}}
)
def list_variables(
    caller: Vendor, context: Context, backup_definition_id: PathId, page: Page, request: Request, response: Response
) -> list[BackupDefinitionVariable]:
    """In the document's order."""
    definition = seen_definition(context, caller, backup_definition_id)
    listing = page_of(operations.all_of(context.services, definition), page)
    set_links(request, response, context.settings, listing)
    return [_shown(variable) for variable in listing.items]


@router.post(
    "", operation_id="create_backup_definition_variable", responses=MAY_BE_BOTH, openapi_extra=_create.openapi()
)
def create_variable(
    caller: Vendor, context: Context, backup_definition_id: PathId, given: Annotated[Values, Depends(_create)]
) -> BackupDefinitionVariable:
    """One more variable: writes a new revision of the definition's document."""
    definition = own_definition(context, caller, backup_definition_id)
    variable = Variable(
        key=given.text(_KEY),
        name=given.text(_NAME),
        description=given.optional(_DESCRIPTION),
        secret=given.flag(_SECRET, False),
        optional=given.flag(_OPTIONAL, False),
        default=given.optional(_DEFAULT),
    )
    _check(variable)
    with fields_of("variable"):
        operations.add(context.services, definition, variable)
    return _shown(variable)


@router.get("/{key}", operation_id="get_backup_definition_variable", responses=MAY_BE_MISSING)
def get_variable(
    caller: Vendor, context: Context, backup_definition_id: PathId, key: PathText
) -> BackupDefinitionVariable:
    """One variable."""
    definition = seen_definition(context, caller, backup_definition_id)
    return _shown(operations.get(context.services, definition, key))


@router.put(
    "/{key}", operation_id="change_backup_definition_variable", responses=MAY_BE_BOTH, openapi_extra=_change.openapi()
)
def change_variable(
    caller: Vendor,
    context: Context,
    backup_definition_id: PathId,
    key: PathText,
    given: Annotated[Values, Depends(_change)],
) -> BackupDefinitionVariable:
    """What is given changes, the rest stays: writes a new revision of the definition's document."""
    definition = own_definition(context, caller, backup_definition_id)
    before = operations.get(context.services, definition, key)
    given.refuse_changes({_KEY: key})
    variable = replace(
        before,
        name=given.text("name"),
        description=given.optional(_DESCRIPTION) or before.description,
        secret=given.flag(_SECRET, before.secret),
        optional=given.flag(_OPTIONAL, before.optional),
        default=given.optional(_DEFAULT) or before.default,
    )
    _check(variable)
    if variable != before:
        operations.change(context.services, definition, variable)
    return _shown(variable)


def _check(variable: Variable) -> None:
    """What the language refuses, said in the contract's words."""
    if variable.secret and variable.default is not None:
        message = "a secret's default would be there for everyone to read"
        raise BadRequest([Problem(_DEFAULT, "invalid", message)])


def _shown(variable: Variable) -> BackupDefinitionVariable:
    return BackupDefinitionVariable(
        key=variable.key,
        name=variable.name,
        description=variable.description,
        optional=variable.optional,
        default_value=variable.default,
        secret=variable.secret,
    )
