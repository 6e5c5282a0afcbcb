"""The OpenAPI document: what FastAPI knows of the routes, and what it cannot know.

At `/openapi.json` bodies are JSON, at `/openapi-forms.json` the forms of the contract; the service takes either.
"""

from copy import deepcopy
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from holdfast.api.authentication import SECURITY_SCHEMES
from holdfast.api.forms import FORM


def install(app: FastAPI) -> None:
    """Serve the second document; FastAPI serves the first."""

    async def forms(request: Request) -> JSONResponse:  # noqa: ARG001
        return JSONResponse(as_forms(app.openapi()))

    app.add_route("/openapi-forms.json", forms, include_in_schema=False)


def as_forms(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with url-encoded forms for bodies."""
    made = deepcopy(document)
    for operations in made["paths"].values():
        for operation in operations.values():
            body = operation.get("requestBody", {})
            if "x-form" in body:
                body["content"] = {FORM: {"schema": body.pop("x-form")}}
                body["description"] = "Url-encoded or multipart; or the same as nested JSON."
    return made


def described(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            license_info=app.license_info,
            separate_input_output_schemas=app.separate_input_output_schemas,
        )
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        for operations in document["paths"].values():
            for operation in operations.values():
                _describe(operation)
        _drop_validation_errors(document)
        app.openapi_schema = document
    return app.openapi_schema


def _describe(operation: dict[str, Any]) -> None:
    if "401" in operation["responses"] and operation["operationId"] != "create_token":
        operation["security"] = [{name: []} for name in SECURITY_SCHEMES]
    operation["responses"].pop("422", None)


def _drop_validation_errors(document: dict[str, Any]) -> None:
    """FastAPI announces 422 everywhere; this service never answers it."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
