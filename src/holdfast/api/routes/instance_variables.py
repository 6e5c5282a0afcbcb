"""The values that an instance gives to its definition's variables. Secret ones are shown masked."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from holdfast.api.authentication import Vendor, VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem, fields_of
from holdfast.api.forms import Field, Form, Values
from holdfast.api.models import BackupInstanceVariable
from holdfast.api.paging import LINK_HEADER, Page, page_of, set_links
from holdfast.api.parameters import PathId, PathText
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import definitions
from holdfast.catalog.instances import Instance
from holdfast.definitions.document import Variable
from holdfast.errors import NotFound
from holdfast.operations import definition_variables, instances, variables

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/variables", tags=["Instance variables"])

_KEY = "variable[key]"
_VALUE = "variable[value]"
_value = Field(name=_VALUE, description="Its value.", required=True, longest=65_536, example="ghp_...")
_create = Form(
    Field(name=_KEY, description="A key of the instance's definition.", required=True, longest=64, example="token"),
    _value,
)
_change = Form(_value)


@router.get("", operation_id="list_backup_instance_variables", responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}})
def list_variables(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    page: Page,
    request: Request,
    response: Response,
) -> list[BackupInstanceVariable]:
    """In the definition's order, defaults included; a variable without a value is left out."""
    instance = own_instance(context, caller, backup_instance_id)
    stored = variables.stored(context.services, instance)
    found = [shown for one in _known(context, instance) if (shown := _shown(one, stored.get(one.key))) is not None]
    listing = page_of(found, page)
    set_links(request, response, context.settings, listing)
    return listing.items


@router.post("", operation_id="create_backup_instance_variable", responses=MAY_BE_BOTH, openapi_extra=_create.openapi())
def create_variable(
    caller: Vendor, context: Context, backup_instance_id: PathId, given: Annotated[Values, Depends(_create)]
) -> BackupInstanceVariable:
    """Give a variable its first value."""
    instance = own_instance(context, caller, backup_instance_id)
    return _set(context, instance, given.text(_KEY), given.text(_VALUE), only_new=True)


@router.get("/{key}", operation_id="get_backup_instance_variable", responses=MAY_BE_MISSING)
def get_variable(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, key: PathText
) -> BackupInstanceVariable:
    """One variable's value, which may be its default."""
    return _get(context, own_instance(context, caller, backup_instance_id), key)


@router.put(
    "/{key}", operation_id="change_backup_instance_variable", responses=MAY_BE_BOTH, openapi_extra=_change.openapi()
)
def change_variable(
    caller: Vendor,
    context: Context,
    backup_instance_id: PathId,
    key: PathText,
    given: Annotated[Values, Depends(_change)],
) -> BackupInstanceVariable:
    """Another value for a variable that has one, or a default."""
    instance = own_instance(context, caller, backup_instance_id)
    given.refuse_changes({_KEY: key})
    _get(context, instance, key)
    return _set(context, instance, key, given.text(_VALUE))


def _known(context: ApiContext, instance: Instance) -> list[Variable]:
    with context.services.database.read() as connection:
        definition = definitions.get(connection, instance.definition_id, deleted=True)
    return list(definition_variables.all_of(context.services, definition))


def _get(context: ApiContext, instance: Instance, key: str) -> BackupInstanceVariable:
    for variable in _known(context, instance):
        if variable.key == key:
            shown = _shown(variable, variables.stored(context.services, instance).get(key))
            if shown is not None:
                return shown
    raise NotFound(f"this instance has no value for {key}", field="key")


def _set(
    context: ApiContext, instance: Instance, key: str, value: str, *, only_new: bool = False
) -> BackupInstanceVariable:
    for variable in _known(context, instance):
        if variable.key == key:
            break
    else:
        raise NotFound(f"this instance's definition has no variable {key}", field=_KEY)
    if variable.secret and value == variables.MASK:
        raise BadRequest([Problem(_VALUE, "masked", "this is the mask that is shown in place of the secret")])
    with fields_of("variable"):
        instances.set_variables(context.services, instance, {key: value}, only_new=only_new)
    return _model(variable, value, is_default=False)


def _shown(variable: Variable, value: str | None) -> BackupInstanceVariable | None:
    """None where it has no value."""
    if value is None and variable.default is None:
        return None
    return _model(variable, value if value is not None else variable.default or "", is_default=value is None)


def _model(variable: Variable, value: str, *, is_default: bool) -> BackupInstanceVariable:
    return BackupInstanceVariable(
        key=variable.key, value=variables.MASK if variable.secret else value, is_default_value=is_default
    )
