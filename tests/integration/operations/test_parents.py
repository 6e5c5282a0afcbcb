"""Endpoints of several parents, and records that stand within their parent's."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hostile_source import in_thread
from tests.support.installation import Installation
from tests.support.scripted_source import Asked, ScriptedSource, document

SEVERAL = """
- {name: issues, path: /issues, id: id, stable: true}
- {name: pulls, path: /pulls, id: id, stable: true}
- name: comments
  for_each: [issues, pulls]
  path: "/{{ parent.kind }}/{{ parent.id }}/comments"
  id: id
  stable: true
  blob: {url: "/files/{{ parent.kind }}/{{ parent.id }}/{{ record.id }}", version: id}
"""
NESTED = """
- {name: orders, path: /orders, id: id, stable: true, record: {path: "/orders/{{ record.id }}"}}
- name: lines
  within: orders
  records: lines
  id: number
  blob: {url: "/orders/{{ parent.id }}/lines/{{ record.number }}/label", version: label}
- {name: notes, within: lines, records: "[note][?@]", id: text}
"""


class Shop:
    """Whatever is in `lists`, by path; blobs are their own path."""

    def __init__(self, lists: dict[str, list[dict[str, Any]]]) -> None:
        self.lists = lists

    def __call__(self, asked: Asked) -> Any:
        found = self.lists.get(asked.path)
        return {"file": asked.path} if found is None and asked.path.count("/") > 3 else found


@pytest.fixture
def api() -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(lambda asked: None)) as served:
        yield served


def test_records_of_several_parents_do_not_get_mixed_up(installation: Installation, api: ScriptedSource) -> None:
    issues, pulls = [{"id": 7, "kind": "issues"}], [{"id": 7, "kind": "pulls"}]
    lists: dict[str, Any] = {
        "/issues": issues, "/pulls": pulls,
        "/issues/7/comments": [{"id": 1}, {"id": 2}], "/pulls/7/comments": [{"id": 1}],
    }  # fmt: skip
    api.script = Shop(lists)
    instance = installation.instance(document(api, endpoints=SEVERAL))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], run.counters["blobs"]) == ("successful", 5, 3), run.failures
    assert set(installation.records(instance, "comments")) == {"issues%7E7~1", "issues%7E7~2", "pulls%7E7~1"}
    record = installation.browser.record(installation.state(instance), "comments", "pulls%7E7~1")
    assert b"/files/pulls/7/1" in b"".join(installation.browser.blob(installation.state(instance), record).read())
    assert installation.backup(instance).counters["packs"] == 0
    issues.clear()
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 3), run.failures
    assert set(installation.records(instance, "comments")) == {"pulls%7E7~1"}


def orders() -> list[dict[str, Any]]:
    lines = [{"number": 1, "label": "a"}, {"number": 2, "label": "b", "note": {"text": "fragile"}}]
    return [{"id": "A", "lines": lines}, {"id": "B", "lines": []}, {"id": "C", "lines": None}, {"id": "D"}]


def test_nested_records_are_an_endpoint_of_their_own(installation: Installation, api: ScriptedSource) -> None:
    shop = Shop({"/orders": orders()})
    api.script = shop
    instance = installation.instance(document(api, endpoints=NESTED))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], run.counters["blobs"]) == ("successful", 7, 2), run.failures
    assert installation.records(instance, "lines")["A~1"] == b'{"number": 1, "label": "a"}'
    assert installation.records(instance, "notes") == {"A%7E2~fragile": b'{"text": "fragile"}'}
    assert sorted(api.paths) == ["/orders", "/orders/A/lines/1/label", "/orders/A/lines/2/label"]


def test_nested_records_are_looked_for_where_their_parent_has_changed(
    installation: Installation, api: ScriptedSource
) -> None:
    shop = Shop({"/orders": orders()})
    api.script = shop
    instance = installation.instance(document(api, endpoints=NESTED))
    installation.backup(instance)
    run = installation.backup(instance)
    assert (run.counters["listed"], run.counters["packs"]) == (4, 0), "only the orders were read"
    changed = orders()
    changed[0]["lines"] = [{"number": 2, "label": "b"}, {"number": 3, "label": "c"}]
    shop.lists["/orders"] = changed
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    assert set(installation.records(instance, "lines")) == {"A~2", "A~3"}
    assert installation.records(instance, "notes") == {}
    assert (run.counters["new"], run.counters["changed"], run.counters["deleted"]) == (1, 2, 2)
    shop.lists["/orders"] = changed[1:]
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 3), run.failures
    assert installation.records(instance, "lines") == {}


def test_a_nested_record_without_an_id_is_a_failure_that_names_its_parent(
    installation: Installation, api: ScriptedSource
) -> None:
    api.script = Shop({"/orders": [{"id": "A", "lines": [{"n": 1}]}, *orders()[1:]]})
    instance = installation.instance(document(api, endpoints=NESTED))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [(one["endpoint"], one["parent"]) for one in run.failures] == [("lines", "A")]
    assert "endpoint lines of A: record 1: the id is null" in run.failures[0]["message"]


GRANDCHILDREN = """
- {name: channels, path: /channels, id: id, stable: true}
- {name: messages, for_each: channels, path: "/channels/{{ parent.id }}", id: ts, stable: true}
- name: answers
  for_each: messages
  path: "/channels/{{ grandparent.id }}/{{ parent.ts }}"
  id: ts
  stable: true
  blob: {url: "/channels/{{ grandparent.id }}/{{ parent.ts }}/{{ record.ts }}/file", version: ts}
