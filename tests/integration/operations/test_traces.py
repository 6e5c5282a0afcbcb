"""Runs as traces, received over HTTP and decoded: their spans, what these say, and what they never say."""

import json
import logging
import threading
import time

import pytest

from holdfast import tracing
from holdfast.cli import logs
from holdfast.engine import Interrupted
from holdfast.operations import exports, restore
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.restore import RestoreOptions
from holdfast.operations.restore.run import run_restore
from tests.support.documents import CHILDREN, ITEMS, PARENTS, document
from tests.support.hostile_source import HostileSource, StoredBlob, make_record
from tests.support.installation import Installation
from tests.support.traces import Told, traced
from tests.support.writable_source import DOCUMENT, writable

BLOB = '\nblob: {url: "{{ record.file }}", version: [title]}\n'
SECRET = "s3cr3t-t0ken"


def filled(source: HostileSource) -> None:
    for number in range(1, 26):
        more = {"file": f"{source.url}/blob/b{number}"} if number <= 2 else {}
        source.put("items", make_record(number, **more))
    for number in (1, 2):
        source.blobs[f"b{number}"] = StoredBlob(b"x" * 1_000)
        source.put("parents", make_record(number))
        source.put(f"parents/{number}/children", make_record(10 + number))


def above(spans: list[Told], span: Told) -> list[str]:
    """The names of the spans around this one, from the outermost."""
    by_id = {one.span_id: one for one in spans}
    names: list[str] = []
    while span.parent_id:
        span = by_id[span.parent_id]
        names.insert(0, span.name)
    return names


