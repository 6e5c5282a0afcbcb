"""The OpenAPI document: what FastAPI knows of the routes, and what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from holdfast.api.authentication import SECURITY_SCHEMES


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
