"""What the load on the service is held against: a constant, served as the service is.

Run as a command it prints its address, and ends when its standard input does. `python -m benchmarks.constant` answers
by the service's own application, over the installation that the environment names; with the argument `bare` by a
FastAPI application that has nothing else.
"""

import socket
import sys
from contextlib import ExitStack

from fastapi import FastAPI, Response

from benchmarks.beside import end_with_parent
from holdfast.cli.serving import collect_seldom, server_config


async def constant() -> Response:
    return Response(b"{}", media_type="application/json")


def application(stack: ExitStack) -> FastAPI:
    from holdfast import app
    from holdfast.api.app import create_app
    from holdfast.settings import load_settings

    return create_app(stack.enter_context(app.opened(load_settings())))


if __name__ == "__main__":
    import uvicorn

    end_with_parent()
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as listener:
        served = FastAPI() if "bare" in sys.argv else application(stack)
        served.get("/constant")(constant)
        served.router.routes.insert(0, served.router.routes.pop())  # found at once, not after eighty others
        collect_seldom()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(server_config(served)).run(sockets=[listener])