"""


def test_a_record_may_be_asked_for_with_its_parents_parent(installation: Installation, api: ScriptedSource) -> None:
    api.script = Shop(
        {
            "/channels": [{"id": "A"}, {"id": "B"}],
            "/channels/A": [{"ts": "1"}],
            "/channels/B": [{"ts": "1"}, {"ts": "2"}],
            "/channels/A/1": [{"ts": "5"}],
            "/channels/B/1": [],
            "/channels/B/2": [{"ts": "6"}],
        }
    )
    instance = installation.instance(document(api, endpoints=GRANDCHILDREN))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], run.counters["blobs"]) == ("successful", 7, 2), run.failures
    assert set(installation.records(instance, "answers")) == {"A%7E1~5", "B%7E2~6"}
    assert installation.backup(instance).counters["packs"] == 0


THREADS = """
- {name: messages, path: /messages, id: id, stable: true}
- name: replies
  for_each: messages
  where: replies
  only_changed: true
  path: "/messages/{{ parent.id }}/replies"
  id: id
  stable: true
"""


def test_parents_without_anything_and_unchanged_ones_are_not_asked(
    installation: Installation, api: ScriptedSource
) -> None:
    shop = Shop(
        {
            "/messages": [{"id": 1, "replies": 1}, {"id": 2, "replies": 0}, {"id": 3}],
            "/messages/1/replies": [{"id": "a"}],
        }
    )
    api.script = shop
    instance = installation.instance(document(api, endpoints=THREADS))
    for _ in range(2):
        run = installation.backup(instance)
        assert run.status == "successful", run.failures
    assert api.paths == ["/messages", "/messages/1/replies", "/messages"]
    shop.lists["/messages"] = [{"id": 1, "replies": 2}, {"id": 2, "replies": 1}, {"id": 3}]
    shop.lists["/messages/1/replies"] += [{"id": "b"}]
    shop.lists["/messages/2/replies"] = [{"id": "c"}]
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 2), run.failures
    assert set(installation.records(instance, "replies")) == {"1~a", "1~b", "2~c"}
    shop.lists["/messages"][0]["replies"] = 0
    shop.lists["/messages/1/replies"].clear()
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 2), run.failures
    assert set(installation.records(instance, "replies")) == {"2~c"}
