"""From errors to HTTP answers: one table for Holdfast's own errors, and one form for all bodies.

`{"errors": [{"field": ..., "code": ..., "message": ...}]}`; never a 422, never a stack trace.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from holdfast import errors
from holdfast.errors import DefinitionError, HoldfastError, InputError, NotFound

_log = logging.getLogger(__name__)

STATUS: Mapping[type[HoldfastError], int] = {
    errors.HoldfastError: 500,
    errors.InputError: 400,
    errors.NotFound: 404,
    errors.Conflict: 400,
    errors.SourceError: 502,
    errors.StorageError: 500,
    errors.StorageUnavailable: 503,
    errors.StorageFull: 503,
    errors.CatalogBusy: 503,
    errors.EngineError: 503,
}
"""The nearest ancestor counts. The contract has 400 for a conflict."""
_RETRY_AFTER_S = "2"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a request."""

    field: str | None
    code: str
    message: str


class BadRequest(InputError):
    """Several things are wrong with a request, all told at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].message, field=problems[0].field, code=problems[0].code)
        self.problems = list(problems)


class Answer(Exception):
    """Ends a request with this status and body, from wherever it stands."""

    def __init__(self, status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.message)
        self.status, self.problem, self.headers = status, problem, dict(headers or {})


@contextmanager
def bad_value_of(field: str) -> Iterator[None]:
    """What is not found in here was named by this field of the body or query: a bad value, not a missing page."""
    try:
        yield
    except NotFound as error:
        raise BadRequest([Problem(field, "not_found", str(error))]) from error


@contextmanager
def fields_of(body: str) -> Iterator[None]:
    """What an operation complains of in here has the names of this body's fields: `name` is `customer[name]`."""
    try:
        yield
    except (NotFound, BadRequest, DefinitionError):
        raise
    except InputError as error:
        field = f"{body}[{error.field}]" if error.field is not None else None
        raise BadRequest([Problem(field, error.code, _text(error))]) from error


def answer(status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None) -> Response:
    listed = [{"field": one.field, "code": one.code, "message": one.message} for one in problems]
    # In ASCII: a message may quote what was sent, and that may be no Unicode.
    return Response(json.dumps({"errors": listed}), status, dict(headers or {}), "application/json")


def install(app: FastAPI) -> None:
    """Teach an application these answers."""

    @app.exception_handler(HoldfastError)
    async def holdfast_error(request: Request, error: HoldfastError) -> Response:
        status = next(STATUS[ancestor] for ancestor in type(error).__mro__ if ancestor in STATUS)
        if status >= 500:
            _log.error("%s %s: %s", request.method, request.url.path, error, exc_info=status == 500)
        headers = {"Retry-After": _RETRY_AFTER_S} if status == 503 else {}
        return answer(status, _problems(error), headers)

    @app.exception_handler(Answer)
    async def answered(request: Request, error: Answer) -> Response:  # noqa: ARG001
        return answer(error.status, [error.problem], error.headers)

    @app.exception_handler(RequestValidationError)
    async def bad_parameter(request: Request, error: RequestValidationError) -> Response:  # noqa: ARG001
        problems = [_of_validation(one) for one in error.errors()]
        # A path id that is no id is the id of nothing.
        if any(one["loc"][0] == "path" for one in error.errors()):
            return answer(404, [Problem(problems[0].field, "not_found", "there is nothing here")])
        return answer(400, problems)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        message = {
            404: "there is nothing here",
            405: f"{request.method} is not possible here",
        }.get(error.status_code, HTTPStatus(error.status_code).phrase.lower())
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(request))
        return answer(error.status_code, [Problem(None, code, message)], headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(500, [Problem(None, "internal_error", "an error that nobody foresaw; the log has the details")])


def _allowed(request: Request) -> list[str]:
    """All methods of this path: it is shared by several routes, and the router tells only the first one's."""
    path: str = request.scope["path"]
    found: set[str] = set()
    for pattern, methods in request.app.state.methods_of_paths:
        if pattern.match(path):
            found |= methods
    return sorted(found)


def _problems(error: HoldfastError) -> list[Problem]:
    if isinstance(error, BadRequest):
        return error.problems
    if isinstance(error, DefinitionError):
        return [Problem(one.field, one.code, _text(one)) for one in error.problems]
    field = error.field if isinstance(error, InputError) else None
    return [Problem(field, error.code, _text(error))]


def _text(error: HoldfastError) -> str:
    return str(error) if error.hint is None else f"{error} ({error.hint})"


def _of_validation(error: Mapping[str, Any]) -> Problem:
    message = str(error["msg"]).removeprefix("Value error, ")
    code = "missing" if error["type"] == "missing" else "invalid"
    return Problem(str(error["loc"][-1]), code, message[:1].lower() + message[1:])
