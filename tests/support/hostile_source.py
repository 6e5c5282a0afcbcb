"""A SaaS application's API in this process, with switches for everything real ones do to a careless reader.

    async with HostileSource({"items": make_records(250)}) as api:
        definition = api.definition(endpoint("items", "cursor"))

`GET /<style>/<collection>` lists a collection, its paging in one of `STYLES`; `GET /record/<collection>/<id>` gives one
record, `GET /blob/<name>` a blob. A collection's name may have slashes (`parents/7/children`). Records are bytes, sent
as they are. `in_thread` serves the same to code that has no event loop.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self, TypeVar

from aiohttp import web

from holdfast.definitions.document import Auth, Connection, Definition, Endpoint, Limits, Paging, Retry, Variable

STYLES: Mapping[str, Paging] = {
    "none": Paging("none"),
    "link": Paging("link_header"),
    "next_url": Paging("next_url", body="next"),
    "next_header": Paging("next_url", header="Next-Page"),
    "cursor": Paging("cursor", body="next_cursor", query="cursor"),
    "keyset": Paging("cursor", body="next_cursor", query="after", has_more="has_more"),
    "page": Paging("page", query="page"),
    "page_counted": Paging("page", query="page", total_pages="total_pages"),
    "offset": Paging("offset", query="offset"),
    "offset_counted": Paging("offset", query="offset", total="total"),
}
"""How `/<style>/...` is paged. `none`, `link`, `next_header` send the bare list, the others an object with `items`."""

_BARE = {"none", "link", "next_header"}
FAST_RETRY = Retry(attempts=3, first_wait=timedelta(milliseconds=1), longest_wait=timedelta(milliseconds=2))

Hook = Callable[[web.Request, int], Awaitable[web.StreamResponse | None]]


@dataclass
class Switches:
    """What goes wrong. Everything is off at first; may be changed while serving."""

    page_size: int = 100
    """The size of a page where `per_page` does not ask for fewer: larger wishes are cut silently."""
    fail_page: int | None = None
    """This page of every listing fails (from 1, by position), with `fail_status`..."""
    fail_status: int = 500
    fail_times: int | None = None
    """... so many times; None: always."""
    throttle_times: int = 0
    """So many requests are answered 429..."""
    throttle_headers: dict[str, str] = field(default_factory=lambda: {"Retry-After": "0"})
    throttle_status: int = 429
    empty: bool = False
    """Every listing is an empty list."""
    token: str | None = None
    """`Authorization: Bearer` must have this, or the answer is 401."""
    bodies: dict[int, bytes] = field(default_factory=dict)
    """Bodies sent instead of these pages."""
    headers: dict[str, str] = field(default_factory=dict)
    """Further headers of every page."""
    break_blob_after: int | None = None
    """Bytes of a blob's answer after which the connection breaks, `break_blob_times` times."""
    break_blob_times: int = 1
    blob_ranges: bool = True
    hook: Hook | None = None
    """Asked first, with the request and the page's number; its answer, if any, is sent."""
    told: Callable[[str], None] | None = None
    """Told each request's path and query before anything is answered, in the server's thread."""


@dataclass
class StoredBlob:
    data: bytes
    content_type: str = "application/octet-stream"
    etag: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def make_record(number: int, **fields: Any) -> dict[str, Any]:
    """Record `number`, about 200 bytes; later ones have later `updated_at`."""
    stamp = (
        f"2026-01-{1 + number // 86400 % 28:02d}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"
    )
    return {"id": number, "title": f"record {number}", "body": "x" * 100, "updated_at": stamp, **fields}


def make_records(count: int, start: int = 1) -> list[dict[str, Any]]:
    return [make_record(number) for number in range(start, start + count)]


