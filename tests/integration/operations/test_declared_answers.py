"""What a backup makes of answers that mean something else than their status says."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hostile_source import in_thread
from tests.support.installation import Installation
from tests.support.scripted_source import Asked, ScriptedSource, document

CHILDREN = """
- {name: parents, path: /parents, id: id, stable: true}
- name: items
  for_each: parents
  path: "/parents/{{ parent.id }}/items"
  id: id
  stable: true
  answers: [{status: 403, contains: archived, means: skip, because: archived teams cannot be read}]
"""
DELTA = """
- name: items
  path: /items
  records: items
  id: id
  stable: true
  incremental: {field: at, query: {since: "{{ cursor }}"}}
  answers: [{status: 410, means: expired}]
"""
FILES = """
- name: items
  path: /items
  id: id
  stable: true
  blob: {url: "/files/{{ record.id }}", version: id}
  answers: [{status: 403, contains: infected, means: skip, because: the source withholds infected files}]
"""


@pytest.fixture
def api() -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(lambda asked: None)) as served:
        yield served


def test_a_list_that_is_never_to_be_had_is_skipped(installation: Installation, api: ScriptedSource) -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/parents":
            return [{"id": 1}, {"id": 2}]
        return (403, {"error": "this team is archived"}) if asked.path == "/parents/2/items" else [{"id": 7}]

    api.script = script
    instance = installation.instance(document(api, endpoints=CHILDREN))
    run = installation.backup(instance)
    assert (run.status, run.counters["absent"]) == ("successful", 1), run.failures
    assert set(installation.records(instance, "items")) == {"1~7"}


def test_a_cursor_that_is_too_old_makes_the_listing_full(installation: Installation, api: ScriptedSource) -> None:
    records = [{"id": n, "at": f"2026-01-01T00:00:0{n}Z"} for n in range(5)]
    api.script = lambda asked: {"items": records}
    instance = installation.instance(document(api, endpoints=DELTA))
    assert installation.backup(instance).status == "successful"
    del records[2]
    api.script = lambda asked: (410, {}) if "since" in asked.query else {"items": records}
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 1), run.failures
    assert len(installation.records(instance, "items")) == 4
    api.script = lambda asked: {"items": []} if "since" in asked.query else None
    assert installation.backup(instance).status == "successful", "there is a cursor again"


def test_a_blob_that_is_never_to_be_had_is_skipped(installation: Installation, api: ScriptedSource) -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/items":
            return [{"id": 1}, {"id": 2}]
        return (403, {"error": "infected"}) if asked.path == "/files/2" else {"content": "fine"}

    api.script = script
    instance = installation.instance(document(api, endpoints=FILES))
    run = installation.backup(instance)
    assert (run.status, run.counters["absent"], run.counters["blobs"]) == ("successful", 1, 1), run.failures


def test_a_skip_does_not_spoil_the_confirmation_of_deletions(installation: Installation, api: ScriptedSource) -> None:
    """Its list moves, so what is no longer there is asked for by its id; the rule was meant for missing files."""
    live = [1, 2, 3, 4]

    def script(asked: Asked) -> Any:
        if asked.path == "/items":
            return (
                {"items": [{"id": live[-1]}]} if asked.query else {"items": [{"id": n} for n in live[:-1]], "next": "b"}
            )
        return {"id": int(asked.path.rpartition("/")[2])} if asked.path == "/items/2" else (404, {})

    api.script = script
    endpoints = """
- name: items
  path: /items
  id: id
  records: items
  paging: {type: cursor, query: after, body: next}
  record: {path: "/items/{{ record.id }}"}
  blob: {url: "/files/{{ record.id }}", version: id}
  answers: [{status: 404, means: skip, because: no file was made}]
"""
    instance = installation.instance(document(api, endpoints=endpoints))
    assert installation.backup(instance).status == "successful"
    del live[1:3]
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 1), run.failures
    assert set(installation.records(instance, "items")) == {"1", "2", "4"}, "2 answers where it always was"
    assert "/items/3" in api.paths
