"""Half characters, NUL and control characters, wherever a source may put them: a backup ends, and says what is wrong
with which record; nothing else is left out for it. Servers that cut a text after so many bytes send such things daily.
"""

import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp import web

from holdfast.errors import InputError, plain
from holdfast.operations import definitions
from holdfast.operations.compare import compare
from holdfast.operations.export import write_export
from holdfast.operations.feed.cursors import START
from holdfast.operations.feed.reading import read_feed
from holdfast.operations.search import Query, search
from tests.support.hostile_source import in_thread
from tests.support.installation import Installation, installed
from tests.support.scripted_source import Asked, ScriptedSource, document

_FILES = """
- name: items
  path: /items
  records: items
  id: id
  stable: true
  blob: {url: "{{ record.url }}", version: title, name: title, content_type: kind}
"""
_HALF = r"half a smile: \ud83d"


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    is_postgresql = getattr(request, "param", "sqlite") == "postgresql"
    more = {"database_url": request.getfixturevalue("postgresql").create()} if is_postgresql else {}
    with installed(tmp_path / "home", **more) as made:
        yield made


on_both_databases = pytest.mark.parametrize("installation", ["sqlite", "postgresql"], indirect=True)
"""PostgreSQL keeps no NUL, and neither keeps half a character."""


@pytest.fixture
def api() -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(lambda asked: None)) as served:
        yield served


