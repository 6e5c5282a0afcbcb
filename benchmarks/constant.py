"""What the load on the service is held against: FastAPI that answers a constant, served as the service is.

Run as a command it prints its address, and ends when its standard input does.
"""

import os
import socket
import sys
import threading

from fastapi import FastAPI, Response

from holdfast.cli.serving import server_config

app = FastAPI()


@app.get("/constant")
async def constant() -> Response:
    return Response(b"{}", media_type="application/json")


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(server_config(app)).run(sockets=[listener])
