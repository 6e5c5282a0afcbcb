"""For whoever runs the service: is the process there, can it do its work, and figures for Prometheus."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from holdfast.api.context import Context
from holdfast.api.errors import Problem, answer
from holdfast.api.models import Empty, Errors
from holdfast.catalog import figures
from holdfast.errors import HoldfastError, ObjectMissing

router = APIRouter(tags=["Health"])

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", operation_id="get_health")
async def get_health() -> Empty:
    """The process answers."""
    return Empty()


@router.get(
    "/readyz",
    operation_id="get_readiness",
    response_model=Empty,
    responses={503: {"model": Errors, "description": "Catalog or vault do not answer"}},
)
def get_readiness(context: Context) -> Empty | Response:
    """Catalog and vault answer, so that requests can be served."""
    services = context.services
    problems = []
    try:
        with services.database.read() as connection:
            figures.read(connection)
    except HoldfastError as error:
        problems.append(Problem("catalog", error.code, "the catalog does not answer"))
    try:
        services.storage.size("vault.json")
    except ObjectMissing:
        problems.append(Problem("vault", "vault_missing", "there is no vault"))
    except HoldfastError as error:
        problems.append(Problem("vault", error.code, "the vault does not answer"))
    return answer(503, problems, {"Retry-After": "5"}) if problems else Empty()


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(context: Context) -> Response:
    """Figures of this process and of the whole installation, in Prometheus' format. They name no vendor."""
    fleet = context.fleet.get()
    with context.services.database.read() as connection:
        found = figures.read(connection)
    return Response(context.metrics.exposition(found, fleet), media_type=_METRICS_TYPE)
