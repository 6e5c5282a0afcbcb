"""An API that a test writes itself: one function answers every request, and all of them are kept.

async with ScriptedSource(lambda asked: {"items": []}) as api:
    source = open_source(api, "connection: ...", "endpoints: ...")
"""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs

from aiohttp import web

from holdfast.definitions.features import FEATURES
from holdfast.definitions.loading import load
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.source import Source
from tests.support.fake_time import FakeTime


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def credential(self) -> str | None:
        return self.headers.get("Authorization")


Script = Callable[[Asked], Any]
"""Answers a response, or JSON for one with status 200, or a status and JSON; None is 404. May be a coroutine."""


class ScriptedSource:
    """The server. `log` has every request in order."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.log: list[Asked] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.log]

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            request.method, request.path, dict(request.query), dict(request.headers), await request.read()
        )  # fmt: skip
        self.log.append(asked)
        answer = self.script(asked)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.json_response({"error": "not found"}, status=404)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return web.json_response(content, status=status)


DOCUMENT = """
holdfast: 1
name: Scripted
variables:
  - {{key: token, secret: true, optional: true}}
  - {{key: team, optional: true}}
connection:
  base_url: {url}
  retry: {{attempts: 3, first_wait: 1ms, longest_wait: 2ms}}
{connection}
endpoints:
{endpoints}
"""
ITEMS = "  - {name: items, path: /items, id: id, records: items, stable: true}"


def document(api: ScriptedSource, connection: str = "", endpoints: str = ITEMS) -> str:
    """A definition of this API; both parts are lines of YAML, indented by two and four blanks or not at all."""
    return DOCUMENT.format(url=api.url, connection=_indented(connection, 2), endpoints=_indented(endpoints, 2))


def open_source(
    api: ScriptedSource, connection: str = "", endpoints: str = ITEMS, time: FakeTime | None = None, **more: Any
) -> Source:
    """A source of it, whose waits take no time; variables are `token: t0ken-secret` and what `variables` says."""
    time = time or FakeTime()
    definition = load(document(api, connection, endpoints), features=frozenset(FEATURES))
    variables = {"token": "t0ken-secret", **more.pop("variables", {})}
    network = NetworkPolicy(allow_private=True)
    return Source(definition, variables, network, clock=time.clock, sleep=time.sleep, **more)


def _indented(text: str, by: int) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    least = min(len(line) - len(line.lstrip()) for line in lines)
    return "\n".join(" " * by + line[least:] for line in lines)
