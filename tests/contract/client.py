"""A service under test, and a client of it that a test can read: every call answers status, headers and body."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import uvicorn

from holdfast import app
from holdfast.api.app import create_app
from holdfast.operations import vendors
from holdfast.operations.services import Services
from holdfast.settings import Settings
from tests.support.hostile_source import HostileSource
from tests.support.installation import prepare

_numbers = count(1)


class Service:
    """A running installation."""

    def __init__(self, services: Services, url: str) -> None:
        self.services, self.url = services, url

    @classmethod
    @contextmanager
    def started(cls, home: Path, *, works: bool = True, **settings: Any) -> Iterator["Service"]:
        """Until the end of the block. A process can be the worker of one installation only; the others do no work."""
        installed = Settings(home=home, **{"allow_private_network": True, "backups_at_once": 8, **settings})
        prepare(installed)
        with app.opened(installed) as services, _served(services) as url:
            if works:
                services.engine.start()
            try:
                yield cls(services, url)
            finally:
                services.engine.stop(drain_s=1, grace_s=10)

    def new_vendor(self, name: str | None = None) -> "Client":
        made = vendors.create(self.services, name or f"vendor {next(_numbers)}", "vendor@example.org")
        client = Client(self.url, made.vendor.id, made.vendor.client_id, made.client_secret)
        client.log_in()
        return client


@contextmanager
def _served(services: Services) -> Iterator[str]:
    config = uvicorn.Config(
        create_app(services), host="127.0.0.1", port=0, log_level="warning", lifespan="off", access_log=False,
        # A client that sends on a connection just as the server gives it up for idle is told nothing: with the usual
        # 5 seconds that happens to one test in thousands.
        timeout_keep_alive=600,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="api")
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the API did not start")
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON of a success."""
        assert self.status == 200, (self.status, self.content[:2000])
        return self.json

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    def problem(self, status: int = 400) -> tuple[str | None, str]:
        """(field, code) of the first thing that is wrong."""
        assert self.status == status, (self.status, self.content[:2000])
        first = self.json["errors"][0]
        assert first["message"]
        return first["field"], first["code"]

    @property
    def links(self) -> dict[str, str]:
        found = requests.utils.parse_header_links(self.headers["Link"])
        return {link["rel"]: link["url"] for link in found}


@dataclass
class Client:
    """A vendor's client, or with `token` alone anybody's."""

    url: str
    vendor_id: int = 0
    client_id: str = ""
    client_secret: str = ""
    token: str | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> None:
        form = {**self.credentials, "grant_type": "client_credentials", "scope": "write"}
        answer = self.call("POST", "/oauth/token", form)
        self.token = answer.body["access_token"]

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.client_secret}

    def call(
        self,
        method: str,
        path: str,
        form: Mapping[str, Any] | str | bytes | None = None,
        *,
        json: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        files: Any = None,
    ) -> Answer:
        """One request. The path goes out as it is given."""
        prepared = requests.Request(
            method,
            self.url or "http://127.0.0.1",
            data=form,
            json=json,
            files=files,
            headers={**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})},
        ).prepare()
        prepared.url = path if path.startswith("http") else self.url + path
        if query:
            prepared.url += ("&" if "?" in path else "?") + "&".join(
                f"{quote(key)}={quote(str(value), safe='')}" for key, value in query.items()
            )
        response = self.session.send(prepared, allow_redirects=False, timeout=60)
        return Answer(response.status_code, response.headers, response.content)

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def post(self, path: str, form: Any = None, **options: Any) -> Answer:
        return self.call("POST", path, form, **options)

    def put(self, path: str, form: Any = None, **options: Any) -> Answer:
        return self.call("PUT", path, form, **options)

    # --- what most tests need to be there

    def new_customer(self, name: str | None = None, email: str = "customer@example.org") -> int:
        form = {"customer[name]": name or f"customer {next(_numbers)}", "customer[email]": email}
        customer_id: int = self.post("/v1/customers", form).body["id"]
        return customer_id

    def new_definition(self, document: str | None = None, *, published: bool = False) -> int:
        form = {
            "backup_definition[name]": f"definition {next(_numbers)}",
            "backup_definition[description]": "for tests",
            "backup_definition[published]": published,
        }
        definition_id: int = self.post("/v1/backup_definitions", form).body["id"]
        if document is not None:
            headers = {"Content-Type": "application/yaml"}
            made = self.put(f"/v1/backup_definitions/{definition_id}/document", document.encode(), headers=headers)
            assert made.status == 200, made.content.decode()
        return definition_id

    def new_instance(
        self, definition_id: int | None = None, customer_id: int | None = None, frequency: str = "off"
    ) -> int:
        form = {
            "backup_instance[backup_definition_id]": definition_id or self.new_definition(),
            "backup_instance[customer_id]": customer_id or self.new_customer(),
            "backup_instance[backup_frequency]": frequency,
        }
        instance_id: int = self.post("/v1/backup_instances", form).body["id"]
        return instance_id

    def instance_of(self, source: HostileSource, endpoint: str = "", customer_id: int | None = None) -> int:
        """An instance that backs up the source's `items`."""
        return self.new_instance(self.new_definition(items_document(source, endpoint)), customer_id)

    def back_up(self, instance_id: int) -> dict[str, Any]:
        """A backup from its beginning to its end."""
        backup = self.post(f"/v1/backup_instances/{instance_id}/backups").body
        return self.ended(instance_id, backup["id"])

    def ended(self, instance_id: int, backup_id: int) -> dict[str, Any]:
        return self.once_ended(f"/v1/backup_instances/{instance_id}/backups/{backup_id}")

    def once_ended(self, path: str) -> dict[str, Any]:
        """A backup or an export, when it has ended."""
        pause = threading.Event()
        for _ in range(3_000):
            found: dict[str, Any] = self.get(path).body
            if found["ended_at"] is not None:
                return found
            pause.wait(0.02)
        raise AssertionError(f"{path} does not end: {found}")

    def export(self, instance_id: int, form: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """An export from its beginning to its end."""
        made = self.post(f"/v1/backup_instances/{instance_id}/exports", form).body
        return self.once_ended(f"/v1/backup_instances/{instance_id}/exports/{made['id']}")

    def restore(self, instance_id: int, form: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A restore from its beginning to its end."""
        made = self.post(f"/v1/backup_instances/{instance_id}/restores", form).body
        return self.once_ended(f"/v1/backup_instances/{instance_id}/restores/{made['id']}")

    def customer_client(self, customer_id: int) -> "Client":
        """A client with a token that is granted for a customer."""
        token = self.post(f"/v1/customers/{customer_id}/tokens").body["access_token"]
        return Client(self.url, self.vendor_id, token=token)


class Gate:
    """A hook for a source: every listing waits until it is opened, from its page `from_page` on."""

    def __init__(self, from_page: int = 1) -> None:
        self._from_page = from_page
        self._open = threading.Event()
        self._reached = threading.Event()

    async def __call__(self, request: object, page: int) -> None:
        if page >= self._from_page:
            self._reached.set()
            await asyncio.to_thread(self._open.wait, 60)

    def wait(self) -> None:
        """Until somebody waits here."""
        assert self._reached.wait(60)

    def open(self) -> None:
        self._open.set()


def items_document(source: HostileSource, endpoint: str = "") -> str:
    """A definition of a source's `items`; `endpoint` are further lines of it."""
    return f"""
holdfast: 1
name: Items
connection:
  base_url: {source.url}
endpoints:
  - name: items
    path: /cursor/items
    records: items
    id: id
    paging: {{type: cursor, body: next_cursor, query: cursor}}
{endpoint}
"""
