"""An HTTP server that looks like S3 and can be told to behave badly. How a real one behaves, `radosgw.py` shows."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

Answer = tuple[int, bytes]


class S3Lookalike:
    """Its objects, its flaws, and what it was asked. Names in here have no bucket before them."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.objects: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.requests: list[str] = []
        """Method and path of every request, in order."""
        self.authorizations: list[str] = []
        self.overwrites = False
        self.ignores_ranges = False
        self.cuts_bodies = False
        self.order: Callable[[str], str] = lambda name: name
        self.answer: Callable[[str], Answer | None] = lambda _method: None
        """What to answer instead of doing what was asked."""
        self.loses_answer: Callable[[str], bool] = lambda _method: False
        """Whether to close the connection instead of answering, when all was done."""

    def url(self, bucket: str = "bucket") -> str:
        return f"s3://{bucket}?endpoint={self.endpoint}&region=us-east-1"


@contextlib.contextmanager
def s3_lookalike() -> Iterator[S3Lookalike]:
    state = S3Lookalike()

    class Handler(_Handler):
        s3 = state

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    s3: S3Lookalike

    def handle_one_request(self) -> None:
        self.close_connection = True
        super().handle_one_request()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self._do(lambda name: self._put(name, data))

    def do_GET(self) -> None:
        self._do(self._get if unquote(urlsplit(self.path).path).count("/") > 1 else self._list)

    def do_HEAD(self) -> None:
        self._do(self._get)

    def do_DELETE(self) -> None:
        self._do(self._delete)

    def _do(self, work: Callable[[str], Answer]) -> None:
        path = unquote(urlsplit(self.path).path)
        with self.s3.lock:
            self.s3.requests.append(f"{self.command} {path}")
            self.s3.authorizations.append(self.headers.get("Authorization", ""))
            status, body = self.s3.answer(self.command) or work(path.partition("/")[2].partition("/")[2])
            if self.s3.loses_answer(self.command):
                return
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Tue, 24 Nov 2026 00:00:00 GMT")
        if status == 206:
            size = len(self.s3.objects[path.partition("/")[2].partition("/")[2]])
            start = int(self.headers["Range"].removeprefix("bytes=").partition("-")[0])
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{size}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if self.s3.cuts_bodies else body)

    def _put(self, name: str, data: bytes) -> Answer:
        if self.headers.get("If-None-Match") == "*" and not self.s3.overwrites and name in self.s3.objects:
            return _error(412, "PreconditionFailed")
        self.s3.objects[name] = data
        return 200, b""

    def _get(self, name: str) -> Answer:
        if name not in self.s3.objects:
            return _error(404, "NoSuchKey")
        data = self.s3.objects[name]
        wanted = self.headers.get("Range")
        if wanted is None or self.s3.ignores_ranges:
            return 200, data
        start, _, end = wanted.removeprefix("bytes=").partition("-")
        if int(start) >= len(data):
            return _error(416, "InvalidRange")
        return 206, data[int(start) : int(end) + 1 if end else None]

    def _delete(self, name: str) -> Answer:
        self.s3.objects.pop(name, None)
        return 204, b""

    def _list(self, _name: str) -> Answer:
        query = parse_qs(urlsplit(self.path).query)
        prefix, after = query.get("prefix", [""])[0], query.get("start-after", [""])[0]
        found = sorted(
            (name for name in self.s3.objects if name.startswith(prefix) and name > after), key=self.s3.order
        )
        contents = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.s3.objects[name])}</Size>"
            "<LastModified>2026-11-24T00:00:00.000Z</LastModified></Contents>"
            for name in found
        )
        return 200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode()


def _error(status: int, code: str) -> Answer:
    return status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
