"""Makes the ASGI application from an installation's services."""

from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from holdfast import __version__
from holdfast.api import errors, openapi, reference
from holdfast.api.context import ApiContext
from holdfast.api.metrics import Measured
from holdfast.api.protection import BodyTooLarge, Protection, too_large
from holdfast.api.quick_lists import QuickLists
from holdfast.api.raw_path import RawPath
from holdfast.api.routes import ROUTERS, TAGS
from holdfast.operations.services import Services

_ABOUT = """
Back up SaaS applications, browse every backup, export it. The v1 contract of a backup service that vendors build into
their own products, and what Holdfast adds to it.

Get a token with `POST /oauth/token` and send it as `Authorization: Bearer TOKEN`. Lists come in pages; follow the
`Link` header. What is wrong with a request is told in `errors`.
"""


def create_app(services: Services) -> FastAPI:
    """The API over these services, which must stay open as long as it serves."""
    context = ApiContext.of(services)
    app = _Application(
        context,
        title="Holdfast",
        version=__version__,
        description=_ABOUT,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_tags=[{"name": tag} for tag in TAGS],
        separate_input_output_schemas=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.context = context
    errors.install(app)

    @app.exception_handler(BodyTooLarge)
    async def body_too_large(request: Request, error: BodyTooLarge) -> Response:  # noqa: ARG001
        return too_large()

    for router in ROUTERS:
        app.include_router(router)
    app.state.methods_of_paths = [
        (route.path_regex, route.methods)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    app.openapi = partial(openapi.described, app)  # type: ignore[method-assign] # how FastAPI wants it done
    openapi.install(app)
    reference.install(app)
    return app


class _Application(FastAPI):
    """FastAPI with layers around all of it: what it answers to an unforeseen error is counted and protected too, and
    what `QuickLists` answers does not pass through it."""

    def __init__(self, context: ApiContext, **described: Any) -> None:
        super().__init__(**described)
        self._context = context

    def build_middleware_stack(self) -> ASGIApp:
        quick = QuickLists(super().build_middleware_stack(), self._context)
        return Measured(Protection(RawPath(quick)), self._context.metrics)