def _json(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json")


@on_both_databases
@pytest.mark.parametrize("said", [_HALF, r"a\u0000b", r"\u001b[2J\nfake line"])
def test_a_backup_ends_whatever_the_source_says_in_its_errors(
    installation: Installation, api: ScriptedSource, said: str
) -> None:
    api.script = lambda asked: _json(f'{{"ok": false, "error": "{said}"}}')
    answers = "answers: [{body: {ok: false}, means: failed, message: error}]"
    instance = installation.instance(document(api, answers))
    run = installation.backup(instance)
    assert run.status == "failed"
    [failure] = run.failures
    assert plain(failure["message"]) == failure["message"]
    assert "\n" not in failure["message"]
    assert installation.backup(instance).status == "failed"  # the first one has ended


@on_both_databases
def test_a_blob_may_be_called_anything(installation: Installation, api: ScriptedSource) -> None:
    def script(asked: Asked) -> Any:
        if asked.path.startswith("/files/"):
            return web.Response(body=b"content")
        records = [
            f'{{"id": 1, "url": "/files/1", "title": "{_HALF}", "kind": "{_HALF}"}}',
            r'{"id": 2, "url": "/files/2", "title": "a\u0000b"}',
        ]
        return _json(f'{{"items": [{",".join(records)}]}}')

    api.script = script
    instance = installation.instance(document(api, endpoints=_FILES))
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"]) == ("successful", 2), run.failures
    state = installation.state(instance)
    names = []
    for key in ("1", "2"):
        blob = installation.browser.blob(state, installation.browser.record(state, "items", key))
        assert b"".join(blob.read()) == b"content"
        names.append(blob.descriptor.name)
    assert names == [r"half a smile: \ud83d", r"a\u0000b"]
    assert installation.backup(instance).counters["blobs"] == 0


@pytest.mark.parametrize("url", ["http://[::1", "http://a..b/"])
def test_a_blob_without_a_usable_address_is_that_records_trouble_only(
    installation: Installation, api: ScriptedSource, url: str
) -> None:
    def script(asked: Asked) -> Any:
        if asked.path.startswith("/files/"):
            return web.Response(body=b"content")
        return {"items": [{"id": 1, "url": url, "title": "a"}, {"id": 2, "url": "/files/2", "title": "b"}]}

    api.script = script
    run = installation.backup(installation.instance(document(api, endpoints=_FILES)))
    assert (run.status, run.counters["blobs"], run.counters["live"]) == ("failed", 1, 2)
    assert [failure["record_id"] for failure in run.failures] == ["1"]


def test_a_record_whose_blob_has_no_path_is_stored_all_the_same(
    installation: Installation, api: ScriptedSource
) -> None:
    def script(asked: Asked) -> Any:
        if asked.path.startswith("/files/"):
            return web.Response(body=b"content")
        return {"items": [{"id": ".."}, {"id": "2"}]}

    api.script = script
    blob = 'blob: {url: "/files/{{ record.id }}", version: id}'
    items = "- {name: items, path: /items, records: items, id: id, stable: true, " + blob + "}"
    instance = installation.instance(document(api, endpoints=items))
    for _ in range(2):
        run = installation.backup(instance)
        assert (run.status, run.counters["live"]) == ("failed", 2)
        assert [(failure["record_id"], failure["code"]) for failure in run.failures] == [("..", "definition_invalid")]
    assert list(installation.records(instance, "items")) == ["..", "2"]


def test_a_parent_that_has_no_address_leaves_the_others_theirs(installation: Installation, api: ScriptedSource) -> None:
    endpoints = """
    - {name: folders, path: /folders, id: id, stable: true}
    - {name: files, path: "/folders/{{ parent.name }}/files", for_each: folders, id: id, stable: true}
    """
    folders = [{"id": 1, "name": ".."}, {"id": 2, "name": None}, {"id": 3, "name": "papers"}]
    api.script = lambda asked: folders if asked.path == "/folders" else [{"id": 7}]
    instance = installation.instance(document(api, endpoints=endpoints))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [failure["code"] for failure in run.failures] == ["definition_invalid"] * 2
    assert list(installation.records(instance, "files")) == ["3~7"]


@pytest.mark.parametrize("position", [r"\ud83d", r"\u0000"])
def test_a_position_that_cannot_be_sent_ends_the_list(
    installation: Installation, api: ScriptedSource, position: str
) -> None:
    api.script = lambda asked: _json(f'{{"items": [{{"id": 1}}], "next": "{position}"}}')
    paging = "- {name: items, path: /items, records: items, id: id, paging: {type: cursor, body: next, query: after}}"
    run = installation.backup(installation.instance(document(api, endpoints=paging)))
    assert [failure["code"] for failure in run.failures] == ["page_unreadable"]


class _Latin(BaseHTTPRequestHandler):
    """An older server: its headers are Latin-1."""

    def do_GET(self) -> None:
        is_file = self.path.startswith("/file")
        records = [{"id": 1, "url": "/file", "title": None}]
        body = b"content" if is_file else json.dumps({"items": records}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain; title=\xdcbersicht" if is_file else "application/json")
        if is_file:
            self.send_header("Content-Disposition", 'attachment; filename="\xdcbersicht.txt"')
            self.send_header("ETag", '"\xdc1"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_headers_in_latin_1_are_read(installation: Installation, api: ScriptedSource) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Latin)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        blob = 'blob: {url: "{{ record.url }}", recheck: 1d}'
        items = "- {name: items, path: /items, records: items, id: id, stable: true, " + blob + "}"
        instance = installation.instance(document(api, endpoints=items))
        run = installation.backup(instance)
        assert (run.status, run.counters["blobs"]) == ("successful", 1), run.failures
        state = installation.state(instance)
        found = installation.browser.blob(state, installation.browser.record(state, "items", "1")).descriptor
        assert (found.name, found.content_type) == ("\xdcbersicht.txt", "text/plain; title=\xdcbersicht")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_definition_has_no_half_characters(installation: Installation, api: ScriptedSource) -> None:
    text = document(api, endpoints='- {name: items, path: /items, id: id, description: "x\\uD83D"}')
    with pytest.raises(InputError, match="may not stand in a text"):
        definitions.create(installation.services, installation.customer.vendor_id, text)


@on_both_databases
def test_fields_may_be_called_anything(installation: Installation, api: ScriptedSource) -> None:
    names = [_HALF, r"a\u0000b", r"\u001b", ""]
    members = ", ".join(f'"{name}": {{"{name}": "{name}"}}' for name in names)
    api.script = lambda asked: _json(f'{{"items": [{{"id": 1, {members}}}]}}')
    instance = installation.instance(document(api))
    assert installation.backup(instance).status == "successful"
    page = read_feed(installation.services, instance, START, limit=10)
    assert [event.key for event in page.events if event.kind == "created"] == ["1"]
    first = installation.state(instance)
    api.script = lambda asked: _json(f'{{"items": [{{"id": 1, {members}, "more": "{_HALF}"}}]}}')
    installation.backup(instance)
    [changed] = compare(installation.services, first, installation.state(instance))
    fields = changed.fields()
    assert fields is not None and [one.path for one in fields] == ["more"]
    found = search(installation.services, installation.state(instance), Query.parse("smile", []))
    assert [hit.key for step in found for hit in step.hits] == ["1"]
    archive = io.BytesIO()
    assert not write_export(installation.browser, installation.state(instance), archive, formats=["csv"]).failures
