"""The endpoints of an instance: the kinds of records it has."""

from fastapi import APIRouter, Request, Response

from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.models import Endpoint
from holdfast.api.paging import LINK_HEADER, Page, page_of, set_links
from holdfast.api.parameters import PathId, PathText
from holdfast.api.routes.answers import MAY_BE_BOTH, MAY_BE_MISSING
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import definitions, streams
from holdfast.catalog.instances import Instance
from holdfast.errors import NotFound
from holdfast.operations.definitions import loaded

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/endpoints", tags=["Endpoints"])


@router.get("", operation_id="list_endpoints", responses=MAY_BE_BOTH | {200: {"headers": LINK_HEADER}})
def list_endpoints(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    page: Page,
    request: Request,
    response: Response,
) -> list[Endpoint]:
    """In the definition's order; behind them those that it had once and that were backed up."""
    listing = page_of(all_endpoints(context, own_instance(context, caller, backup_instance_id)), page)
    set_links(request, response, context.settings, listing)
    return listing.items


@router.get("/{endpoint_name}", operation_id="get_endpoint", responses=MAY_BE_MISSING)
def get_endpoint(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, endpoint_name: PathText
) -> Endpoint:
    """One kind of records."""
    return known_endpoint(context, own_instance(context, caller, backup_instance_id), endpoint_name)


def all_endpoints(context: ApiContext, instance: Instance) -> list[Endpoint]:
    """What the definition has now, then what only earlier backups have."""
    with context.services.database.read() as connection:
        definition = definitions.get(connection, instance.definition_id, deleted=True)
        backed_up = streams.of_instance(connection, instance.id)
    document = loaded(context.services, definition)
    found = {} if document is None else {one.name: one.description for one in document.endpoints}
    for stream in backed_up:
        found.setdefault(stream.endpoint, stream.description)
    return [Endpoint(name=name, description=description) for name, description in found.items()]


def known_endpoint(context: ApiContext, instance: Instance, name: str) -> Endpoint:
    """Raises NotFound where neither the definition nor a backup has it."""
    for endpoint in all_endpoints(context, instance):
        if endpoint.name == name:
            return endpoint
    raise NotFound(f"there is no endpoint {name}", field="endpoint_name")
