"""What routes say about their errors in the OpenAPI document."""

from typing import Any

from holdfast.api.models import Errors

Responses = dict[int | str, dict[str, Any]]

_BAD = {"model": Errors, "description": "The body names what is wrong"}
_NO_TOKEN = {
    "model": Errors,
    "description": "The access token is missing, invalid or lacks the right",
    "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
}
_NOT_FOUND = {"model": Errors, "description": "Not found, or not yours to see"}

NEEDS_TOKEN: Responses = {401: _NO_TOKEN}
MAY_BE_BAD: Responses = {400: _BAD, 401: _NO_TOKEN}
MAY_BE_MISSING: Responses = {401: _NO_TOKEN, 404: _NOT_FOUND}
MAY_BE_BOTH: Responses = {400: _BAD, 401: _NO_TOKEN, 404: _NOT_FOUND}
BAD: Responses = {400: _BAD}
