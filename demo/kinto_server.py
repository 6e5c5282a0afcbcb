"""A real Kinto server on loopback, in memory, and a file server for its attachments: the demo and the tests start it.

Kinto does not serve the attachments it takes, so the file server does, on a port and so an origin of its own; it notes
who sent it a credential. Run as a program, this file is the server's process: it ends when its parent does, however
that ends.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

USER = "admin"
PASSWORD = "kept-by-holdfast"
PAGE_RECORDS = 100
"""Kinto cuts every page to this, whatever `_limit` asks for."""
_PATIENCE_S = 60.0

_CONFIGURATION = """\
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = %(http_port)s
threads = 4

[app:main]
use = egg:kinto
kinto.includes = kinto.plugins.accounts kinto_attachment
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.userid_hmac_secret = only-for-this-process
kinto.paginate_by = {page_records}
kinto.batch_max_requests = 100
multiauth.policies = account
multiauth.policy.account.use = kinto.plugins.accounts.authentication.AccountsAuthenticationPolicy
kinto.account_create_principals = system.Everyone
kinto.bucket_create_principals = system.Authenticated
kinto.attachment.base_path = {attachments}
kinto.attachment.base_url = {attachments_url}/
kinto.attachment.extensions = any

[loggers]
keys = root

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARNING
handlers = console

[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = generic

[formatter_generic]
format = %%(levelname)s %%(message)s
"""


class AttachmentServer(ThreadingHTTPServer):
    """Serves a folder, from a thread, until `stop`."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_AttachmentHandler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.requested: list[str] = []
        """The path of every request, in order."""
        self.credentials_seen: list[str] = []
        """The paths that were asked for with an Authorization header: nobody should."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="attachments", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _AttachmentHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AttachmentServer

    def do_GET(self) -> None:
        self.server.requested.append(self.path)
        if "Authorization" in self.headers:
            self.server.credentials_seen.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal belongs to the demo."""


class KintoServer:
    """Started on entry, stopped on exit; its content lives only that long. The account USER does not exist yet."""

    def __init__(self) -> None:
        self.user, self.password = USER, PASSWORD
        self.url = ""
        """The address of the API, with its version: `http://127.0.0.1:PORT/v1`."""
        self._folder = Path(tempfile.mkdtemp(prefix="kinto-"))
        (self._folder / "attachments").mkdir()
        self.attachments = AttachmentServer(self._folder / "attachments")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End both servers and remove what they kept."""
        self._end_process()
        self.attachments.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        """Start the process and wait until it answers. Again with another port, should somebody else have taken it."""
        log = self._folder / "kinto.log"
        for _ in range(3):
            port = _free_port()
            self.url = f"http://127.0.0.1:{port}/v1"
            ini = self._folder / "kinto.ini"
            attachments = {"attachments": self._folder / "attachments", "attachments_url": self.attachments.url}
            ini.write_text(_CONFIGURATION.format(page_records=PAGE_RECORDS, **attachments))
            command = [sys.executable, __file__, str(ini), str(port)]
            with log.open("wb") as output:
                self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)
            if self._answers(self._process, port):
                return
            self._end_process()
        raise RuntimeError(f"Kinto does not start:\n{log.read_text(errors='replace')[-2000:]}")

    def _answers(self, process: subprocess.Popen[bytes], port: int) -> bool:
        """Does this very process answer? False once it has ended or our patience has."""
        deadline = time.monotonic() + _PATIENCE_S
        while process.poll() is None and time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
            try:
                connection.request("GET", "/v1/")
                if json.loads(connection.getresponse().read()).get("project_name") == "kinto":
                    return True
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)  # it has not bound its port yet
            finally:
                connection.close()
        return False

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serve(ini: str, port: str) -> None:
    """Be Kinto until standard input ends. The parent holds its other side, so no way of dying leaves Kinto behind."""

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    from kinto.__main__ import main

    main(["start", "--ini", ini, "--port", port])


if __name__ == "__main__":
    _serve(*sys.argv[1:3])
