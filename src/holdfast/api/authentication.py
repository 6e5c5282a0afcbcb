"""Who calls: `Authorization: Bearer TOKEN` (any case, `bearer_token` too) or `Access-Token: TOKEN`.

A route names in its parameters who may call it. The contract knows no 403: a token without the right is a 401.
"""

from typing import Annotated

from fastapi import Depends, Request

from holdfast.api.context import ApiContext
from holdfast.api.errors import Answer, Problem
from holdfast.operations import acting
from holdfast.operations.tokens import Caller

_SCHEMES = {"bearer", "bearer_token"}
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "What `POST /oauth/token` gave."},
    "access_token": {
        "type": "apiKey",
        "in": "header",
        "name": "Access-Token",
        "description": "The same token without a scheme.",
    },
}
"""For the OpenAPI document."""


def token_of(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() in _SCHEMES:
        return token.strip()
    return request.headers.get("access-token")


async def caller_of(request: Request) -> Caller:
    """Whose token came with a request; acts in its name from here on. Answers 401 where it is none."""
    context: ApiContext = request.app.state.context
    token = token_of(request)
    if not token:
        raise _refused("an access token is needed", 'Bearer realm="holdfast"')
    caller = await context.known_tokens.find(token)
    if caller is None:
        raise _refused("the access token is not valid, or not any more", _challenge("invalid_token"))
    acting.act_as(caller.actor(request.client.host if request.client is not None else "unknown"))
    return caller


async def _vendor(request: Request) -> Caller:
    caller = await caller_of(request)
    if caller.customer_id is not None:
        raise _refused("a customer's token has no right to this", _challenge("insufficient_scope"))
    return caller


async def _customer(request: Request) -> Caller:
    caller = await caller_of(request)
    if caller.customer_id is None:
        raise _refused("only a customer's token is for this", _challenge("insufficient_scope"))
    return caller


def _challenge(error: str) -> str:
    return f'Bearer realm="holdfast", error="{error}"'


def _refused(message: str, challenge: str) -> Answer:
    return Answer(401, Problem(None, "unauthorized", message), {"WWW-Authenticate": challenge})


Vendor = Annotated[Caller, Depends(_vendor)]
"""Only with a vendor's token."""
Customer = Annotated[Caller, Depends(_customer)]
"""Only with a customer's token."""
VendorOrCustomer = Annotated[Caller, Depends(caller_of)]
"""With either; a customer sees its own instances only."""
