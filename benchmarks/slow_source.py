"""A source that answers after 50 ms, as remote ones do: 120 pages of 100 records in every list, whatever it is called.

    GET /lists/NAME?page=7      a JSON array; the next page in the Link header
    GET /answered               a JSON array: when each page was answered, in seconds since 1970

It prints its port, and ends when its standard input does.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from benchmarks.beside import end_with_parent, started

ANSWER_S, PAGES, RECORDS_A_PAGE = 0.05, 120, 100
_answered: list[float] = []


async def _answer(request: web.Request) -> web.Response:
    await asyncio.sleep(ANSWER_S)
    page = int(request.query.get("page", 1))
    found = [
        {"id": page * RECORDS_A_PAGE + number, "list": request.match_info["name"], "text": f"{number:>200}"}
        for number in range(RECORDS_A_PAGE)
    ]
    headers = {}
    if page < PAGES:
        headers["Link"] = f'<http://{request.host}{request.path}?page={page + 1}>; rel="next"'
    _answered.append(time.time())
    return web.Response(text=json.dumps(found), content_type="application/json", headers=headers)


async def _tell(request: web.Request) -> web.Response:  # noqa: ARG001
    return web.json_response(_answered)


def answered(url: str) -> list[float]:
    """What a running one tells."""
    with urllib.request.urlopen(f"{url}/answered") as response:
        times: list[float] = json.load(response)
        return times


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/lists/{name}", _answer)
    app.router.add_get("/answered", _tell)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def running() -> Iterator[str]:
    """The address of a server process of one's own."""
    with started("benchmarks.slow_source") as (port, _):
        yield f"http://127.0.0.1:{port}"


if __name__ == "__main__":
    end_with_parent()
    asyncio.run(_serve())
