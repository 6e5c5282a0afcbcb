"""The cursor of a list that changes while it is read, or that has a record from the future."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from holdfast.clock import format_time, now
from tests.support.hostile_source import in_thread
from tests.support.installation import Installation
from tests.support.scripted_source import Asked, ScriptedSource, document

ENDPOINT = """
- name: items
  path: /items
  records: items
  id: id
  stable: true
  paging: {type: cursor, query: page, body: next}
  incremental: {field: at, query: {since: "{{ cursor }}"}}
"""


class Unsorted:
    """Thirty records, in the order of their ids, ten a page."""

    def __init__(self, spelled: Any = format_time) -> None:
        self.spelled = spelled
        self.records = {
            number: {"id": number, "at": spelled(datetime.fromisoformat("2026-01-01T00:00:00Z"))}
            for number in range(30)
        }
        self.meanwhile: Any = None

    def change(self, number: int, **fields: Any) -> None:
        self.records[number] = {"id": number, "at": self.spelled(now()), **fields}

    def __call__(self, asked: Asked) -> Any:
        start = int(asked.query.get("page", 0))
        if start == 10 and self.meanwhile is not None:
            self.meanwhile, meanwhile = None, self.meanwhile
            meanwhile()
        since = asked.query.get("since", "")
        records = [one for one in self.records.values() if str(one["at"]) >= since]
        following = {"next": start + 10} if start + 10 < len(records) else {}
        return {"items": records[start : start + 10], **following}


@pytest.fixture(params=[format_time, lambda moment: int(moment.timestamp() * 1000)], ids=["iso", "unix"])
def unsorted(request: pytest.FixtureRequest) -> Unsorted:
    return Unsorted(request.param)


@pytest.fixture
def api(unsorted: Unsorted) -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(unsorted)) as served:
        yield served


def assert_equal(installation: Installation, instance: Any, unsorted: Unsorted) -> None:
    stored = installation.records(instance, "items")
    assert {int(key): json.loads(raw) for key, raw in stored.items()} == unsorted.records


def test_what_changed_behind_the_readers_back_comes_with_the_next_delta(
    installation: Installation, api: ScriptedSource, unsorted: Unsorted
) -> None:
    def meanwhile() -> None:
        unsorted.change(1, title="read already")
        unsorted.change(29, title="to be read, with a later time")

    unsorted.meanwhile = meanwhile
    instance = installation.instance(document(api, endpoints=ENDPOINT))
    assert installation.backup(instance).status == "successful"
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"]) == ("successful", 1), run.failures
    assert "since" in api.log[-1].query
    assert_equal(installation, instance, unsorted)


def test_a_record_from_the_future_hides_nothing(
    installation: Installation, api: ScriptedSource, unsorted: Unsorted
) -> None:
    days = 300 if unsorted.spelled is not format_time else 30_000
    ahead = datetime.fromtimestamp(now().timestamp() + days * 86_400, tz=now().tzinfo)
    unsorted.records[7]["at"] = unsorted.spelled(ahead)
    instance = installation.instance(document(api, endpoints=ENDPOINT))
    assert installation.backup(instance).status == "successful"
    for _ in range(2):
        unsorted.change(12, title="changed")
        run = installation.backup(instance)
        assert (run.status, run.counters["changed"]) == ("successful", 1), run.failures
        assert "since" in api.log[-1].query
        assert_equal(installation, instance, unsorted)
