"""What the load on the service is held against: FastAPI that answers a constant, served as the service is.

Run as a command it prints its address, and ends when its standard input does.
"""

import socket

from fastapi import FastAPI, Response

from benchmarks.beside import end_with_parent
from holdfast.cli.serving import server_config

app = FastAPI()


@app.get("/constant")
async def constant() -> Response:
    return Response(b"{}", media_type="application/json")


if __name__ == "__main__":
    import uvicorn

    end_with_parent()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(server_config(app)).run(sockets=[listener])