def test_a_backup_is_one_trace_from_the_run_to_its_requests_packs_and_blobs(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(source)
    instance = installation.instance(document(source.url, ITEMS + BLOB, PARENTS, CHILDREN))
    with traced(monkeypatch) as traces:
        run = installation.backup(instance)
    assert run.status == "successful", run.failures
    spans = traces.spans()
    assert {one.trace_id for one in spans} == {spans[0].trace_id}
    (root,) = [one for one in spans if not one.parent_id]
    assert (root.name, root.error, root.attributes["holdfast.status"]) == ("backup", None, "successful")
    ids = {
        "holdfast.run": run.id, "holdfast.instance": instance.id, "holdfast.customer": instance.customer_id,
        "holdfast.definition": instance.definition_id,
    }  # fmt: skip
    assert all(ids.items() <= one.attributes.items() for one in spans)
    assert {(one.name, *above(spans, one)) for one in spans} == {
        ("backup",),
        ("endpoint", "backup"),
        ("list", "backup", "endpoint"),
        ("request", "backup", "endpoint", "list"),
        ("blobs", "backup"),
        ("blob", "backup", "blobs"),
        ("request", "backup", "blobs", "blob"),
        ("batch", "backup"),
        ("put pack", "backup", "batch"),
        ("commit", "backup", "batch"),
        ("put pack", "backup"),  # of blobs
        ("commit", "backup"),
        ("count", "backup"),
        ("put manifest", "backup"),
    }
    requests = traces.named("request")
    assert len(requests) == sum(source.requests.values())
    assert {(one.attributes["http.request.method"], one.attributes["http.response.status_code"]) for one in requests} \
        == {("GET", 200)}  # fmt: skip
    assert {one.attributes["holdfast.endpoint"] for one in traces.named("endpoint")} == {"items", "parents", "children"}
    assert {one.attributes["holdfast.parent"] for one in traces.named("list")} == {"", "1", "2"}
    assert {one.attributes["holdfast.record"] for one in traces.named("blob")} == {"1", "2"}
    assert root.resource["service.name"] == "holdfast" and "process.pid" in root.resource


def test_no_secret_and_no_address_leaves_by_a_trace(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(source)
    source.switches.fail_page = 2
    with_secret = '  headers: {X-Key: "{{ token }}"}\n  auth: {type: api_key, key: "{{ token }}", query: key}\n'
    written = document(source.url, ITEMS).replace("  limits:", with_secret + "  limits:")
    instance = installation.instance(written, token=SECRET)
    with traced(monkeypatch) as traces:
        run = installation.backup(instance)
    assert run.status == "failed" and any(SECRET in asked for asked in source.requests)
    assert traces.named("backup")[0].error == run.failures[0]["code"] == "source_failed"
    assert {one.attributes["http.response.status_code"] for one in traces.named("request")} == {200, 500}
    assert SECRET.encode() not in traces.raw
    assert b"/cursor/" not in traces.raw and b"?" not in b"".join(one.name.encode() for one in traces.spans())


def test_a_run_that_changes_hands_stays_one_trace(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(source)
    instance = installation.instance(document(source.url, ITEMS))
    run, _ = request_backup(installation.services, instance.id, BackupOptions())
    with traced(monkeypatch) as traces:
        installation.services.engine.stopping.set()
        with pytest.raises(Interrupted):
            run_backup(installation.services, run.id)
        installation.services.engine.stopping.clear()
        run_backup(installation.services, run.id)
    roots = traces.named("backup")
    assert len(roots) == 2 and len({one.trace_id for one in roots}) == 1
    assert [one.attributes.get("holdfast.ended_by") for one in roots] == ["Interrupted", None]
    assert [one.attributes.get("holdfast.status") for one in roots] == [None, "successful"]
    with traced(monkeypatch) as traces:
        installation.backup(instance)
    assert traces.named("backup")[0].trace_id != roots[0].trace_id


def test_exports_and_restores_are_traces_too(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    with writable() as boards:
        owner = boards.put("one/people", name="somebody", born="1990-01-01")
        boards.put("one/boards", title="a board", owner=owner)
        instance = installation.instance(DOCUMENT.format(url=boards.url))
        installation.backup(instance)
        boards.wipe("one/boards")
        export = exports.request_export(installation.services, instance, exports.ExportRequest(send_confirmation=False))
        made = restore.request_restore(
            installation.services, instance, installation.state(instance), instance, RestoreOptions()
        )  # fmt: skip
        with traced(monkeypatch) as traces:
            exports.run_export(installation.services, export.id)
            run_restore(installation.services, made.id)
    (of_export,) = traces.named("export")
    (of_restore,) = traces.named("restore")
    assert of_export.trace_id != of_restore.trace_id
    assert (of_export.attributes["holdfast.export"], of_restore.attributes["holdfast.restore"]) == (export.id, made.id)
    for root in (of_export, of_restore):
        assert root.attributes["holdfast.status"] == "successful"
        assert root.attributes["holdfast.customer"] == instance.customer_id
    by_trace = {root.trace_id: {one.name for one in traces.spans() if one.trace_id == root.trace_id}
                for root in (of_export, of_restore)}  # fmt: skip
    assert by_trace[of_export.trace_id] >= {"export", "write json", "write csv", "write blobs", "put segment"}
    assert by_trace[of_restore.trace_id] >= {"restore", "decide", "write", "request"}


def test_log_lines_have_the_ids_and_say_where_the_trace_is(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def lines() -> list[dict[str, object]]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    root_log = logging.getLogger()
    before, level = list(root_log.handlers), root_log.level
    root_log.handlers = []
    logs.service("warning", "json")
    try:
        with tracing.run("backup", run=1, instance=2):
            logging.getLogger("holdfast.x").warning("untraced")
        with traced(monkeypatch) as traces, tracing.run("backup", run=1, instance=2):
            with tracing.span("list"):
                logging.getLogger("holdfast.x").warning("traced")
            take = tracing.taken_along()

            def work() -> None:
                take()
                logging.getLogger("holdfast.x").warning("elsewhere")

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        logging.getLogger("holdfast.x").warning("outside")
    finally:
        root_log.handlers, root_log.level = before, level
    untraced, inside, elsewhere, outside = lines()
    assert (untraced["run"], untraced["instance"], untraced.get("trace_id")) == (1, 2, None)
    (told,), (root,) = traces.named("list"), traces.named("backup")
    assert (inside["run"], inside["trace_id"], inside["span_id"]) == (1, told.trace_id, told.span_id)
    assert (elsewhere["run"], elsewhere["trace_id"], elsewhere["span_id"]) == (1, root.trace_id, root.span_id)
    assert "run" not in outside and "trace_id" not in outside


def test_a_receiver_that_refuses_or_is_not_there_disturbs_no_backup(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(source)
    instance = installation.instance(document(source.url, ITEMS))
    with traced(monkeypatch) as traces:
        traces.receiver.status = 400
        assert installation.backup(instance).status == "successful"
    assert traces.receiver.received
    begun = time.monotonic()
    with tracing.exported():  # the same address, where nobody listens any more
        assert installation.backup(instance).status == "successful"
    assert time.monotonic() - begun < 30


def test_without_a_receiver_nothing_of_it_is_loaded_or_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, wanted in (
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, False),
    ):
        with monkeypatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            assert tracing.is_wanted() is wanted, given
    with tracing.exported():
        assert tracing.span("list") is tracing.span("request", current=False, method="GET") is tracing.current()
