"""`python -m demo.tracker`: a small issue tracker with an API like those of real ones, for docs/definitions.md.

Python's own library is all it needs. What is in it is made up at the start and lost at the end. It has what trips a
careless reader: pages smaller than asked for, closed issues that must be asked for, a time of change that is null at
first, signed links, a counter that every look moves, public data for whoever has no token, and a limit of requests.
"""

import argparse
import hashlib
import itertools
import json
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

TOKEN = "t0ken"
PORT = 8099
PAGE = 50
"""Records on a page at most, whatever `limit` asks for."""
REQUESTS_PER_SECOND = 20
_BEGINNING = datetime(2026, 1, 5, 9, tzinfo=UTC)

Record = dict[str, Any]


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


class Tracker:
    """What is in it: three projects with 130, 40 and no issues, comments on some, files on others."""

    def __init__(self, url: str, *, requests_per_second: int = REQUESTS_PER_SECOND) -> None:
        self.url = url
        self.lock = threading.Lock()
        self.projects: dict[int, Record] = {}
        self.issues: dict[int, Record] = {}
        self.comments: dict[int, Record] = {}
        self._issue_ids, self._comment_ids = itertools.count(1), itertools.count(1)
        self._asked: deque[float] = deque(maxlen=requests_per_second)
        for number, (name, issues) in enumerate((("Website", 130), ("Printing press", 40), ("Secret", 0)), 1):
            self.projects[number] = {"id": number, "name": name, "public": number == 1}
            for index in range(issues):
                issue = self.add_issue(number, f"{name}: issue {index}", _BEGINNING + timedelta(hours=index))
                if index % 3 == 0:
                    issue["state"] = "closed"
                if index % 10 == 0:
                    self.add_comment(issue, f"A comment on issue {index} ✓", issue["created_at"])

    def add_issue(self, project: int, title: str, when: datetime | None = None) -> Record:
        number = next(self._issue_ids)
        self.issues[number] = {
            "id": number, "project_id": project, "title": title, "state": "open", "created_at": _text(when or _now()),
            "updated_at": None, "comments": 0, "has_file": number % 10 == 5, "views": 0,
        }  # fmt: skip
        return self.issues[number]

    def add_comment(self, issue: Record, body: str, when: str | None = None) -> Record:
        number = next(self._comment_ids)
        self.comments[number] = {
            "id": number, "issue_id": issue["id"], "body": body, "created_at": when or _text(_now()),
        }  # fmt: skip
        issue["comments"] += 1
        issue["updated_at"] = self.comments[number]["created_at"]
        return self.comments[number]

    def file(self, issue: int) -> bytes:
        """Two hundred bytes that no other issue has."""
        return hashlib.shake_256(str(issue).encode()).digest(200)

    def shown(self, issue: Record) -> Record:
        """As the API shows it: another link to the file each time, and one more look."""
        issue["views"] += 1
        shown = {key: value for key, value in issue.items() if key != "has_file"}
        if issue["has_file"]:
            data = self.file(issue["id"])
            shown["file"] = {
                "url": f"{self.url}/files/{issue['id']}?signature={secrets.token_hex(8)}", "name": f"{issue['id']}.bin",
                "sha256": hashlib.sha256(data).hexdigest(), "size": len(data),
            }  # fmt: skip
        return shown

    def count_request(self) -> None:
        """Raises Refused."""
        now = time.monotonic()
        if len(self._asked) == self._asked.maxlen and now - self._asked[0] < 1:
            raise Refused(429, "slow down", **{"Retry-After": "1"})
        self._asked.append(now)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tracker: Tracker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal belongs to the reader."""

    @property
    def tracker(self) -> Tracker:
        return cast(_Server, self.server).tracker

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        try:
            with self.tracker.lock:
                self.tracker.count_request()
                found = self._found(address.path, dict(parse_qsl(address.query)), body)
            self._send(200, found)
        except Refused as refused:
            self._send(refused.status, {"error": str(refused)}, **refused.headers)

    def _send(self, status: int, content: Any, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if data is content else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _found(self, path: str, query: dict[str, str], body: bytes) -> Any:
        given = self.headers.get("Authorization")
        if given not in (None, f"Bearer {TOKEN}"):
            raise Refused(401, "unknown token")
        is_known = given is not None
        for method, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                if not is_known and not (method == "GET" and path.startswith("/projects")):
                    raise Refused(401, "a token is needed")
                try:
                    content = json.loads(body or b"{}")
                except ValueError as error:
                    raise Refused(400, "the body is no JSON") from error
                return answer(_Asked(self.tracker, int((*found.groups(), 0)[0]), query | content, is_known))
        raise Refused(404, "there is nothing here")


@dataclass(frozen=True)
class _Asked:
    tracker: Tracker
    number: int
    """The one in the path; 0 where there is none."""
    given: Record
    """What the query and the body say."""
    is_known: bool

    @property
    def issue(self) -> Record:
        return _one(self.tracker.issues, self.number)


def _projects(asked: _Asked) -> Any:
    return _page([one for one in asked.tracker.projects.values() if asked.is_known or one["public"]], asked.given)


def _issues(asked: _Asked) -> Any:
    project = _one(asked.tracker.projects, asked.number)
    if not (asked.is_known or project["public"]):
        raise Refused(404, "there is nothing here")
    state, since = asked.given.get("state", "open"), asked.given.get("updated_since", "")
    issues = [
        one
        for one in asked.tracker.issues.values()
        if one["project_id"] == asked.number
        and state in ("all", one["state"])
        and (one["updated_at"] or one["created_at"]) >= since
    ]
    page = _page(issues, asked.given)
    return page | {"data": [asked.tracker.shown(one) for one in page["data"]]}


def _comments(asked: _Asked) -> Any:
    issue = asked.issue["id"]
    return _page([one for one in asked.tracker.comments.values() if one["issue_id"] == issue], asked.given)


def _file(asked: _Asked) -> Any:
    if not asked.issue["has_file"]:
        raise Refused(404, "there is nothing here")
    return asked.tracker.file(asked.number)


def _new_issue(asked: _Asked) -> Any:
    project = _one(asked.tracker.projects, asked.number)
    return asked.tracker.shown(asked.tracker.add_issue(project["id"], str(asked.given.get("title", "untitled"))))


def _change_issue(asked: _Asked) -> Any:
    asked.issue.update({key: asked.given[key] for key in ("title", "state") if key in asked.given})
    asked.issue["updated_at"] = _text(_now())
    return asked.tracker.shown(asked.issue)


def _delete_issue(asked: _Asked) -> Any:
    del asked.tracker.issues[asked.issue["id"]]
    return {}


_ROUTES: tuple[tuple[str, str, Callable[[_Asked], Any]], ...] = (
    ("GET", "/me", lambda _: {"login": "ann"}),
    ("GET", "/projects", _projects),
    ("GET", r"/projects/(\d+)/issues", _issues),
    ("POST", r"/projects/(\d+)/issues", _new_issue),
    ("GET", r"/issues/(\d+)", lambda asked: asked.tracker.shown(asked.issue)),
    ("PATCH", r"/issues/(\d+)", _change_issue),
    ("DELETE", r"/issues/(\d+)", _delete_issue),
    ("GET", r"/issues/(\d+)/comments", _comments),
    ("POST", r"/issues/(\d+)/comments", lambda asked: asked.tracker.add_comment(asked.issue, str(asked.given["body"]))),
    ("GET", r"/files/(\d+)", _file),
)


def _page(records: list[Record], given: Record) -> Record:
    """One page: what comes after the record that `cursor` names, `limit` of them, and never more than PAGE."""
    after, limit = int(given.get("cursor", 0)), min(int(given.get("limit", 20)), PAGE)
    rest = [one for one in records if one["id"] > after]
    following = str(rest[limit - 1]["id"]) if len(rest) > limit else None
    return {"data": rest[:limit], "meta": {"next": following, "total": len(records)}}


def _one(records: dict[int, Record], number: int) -> Record:
    if number not in records:
        raise Refused(404, "there is nothing here")
    return records[number]


def _now() -> datetime:
    return datetime.now(UTC)


def _text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def serving(port: int = 0, *, requests_per_second: int = REQUESTS_PER_SECOND) -> Iterator[Tracker]:
    """The tracker, answering on this port of the loopback; 0 picks a free one."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.tracker = Tracker(f"http://127.0.0.1:{server.server_port}", requests_per_second=requests_per_second)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.tracker
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.tracker", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT)
    with serving(parser.parse_args().port) as tracker:
        print(f"The tracker answers at {tracker.url} until Ctrl-C; its token is {TOKEN}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
