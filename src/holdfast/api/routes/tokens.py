"""`POST /oauth/token`: the client credentials grant of RFC 6749, section 4.4, with its errors (section 5.2)."""

import base64
import binascii
from urllib.parse import unquote_plus

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from holdfast.api.bodies import read_body
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest
from holdfast.api.forms import Field, Form
from holdfast.api.models import OAuthError, Token
from holdfast.identity.attempts import Limit
from holdfast.operations import tokens

router = APIRouter(tags=["Tokens"])

_OF_A_CLIENT = Limit(10, 60.0)
_OF_AN_ADDRESS = Limit(60, 60.0)
"""Failures from one address, and from it for one client: nobody can lock a client out from elsewhere."""
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FIELDS = ("client_id", "client_secret", "grant_type", "scope")

_form = Form(
    Field(
        name="client_id",
        description="Your client id, unless it is sent with HTTP Basic.",
        required=True,
        example="hfc_3VwqPz4sYh0m",
    ),
    Field(
        name="client_secret",
        description="Your client secret, unless it is sent with HTTP Basic.",
        required=True,
        example="hfs_...",
    ),
    Field(name="grant_type", description="The one grant there is.", required=True, choices=("client_credentials",)),
    Field(name="scope", description="The one scope there is.", required=True, choices=("write",)),
)


class _Refused(Exception):
    """An answer of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400, retry_after_s: float = 0.0) -> None:
        super().__init__(description)
        self.error, self.description, self.status, self.retry_after_s = error, description, status, retry_after_s


@router.post(
    "/oauth/token",
    operation_id="create_token",
    response_model=Token,
    responses={400: {"model": OAuthError}, 401: {"model": OAuthError}, 429: {"model": OAuthError}},
    openapi_extra=_form.openapi(as_form=True),
)
async def create_token(request: Request, context: Context) -> Response:
    """An access token for a client id and secret, sent as form fields or with HTTP Basic."""
    try:
        grant = await _grant(request, context)
    except _Refused as error:
        headers = dict(_NOT_STORED)
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="holdfast"'
        if error.retry_after_s:
            headers["Retry-After"] = str(int(error.retry_after_s) + 1)
        body = {"error": error.error, "error_description": error.description}
        return JSONResponse(body, error.status, headers)
    token: dict[str, object] = {
        "access_token": grant.access_token,
        "expires_in": grant.expires_in_s,
        "token_type": context.settings.token_type,
        "scope": "write",
    }
    return JSONResponse(token, headers=_NOT_STORED)


async def _grant(request: Request, context: ApiContext) -> tokens.Grant:
    try:
        sent = (await read_body(request)).fields
    except BadRequest as error:
        raise _Refused("invalid_request", str(error)) from None
    fields = {name: value for name in _FIELDS if isinstance(value := sent.get(name), str) and value}
    client_id, client_secret = _client(request, fields)
    for name in ("grant_type", "scope"):
        if name not in fields:
            raise _Refused("invalid_request", f"{name} is required")
    if fields["grant_type"] != "client_credentials":
        raise _Refused("unsupported_grant_type", "the one grant_type there is is client_credentials")
    if fields["scope"].split() != ["write"]:
        raise _Refused("invalid_scope", "the one scope there is is write")

    address = request.client.host if request.client is not None else ""
    counted = [(f"client {client_id[:200]} {address}", _OF_A_CLIENT), (f"address {address}", _OF_AN_ADDRESS)]
    wait_s = context.attempts.wait_s(counted)
    if wait_s > 0:
        raise _Refused("temporarily_unavailable", "too many failed attempts", 429, wait_s)
    grant = await run_sync(tokens.grant_to_client, context.services, client_id, client_secret)
    if grant is None:
        context.attempts.failed(counted)
        raise _Refused("invalid_client", "client_id and client_secret do not belong together", 401)
    context.attempts.succeeded([counted[0][0]])
    return grant


def _client(request: Request, fields: dict[str, str]) -> tuple[str, str]:
    """Client id and secret from HTTP Basic or from the form."""
    scheme, _, encoded = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, colon, client_secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _Refused("invalid_client", "the Authorization header cannot be read", 401) from None
        if not colon:
            raise _Refused("invalid_client", "the Authorization header has no secret", 401)
        if fields.get("client_id", client_id) not in (client_id, unquote_plus(client_id)):
            raise _Refused("invalid_request", "client_id is not that of the Authorization header")
        return unquote_plus(client_id), unquote_plus(client_secret)
    for name in ("client_id", "client_secret"):
        if name not in fields:
            raise _Refused("invalid_request", f"{name} is required")
    return fields["client_id"], fields["client_secret"]
