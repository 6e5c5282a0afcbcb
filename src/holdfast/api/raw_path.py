"""Routes by the path as it was sent: each segment stays percent-encoded until a route's parameter decodes it.

A server decodes the whole path first, and then an id with a slash in it looks like two segments.
"""

import re
from urllib.parse import quote, unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

_KEPT = "!$&'()*+,;=:@"
"""What may stand in a segment as it is, beside letters, digits and `-._~`."""
_PLAIN = re.compile(rb"[A-Za-z0-9/_.~-]*")


class RawPath:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("raw_path") is not None:
            scope["path"] = _normalised(scope["raw_path"])
        await self.app(scope, receive, send)


def _normalised(raw_path: bytes) -> str:
    """The same path with each character encoded where it must be and nowhere else: then equal paths are equal texts."""
    path = raw_path.partition(b"?")[0]
    if _PLAIN.fullmatch(path):
        return path.decode()
    return "/".join(quote(unquote_to_bytes(segment), safe=_KEPT) for segment in path.split(b"/"))
