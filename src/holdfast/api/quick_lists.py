"""Answers lists of records before FastAPI sees them: what is asked by the thousand, at a third of the cost.

Only what is plain in every respect and turns out well. Everything else, and whatever goes wrong, goes on to the route,
which asks again and says what is the matter: the two cannot answer differently.
"""

import logging
import re
from collections.abc import Iterable

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.api.addresses import own_url
from holdfast.api.authentication import caller_of
from holdfast.api.context import ApiContext
from holdfast.api.errors import Answer
from holdfast.api.parameters import LARGEST_PAGE, LARGEST_PER_PAGE, parse_id, parse_number
from holdfast.api.routes import record_lists
from holdfast.api.routes.record_lists import Wanted, listed
from holdfast.api.routes.records import Moment
from holdfast.catalog.listing import PageRequest
from holdfast.errors import HoldfastError

_log = logging.getLogger(__name__)
_PATH = re.compile(r"/v1/backup_instances/(\d+)/endpoints/([A-Za-z0-9_-]+)/records")
_QUERY = re.compile(rb"(?:(?:page|per_page|after|backup_id)=[A-Za-z0-9_-]+(?:&|$))*")
_NOT_KEPT = ("page", "after")


class QuickLists:
    """ASGI middleware; `raw_path` comes before it."""

    def __init__(self, app: ASGIApp, context: ApiContext) -> None:
        self.app, self._context = app, context
        (self._route,) = (one for one in record_lists.router.routes if isinstance(one, APIRoute))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and (found := _PATH.fullmatch(scope["path"])):
            answer = await self._answer(scope, *found.groups())
            if answer is not None:
                content, link = answer
                scope["route"] = self._route  # for the metrics
                headers = [
                    (b"content-length", b"%d" % len(content)),
                    (b"content-type", b"application/json"),
                    (b"link", link.encode("latin-1")),
                ]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": content})
                return
        await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, instance_id: str, endpoint: str) -> tuple[bytes, str] | None:
        query: bytes = scope["query_string"]
        if not _QUERY.fullmatch(query):
            return None
        pairs = [one.split("=", 1) for one in query.decode().split("&") if one]
        try:
            wanted = _wanted(instance_id, endpoint, pairs)
            if wanted is None:
                return None
            request = Request(scope)
            address = own_url(request, self._context.settings)
            here = address + "?" + "".join(f"{name}={value}&" for name, value in pairs if name not in _NOT_KEPT)
            return await listed(self._context, await caller_of(request), wanted, address, here)
        except (ValueError, Answer, HoldfastError):
            return None
        except Exception:  # noqa: BLE001 - the route has the same to do, and tells
            _log.exception("a list of records was not answered quickly")
            return None


def _wanted(instance_id: str, endpoint: str, pairs: Iterable[list[str]]) -> Wanted | None:
    """None where a parameter is there twice. Raises ValueError for a bad one."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            return None
        given[name] = value
    backup_id = given.get("backup_id")
    page = parse_number(given.get("page", "1"), LARGEST_PAGE)
    per_page = parse_number(given.get("per_page", "20"), LARGEST_PER_PAGE)
    moment = Moment(None if backup_id is None else parse_id(backup_id), None)
    return Wanted(parse_id(instance_id), endpoint, PageRequest(page, per_page), moment, given.get("after"))
