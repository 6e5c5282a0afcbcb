"""The absolute addresses that answers contain: links to other pages, blobs, exports."""

from urllib.parse import quote

from fastapi import Request

from holdfast.api.errors import Answer, Problem
from holdfast.settings import Settings

_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]")


def base_url(request: Request, settings: Settings) -> str:
    """What the client's addresses of this service begin with, without a slash at the end.

    `HOLDFAST_PUBLIC_URL` where it is set, else the scheme and host that the request came with.
    """
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = request.headers.get("host")
    if not host:
        server = request.scope.get("server") or ("localhost", None)
        host = server[0] if server[1] is None else f"{server[0]}:{server[1]}"
    if not _HOST_CHARACTERS.issuperset(host):
        raise Answer(400, Problem("Host", "invalid", "the Host header names no host"))
    root_path: str = request.scope.get("root_path", "")
    return f"{request.scope['scheme']}://{host}{root_path.rstrip('/')}"


def path(*segments: object) -> str:
    """A path of these segments, each percent-encoded as a whole."""
    return "".join("/" + _segment(str(segment)) for segment in segments)


def own_url(request: Request, settings: Settings) -> str:
    """The request's own address as its client writes it, without the query."""
    own_path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return base_url(request, settings) + own_path


def _segment(text: str) -> str:
    # Many clients take segments of one or two dots for steps in the path, but not where the dots are encoded.
    return quote(text, safe="") if text not in {".", ".."} else text.replace(".", "%2E")
