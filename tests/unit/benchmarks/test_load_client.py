"""The client of the load measurements asks what it is told to, keeps its connections, and believes no bad answer."""

from collections.abc import AsyncIterator
from itertools import repeat

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from benchmarks.load_client import BadAnswer, Connection, load, next_target

_ASKED: web.AppKey[list[tuple[str, int]]] = web.AppKey("asked", list)
"""(path and query, the connection) of every request."""


async def _answer(request: web.Request) -> web.Response:
    if request.headers.get("Authorization") != "Bearer good":
        return web.Response(status=401)
    request.app[_ASKED].append((request.path_qs, id(request.transport)))
    link = f'<{request.url.with_path("/next").with_query(page=2)}>; rel="next", <http://other/>; rel="last"'
    return web.Response(body=b"x" * 100_000, headers={"Link": link})


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app[_ASKED] = []
    app.router.add_get("/{anything}", _answer)
    async with TestServer(app) as server:
        yield server


async def test_answers_are_read_whole_and_links_followed(server: TestServer) -> None:
    connection = await Connection.to(str(server.make_url("/")), {"Authorization": "Bearer good"})
    head, body = await connection.get("/first?a=1")
    assert body == b"x" * 100_000
    assert next_target(head) == "/next?page=2"
    assert await connection.drain("/first") == 100_000
    assert len({connection for _, connection in server.app[_ASKED]}) == 1
    connection.close()


async def test_a_refusal_is_no_answer(server: TestServer) -> None:
    connection = await Connection.to(str(server.make_url("/")), {})
    with pytest.raises(BadAnswer, match="401"):
        await connection.get("/first")
    connection.close()


async def test_every_connection_asks_until_the_time_is_over(server: TestServer) -> None:
    measured = await load(
        str(server.make_url("/")), {"Authorization": "Bearer good"}, lambda number: repeat(f"/{number}"),
        connections=3, seconds=0.05,
    )  # fmt: skip
    asked = server.app[_ASKED]
    assert {path for path, _ in asked} == {"/0", "/1", "/2"}
    assert len({connection for _, connection in asked}) == 3
    assert len(measured.seconds) == len(asked)
    assert measured.wall_s >= 0.05
