"""What every request and answer goes through: a bound on bodies, and headers that keep browsers out of trouble."""

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.api.errors import Problem, answer

LARGEST_BODY_BYTES = 1024 * 1024
"""Of a request. The largest thing anybody sends is a definition's document."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""On every answer that does not set them itself."""
_ONLY_TLS = (*_HEADERS, (b"strict-transport-security", b"max-age=31536000"))


class Protection:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        headers = _ONLY_TLS if scope["scheme"] == "https" else _HEADERS

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                missing = [header for header in headers if header[0] not in there]
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > LARGEST_BODY_BYTES:
            await too_large()(scope, receive, send_protected)
            return
        await self.app(scope, _bounded(receive), send_protected)


class BodyTooLarge(Exception):
    """A body without an announced length went on and on."""


def _bounded(receive: Receive) -> Receive:
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > LARGEST_BODY_BYTES:
                raise BodyTooLarge
        return message

    return receive_bounded


def too_large() -> Response:
    """The answer to a body beyond the bound."""
    problem = Problem(None, "too_large", f"a body may have {LARGEST_BODY_BYTES} bytes at most")
    return answer(413, [problem], {"Connection": "close"})