class HostileSource:
    """The server. `requests` counts by path and query, `log` keeps their order, `credentials` their Authorization."""

    def __init__(self, collections: Mapping[str, Iterable[dict[str, Any]]] | None = None, **switches: Any) -> None:
        self.collections: dict[str, dict[str, bytes]] = {}
        self.blobs: dict[str, StoredBlob] = {}
        self.switches = Switches(**switches)
        self.requests: Counter[str] = Counter()
        self.log: list[str] = []
        self.ranges: list[str] = []
        """What part each request of `log` asks for; empty: all of it."""
        self.credentials: list[str | None] = []
        self.seen_headers: list[Mapping[str, str]] = []
        self.url = ""
        self._failed = 0
        self._runner: web.AppRunner | None = None
        for name, records in (collections or {}).items():
            self.collections[name] = {}
            for record in records:
                self.put(name, record)

    def put(self, collection: str, record: Mapping[str, Any] | bytes) -> None:
        """Add or replace a record, given as an object or as the bytes to send."""
        raw = record if isinstance(record, bytes) else json.dumps(record).encode()
        self.collections.setdefault(collection, {})[str(json.loads(raw)["id"])] = raw

    def remove(self, collection: str, record_id: object) -> None:
        del self.collections[collection][str(record_id)]

    def definition(self, *endpoints: Endpoint, **connection: Any) -> Definition:
        """A definition of this server with these endpoints; bearer authentication where a token is wanted."""
        settings: dict[str, Any] = {"limits": Limits(concurrency=8), "retry": FAST_RETRY, **connection}
        if self.switches.token is not None and "auth" not in settings:
            settings["auth"] = Auth("bearer", token="{{ token }}")
        return Definition(
            name="hostile",
            connection=Connection(base_url="{{ base_url }}", **settings),
            endpoints=endpoints,
            variables=(Variable("base_url", "Address"), Variable("token", "Token", secret=True, optional=True)),
        )

    @property
    def variables(self) -> dict[str, str]:
        """Values for the definition's variables."""
        return {"base_url": self.url, **({"token": self.switches.token} if self.switches.token else {})}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/record/{collection:.+}/{id}", self._record)
        application.router.add_get("/blob/{name}", self._blob)
        application.router.add_get("/{style}/{collection:.+}", self._listing)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _note(self, request: web.Request) -> web.Response | None:
        """Count a request; gives an answer where it is refused for its credential or throttled."""
        self.requests[request.path_qs] += 1
        self.ranges.append(request.headers.get("Range", ""))
        self.log.append(request.path_qs)
        self.credentials.append(request.headers.get("Authorization"))
        self.seen_headers.append(dict(request.headers))
        switches = self.switches
        if switches.told is not None:
            switches.told(request.path_qs)
        if switches.token is not None and request.headers.get("Authorization") != f"Bearer {switches.token}":
            return web.json_response({"error": "bad credential"}, status=401)
        if switches.throttle_times > 0:
            switches.throttle_times -= 1
            return web.json_response(
                {"error": "slow down"}, status=switches.throttle_status, headers=switches.throttle_headers
            )
        return None

    async def _listing(self, request: web.Request) -> web.StreamResponse:
        refused = self._note(request)
        if refused is not None:
            return refused
        style, name = request.match_info["style"], request.match_info["collection"]
        if style not in STYLES or name not in self.collections:
            return web.json_response({"error": "not found"}, status=404)
        query, switches = request.query, self.switches
        size = min(int(query.get("per_page", switches.page_size)), switches.page_size)
        records = [] if switches.empty else self._wanted(name, query)
        start = self._start(style, query, records, size)
        number = start // size + 1
        if switches.hook is not None and (answer := await switches.hook(request, number)) is not None:
            return answer
        if switches.fail_page == number and (switches.fail_times is None or self._failed < switches.fail_times):
            self._failed += 1
            return web.json_response({"error": "switched to fail"}, status=switches.fail_status)
        raws = [raw for _, raw in (records if style == "none" else records[start : start + size])]
        after = start + len(raws)
        following = after if after < len(records) else None
        body, headers = self._page(style, request, raws, records, after, following, size)
        return web.Response(
            body=switches.bodies.get(number, body),
            headers={**headers, **switches.headers},
            content_type="application/json",
        )

    def _wanted(self, name: str, query: Mapping[str, str]) -> list[tuple[str, bytes]]:
        records = list(self.collections[name].items())
        if "since" in query:
            records = [one for one in records if str(json.loads(one[1]).get("updated_at", "")) >= query["since"]]
        return records

    def _start(self, style: str, query: Mapping[str, str], records: list[tuple[str, bytes]], size: int) -> int:
        if style.startswith("page"):
            return (int(query.get("page", 1)) - 1) * size
        if style == "keyset":
            ids = [record_id for record_id, _ in records]
            return ids.index(query["after"]) + 1 if "after" in query else 0
        return int(query.get("offset", query.get("cursor", "c0").removeprefix("c")))

    def _page(
        self, style: str, request: web.Request, raws: list[bytes], records: list[tuple[str, bytes]], after: int,
        following: int | None, size: int,
    ) -> tuple[bytes, dict[str, str]]:  # fmt: skip
        listed = b"[" + b",".join(raws) + b"]"
        url = None if following is None else str(request.url.update_query(offset=following))
        headers: dict[str, str] = {}
        if style == "link" and url:
            headers["Link"] = f'<{url}>; rel="next", <{self.url}>; rel="last"'
        if style == "next_header" and url:
            headers["Next-Page"] = url
        if style in _BARE:
            return listed, headers
        beside: dict[str, Any] = {}
        if style == "next_url":
            beside["next"] = url
        elif style == "cursor":
            beside["next_cursor"] = None if following is None else f"c{following}"
        elif style == "keyset":
            beside.update(next_cursor=records[after - 1][0] if raws else None, has_more=following is not None)
        elif style == "page_counted":
            beside["total_pages"] = -(-len(records) // size)
        elif style == "offset_counted":
            beside["total"] = len(records)
        rest = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in beside.items())
        return b'{"items":' + listed + rest.encode() + b"}", headers

    async def _record(self, request: web.Request) -> web.StreamResponse:
        refused = self._note(request)
        if refused is not None:
            return refused
        raw = self.collections.get(request.match_info["collection"], {}).get(request.match_info["id"])
        if raw is None:
            return web.json_response({"error": "not found"}, status=404)
        return web.Response(body=raw, content_type="application/json")

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        refused = self._note(request)
        if refused is not None:
            return refused
        blob = self.blobs.get(request.match_info["name"])
        if blob is None:
            return web.json_response({"error": "not found"}, status=404)
        start, status = 0, 200
        headers = {"Content-Type": blob.content_type, **blob.headers}
        if blob.etag is not None:
            headers["ETag"] = blob.etag
            if request.headers.get("If-None-Match") == blob.etag:
                return web.Response(status=304, headers={"ETag": blob.etag})
        wanted = request.headers.get("Range", "")
        if self.switches.blob_ranges and wanted and request.headers.get("If-Range") in {None, blob.etag}:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(blob.data) - 1}/{len(blob.data)}"
        data = blob.data[start:]
        answer = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(data))})
        await answer.prepare(request)
        if self.switches.break_blob_after is not None and self.switches.break_blob_times > 0:
            self.switches.break_blob_times -= 1
            await answer.write(data[: self.switches.break_blob_after])
            if request.transport is not None:
                request.transport.close()
            return answer
        for begin in range(0, len(data), 1_000_000):
            await answer.write(data[begin : begin + 1_000_000])
        return answer


def endpoint(collection: str, style: str = "cursor", **more: Any) -> Endpoint:
    """An endpoint that lists a collection in one of the styles; named after it unless `name` is given."""
    settings: dict[str, Any] = {
        "name": collection,
        "path": f"/{style}/{collection}",
        "id": ("id",),
        "records": "" if style in _BARE else "items",
        "paging": STYLES[style],
        "record_path": f"/record/{collection}/{{{{ record.id }}}}",
    }
    return Endpoint(**{**settings, **more})


Served = TypeVar("Served", bound=AbstractAsyncContextManager[Any])


@contextmanager
def in_thread(source: Served) -> Iterator[Served]:
    """Serve from a thread of its own, for code that brings or blocks its event loop."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with source:
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="hostile-source")
    thread.start()
    try:
        if not ready.wait(60):
            raise RuntimeError("the hostile source did not start")
        yield source
    finally:
        if loops:
            loops[0].call_soon_threadsafe(stop.set)
        thread.join()
