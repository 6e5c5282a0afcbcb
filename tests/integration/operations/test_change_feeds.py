"""Feeds of changes and sync tokens: read instead of the list, never trusted beyond what they tell."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalog import scopes, streams
from holdfast.catalog.instances import Instance
from holdfast.clock import now
from tests.integration.operations.test_details import asked_for, stored
from tests.support.hostile_source import in_thread
from tests.support.installation import Installation
from tests.support.ledger import FEED, Ledger
from tests.support.scripted_source import Asked, ScriptedSource, document

TOKEN = """
- name: items
  path: /items
  records: items
  id: id
  stable: true
  paging: {type: cursor, query: page, body: next}
  incremental: {token: sync, query: {since: "{{ cursor }}"}, expired_on: 410}
  tombstones: {field: gone}
"""
NAMED = """
- name: items
  path: /all
  records: items
  id: id
  stable: true
  paging: {type: cursor, query: page, body: next}
  record: {path: "/whole/{{ record.id }}"}
  changes:
    start: {path: /feed/now, token: at}
    path: /events
    query: {since: "{{ cursor }}"}
    records: events
    id: "[id, redacts]"
    record: item
    next: at
"""


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(35)


@pytest.fixture
def api(ledger: Ledger) -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(ledger)) as served:
        yield served


def age_full_listing(installation: Installation, instance: Instance, by: timedelta) -> None:
    """As if the last full listing had been so long ago."""
    with installation.services.database.write() as connection:
        (stream,) = streams.of_instance(connection, instance.id)
        (scope,) = scopes.of_stream(connection, stream.id)
        scopes.complete(
            connection, scope.id, scope.run_id or 0, scope.last_complete_run or 0, state="complete",
            cursor=scope.cursor, fingerprint=scope.fingerprint, full_at=now() - by,
        )  # fmt: skip


def all_of(ledger: Ledger) -> dict[int, Any]:
    return {number: ledger.whole(number) for number in ledger.records}


def test_changes_are_read_instead_of_the_list(installation: Installation, api: ScriptedSource, ledger: Ledger) -> None:
    instance = installation.instance(document(api, endpoints=FEED))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 35), run.failures
    assert api.paths[:2] == ["/feed/now", "/list"]
    asked_for(api)

    ledger.put(7, title="new")
    ledger.put(99)
    ledger.remove(3)
    ledger.put(50)
    ledger.remove(50)
    run = installation.backup(instance)
    assert {name: run.counters[name] for name in ("new", "changed", "deleted")} == {
        "new": 1, "changed": 1, "deleted": 1,
    }, run.failures  # fmt: skip
    assert "/list" not in api.paths
    assert sorted(asked_for(api)) == [7, 99]
    assert stored(installation, instance) == all_of(ledger)
    run = installation.backup(instance)
    assert (run.counters["packs"], api.paths) == (0, ["/feed"])


def test_what_changes_while_everything_is_listed_comes_with_the_next_run(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    edited: list[int] = []

    def edit(asked: Asked) -> None:
        if not edited:
            edited.append(1)
            ledger.put(1, title="behind the reader's back")

    ledger.overrides["/list"] = lambda asked: edit(asked) if asked.query.get("page") == "20" else None
    instance = installation.instance(document(api, endpoints=FEED))
    installation.backup(instance)
    assert stored(installation, instance) != all_of(ledger)
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"]) == ("successful", 1), run.failures
    assert stored(installation, instance) == all_of(ledger)


@pytest.mark.parametrize("why", ["gap", "expired"])
def test_a_feed_with_a_gap_makes_the_run_list_and_ask_for_everything(
    installation: Installation, api: ScriptedSource, ledger: Ledger, why: str
) -> None:
    instance = installation.instance(document(api, endpoints=FEED))
    installation.backup(instance)
    ledger.put(7, title="new")
    ledger.remove(3)
    ledger.log.clear()  # neither shows in a stub: the version there is the id
    asked_for(api)
    answer = {"entries": [], "at": ledger.rev, "gap": True} if why == "gap" else (410, {})
    ledger.overrides["/feed"] = lambda asked: answer
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"], run.counters["deleted"]) == ("successful", 1, 1), run.failures
    assert len(asked_for(api)) == 34
    assert stored(installation, instance) == all_of(ledger)
    ledger.overrides.clear()
    ledger.put(8, title="new")
    run = installation.backup(instance)
    assert (run.counters["changed"], api.paths) == (1, ["/feed", "/whole/8"]), "there is a cursor again"


def test_a_full_listing_that_is_due_misses_no_change_that_its_stubs_hide(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=FEED))
    installation.backup(instance)
    age_full_listing(installation, instance, timedelta(days=8))
    ledger.put(7, title="new")
    del ledger.records[3]  # the feed does not tell
    asked_for(api)
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"], run.counters["deleted"]) == ("successful", 1, 1), run.failures
    assert asked_for(api) == [7]
    assert stored(installation, instance) == all_of(ledger)
    installation.backup(instance)
    assert api.paths == ["/feed"]


def test_a_failing_feed_leaves_the_cursor_where_it_was(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=FEED))
    installation.backup(instance)
    ledger.put(7, title="new")
    ledger.put(8, title="new")
    ledger.overrides["/whole/8"] = lambda asked: (500, {})
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"]) == ("failed", 1)
    ledger.overrides.clear()
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    assert stored(installation, instance) == all_of(ledger)


def test_an_event_may_change_an_older_record_in_place(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=NAMED))
    installation.backup(instance)
    ledger.put(7, title="redacted")
    ledger.put(99, kind="redaction")
    event = {"id": 99, "redacts": 7, "item": ledger.whole(99)}
    ledger.overrides["/events"] = lambda asked: {"events": [event], "at": ledger.rev}
    asked_for(api)
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], run.counters["changed"]) == ("successful", 1, 1), run.failures
    assert asked_for(api) == [7]
    assert stored(installation, instance) == all_of(ledger)


def test_a_sync_token_is_sent_back_as_it_came(installation: Installation, api: ScriptedSource) -> None:
    records = {n: {"id": n} for n in range(1, 6)}
    tokens = iter(["zz", "aa", "mm"])

    def script(asked: Asked) -> Any:
        if "since" not in asked.query:
            return {"items": list(records.values()), "sync": next(tokens)}
        return {"items": [{"id": 6}, {"id": 2, "gone": True}], "sync": next(tokens)}

    api.script = script
    instance = installation.instance(document(api, endpoints=TOKEN))
    assert installation.backup(instance).status == "successful"
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], run.counters["deleted"]) == ("successful", 1, 1), run.failures
    installation.backup(instance)
    # Tokens have no order: the last one counts, though it is not the greatest.
    assert [asked.query.get("since") for asked in api.log] == [None, "zz", "aa"]
