"""An API that can be written to, in a thread of its own, with switches for what real ones do to a careless restore.

`GET /<account>/<collection>` lists a collection (pages of 50), `POST` to it creates with a new id; `GET`, `PUT`,
`PATCH` and `DELETE` of `/<account>/<collection>/<id>` do what they say. Collections lie in records: `boards/7/cards`.
A body of several parts is a record as JSON, and its file.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import BodyPartReader, web

_PAGE = 50


@dataclass
class Switches:
    """What goes wrong. Everything is off at first."""

    ignores: set[str] = field(default_factory=set)
    """Fields that are dropped without a word."""
    epoch: set[str] = field(default_factory=set)
    """Fields in which 1970 is stored."""
    error_in_200: bool = False
    """Writes change nothing and are answered 200 with an error."""
    lose_answers: int = 0
    """So many writes are done and answered 500."""
    halve_files: bool = False
    """Of an uploaded file the first half is kept, without a word."""
    refuse: dict[str, int] = field(default_factory=dict)
    """Status by what a written body contains."""
    makes_parents: bool = False
    """What is created below a record that is not there brings that one about."""
    before_write: Callable[[], None] | None = None
    after_write: Callable[[], None] | None = None


class WritableSource:
    """The server. `writes` has every write as it came, `queries` their queries, `log` all requests."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}
        self.switches = Switches()
        self.log: list[str] = []
        self.writes: list[str] = []
        self.queries: list[dict[str, str]] = []
        self.keys: dict[str, str] = {}
        self.url = ""
        self._ids = count(1)

    def put(self, place: str, **fields: Any) -> str:
        """Add a record; answers its id."""
        record_id = str(fields.get("id") or next(self._ids))
        self.records.setdefault(place, {})[record_id] = {"id": record_id, "made_by": "somebody", **fields}
        return record_id

    def all(self, place: str) -> list[dict[str, Any]]:
        return list(self.records.get(place, {}).values())

    def without(self, place: str, *fields: str) -> list[dict[str, Any]]:
        """The records without some fields, in a fixed order."""
        kept = [{key: value for key, value in one.items() if key not in fields} for one in self.all(place)]
        return sorted(kept, key=lambda one: json.dumps(one, sort_keys=True))

    def wipe(self, place: str) -> None:
        """Everything below a place is gone."""
        for name in [one for one in self.records if one == place or one.startswith(f"{place}/")]:
            self.records[name] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.log.append(f"{request.method} /{path}")
        if request.method == "GET":
            return self._read(path, request)
        body, file = await _body(request)
        if self.switches.before_write is not None:
            self.switches.before_write()
        self.writes.append(f"{request.method} /{path}")
        self.queries.append(dict(request.query))
        answer = self._write(request.method, path, body, file, request.headers.get("Idempotency-Key"))
        if self.switches.after_write is not None:
            self.switches.after_write()
        if self.switches.lose_answers:
            self.switches.lose_answers -= 1
            return web.json_response({"error": "on the way"}, status=500)
        return answer

    def _read(self, path: str, request: web.Request) -> web.StreamResponse:
        if path in self.files:
            return web.Response(body=self.files[path], content_type="application/octet-stream")
        place, _, record_id = path.rpartition("/")
        if record_id in self.records.get(place, {}):
            return web.json_response(self.records[place][record_id])
        above, _, parent_id = place.rpartition("/")
        exists = above.count("/") < 1 or parent_id in self.records.get(above, {})
        if not exists or (place in self.records and path not in self.records and place.count("/") % 2):
            return web.json_response({"error": "not found"}, status=404)
        found = list(self.records.get(path, {}).values())
        page = int(request.query.get("page", "1"))
        return web.json_response({"items": found[(page - 1) * _PAGE : page * _PAGE]})

    def _write(
        self, method: str, path: str, body: bytes, file: bytes | None, key: str | None
    ) -> web.StreamResponse:  # fmt: skip
        switches = self.switches
        if switches.error_in_200:
            return web.json_response({"ok": False, "error": "no such luck"})
        for text, status in switches.refuse.items():
            if text.encode() in body:
                return web.json_response({"error": "refused"}, status=status)
        place, _, record_id = path.rpartition("/")
        if record_id == "file":
            place, _, record_id = place.rpartition("/")
            self.files[f"{place}/{record_id}/file"] = body[: len(body) // 2] if switches.halve_files else body
            self.records[place][record_id]["file"] = f"{self.url}/{place}/{record_id}/file"
            return web.json_response(self.records[place][record_id])
        sent = json.loads(body or b"{}")
        sent = {name: value for name, value in sent.items() if name not in switches.ignores}
        sent |= dict.fromkeys(switches.epoch & set(sent), "1970-01-01T00:00:00Z")
        if method == "POST":
            if key is not None and key in self.keys:
                return web.json_response(self.records[path][self.keys[key]])
            above, _, parent_id = place.rpartition("/")
            if (
                switches.makes_parents
                and path.count("/") > 1
                and record_id
                and parent_id not in self.records.get(above, {})
            ):
                self.put(above, id=parent_id)
            made = self.put(path, **{**sent, "id": None, "made_by": "the restorer"})
            self.records[path][made]["id"] = made
            if file is not None:
                self.files[f"{path}/{made}/file"] = file[: len(file) // 2] if switches.halve_files else file
                self.records[path][made]["file"] = f"{self.url}/{path}/{made}/file"
            if key is not None:
                self.keys[key] = made
            return web.json_response(self.records[path][made], status=201)
        known = self.records.setdefault(place, {})
        if method == "PUT":
            known[record_id] = {**sent, "id": record_id}
        elif record_id not in known:
            return web.json_response({"error": "not found"}, status=404)
        elif method == "PATCH":
            known[record_id] |= sent
        else:
            del known[record_id]
            return web.Response(status=204)
        return web.json_response(known[record_id])


async def _body(request: web.Request) -> tuple[bytes, bytes | None]:
    """What a request has sent; of several parts the JSON, and the other."""
    if not request.content_type.startswith("multipart/"):
        return await request.read(), None
    body, file = b"{}", None
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        assert isinstance(part, BodyPartReader)
        read = bytes(await part.read())
        if part.headers.get("Content-Type") == "application/json":
            body = read
        else:
            file = read
    return body, file


@contextmanager
def writable() -> Iterator[WritableSource]:
    """A server that listens until the end of the block."""
    source = WritableSource()
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def serve() -> web.AppRunner:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.+}", source.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        source.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, name="writable-source", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield source
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


DOCUMENT = """\
holdfast: 1
name: Boards
variables:
  - {{key: account, default: one}}
connection:
  base_url: {url}
  limits: {{concurrency: 4}}
  retry: {{attempts: 3, first_wait: 1ms, longest_wait: 2ms}}
endpoints:
  - name: people
    path: /{{{{ account }}}}/people
    records: items
    id: id
    stable: true
    paging: {{type: page, query: page}}
    record: {{path: "/{{{{ account }}}}/people/{{{{ record.id }}}}"}}
    restore:
      create: {{path: "/{{{{ account }}}}/people", fields: [name, born]}}
      update: {{path: "/{{{{ account }}}}/people/{{{{ record.id }}}}", fields: [name, born]}}
      find: name
      rename: name
      ignored: {{made_by: the author is whoever restores}}
  - name: boards
    path: /{{{{ account }}}}/boards
    records: items
    id: id
    stable: true
    paging: {{type: page, query: page}}
    record: {{path: "/{{{{ account }}}}/boards/{{{{ record.id }}}}"}}
    restore:
      create: {{path: "/{{{{ account }}}}/boards", fields: [title, owner]}}
      update: {{path: "/{{{{ account }}}}/boards/{{{{ record.id }}}}", fields: [title, owner]}}
      find: title
      references: {{owner: people}}
      ignored: {{made_by: the author is whoever restores}}
  - name: cards
    for_each: boards
    path: /{{{{ account }}}}/boards/{{{{ parent.id }}}}/cards
    records: items
    id: {{fields: id, global: true}}
    stable: true
    paging: {{type: page, query: page}}
    restore:
      create:
        path: /{{{{ account }}}}/boards/{{{{ parent.id }}}}/cards
        fields: [text, owner, blocks]
        headers: {{Idempotency-Key: "{{{{ idempotency_key }}}}"}}
      find: text
      references: {{owner: people, blocks: cards}}
      ignored: {{made_by: the author is whoever restores}}
"""
