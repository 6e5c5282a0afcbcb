"""Lists of stubs: the whole record is asked for when its stub has changed, and is never lost on the way."""

import json
from collections.abc import Iterator

import pytest

from tests.support.hostile_source import in_thread
from tests.support.installation import Installation
from tests.support.ledger import DETAIL, Ledger
from tests.support.scripted_source import ScriptedSource, document


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(35)


@pytest.fixture
def api(ledger: Ledger) -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(ledger)) as served:
        yield served


def asked_for(api: ScriptedSource) -> list[int]:
    """The ids of the details asked for since the last call."""
    found = [int(path.rpartition("/")[2]) for path in api.paths if path.startswith("/whole/")]
    api.log.clear()
    return found


def stored(installation: Installation, instance: object, sequence: int | None = None) -> dict[int, object]:
    records = installation.records(instance, "items", sequence)  # type: ignore[arg-type]
    return {int(key): json.loads(raw) for key, raw in records.items()}


def test_whole_records_are_stored_and_asked_for_when_they_change(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=DETAIL))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 35), run.failures
    assert sorted(asked_for(api)) == list(range(1, 36))
    assert stored(installation, instance) == {n: ledger.whole(n) for n in ledger.records}

    run = installation.backup(instance)
    assert (run.counters["unchanged"], run.counters["packs"], asked_for(api)) == (35, 0, [])

    ledger.put(7, title="new")
    ledger.put(99)
    ledger.remove(3)
    run = installation.backup(instance)
    assert {name: run.counters[name] for name in ("new", "changed", "unchanged", "deleted")} == {
        "new": 1, "changed": 1, "unchanged": 33, "deleted": 1,
    }  # fmt: skip
    # The absent one is confirmed by its own address, since there is no other.
    assert sorted(asked_for(api)) == [3, 7, 99]
    assert stored(installation, instance) == {n: ledger.whole(n) for n in ledger.records}
    assert set(stored(installation, instance, 1)) == set(range(1, 36))


def test_a_stub_that_changes_without_its_record_is_asked_for_once(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    endpoint = DETAIL + "  volatile: [rev]\n"
    instance = installation.instance(document(api, endpoints=endpoint))
    installation.backup(instance)
    asked_for(api)
    ledger.put(7)  # another revision of the same
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"], run.counters["packs"], asked_for(api)) == ("successful", 0, 0, [7])
    installation.backup(instance)
    assert asked_for(api) == []


def test_a_forced_full_backup_asks_for_all_of_them(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=DETAIL))
    installation.backup(instance)
    asked_for(api)
    run = installation.backup(instance, full=True)
    assert (run.counters["unchanged"], len(asked_for(api))) == (35, 35)


def test_a_detail_that_fails_fails_the_run_and_is_tried_again(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    ledger.overrides["/whole/12"] = lambda asked: (500, {"error": "no"})
    instance = installation.instance(document(api, endpoints=DETAIL))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [(one["endpoint"], one["record_id"], one["code"]) for one in run.failures] == [
        ("items", "12", "source_failed")
    ]
    assert set(stored(installation, instance)) == set(ledger.records) - {12}
    asked_for(api)
    ledger.overrides.clear()
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], asked_for(api)) == ("successful", 1, [12]), run.failures


def test_while_details_fail_nothing_is_taken_for_deleted(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=DETAIL + "  stable: true\n"))
    installation.backup(instance)
    ledger.put(12, title="new")
    ledger.remove(3)
    ledger.overrides["/whole/12"] = lambda asked: (500, {})
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("failed", 0)
    assert 3 in stored(installation, instance)
    ledger.overrides.clear()
    assert installation.backup(instance).counters["deleted"] == 1


def test_a_source_that_gives_no_details_at_all_is_not_asked_for_each(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    for number in range(1, 200):
        ledger.put(number)
        ledger.overrides[f"/whole/{number}"] = lambda asked: (403, {})
    ledger.page_size = 200
    instance = installation.instance(document(api, endpoints=DETAIL))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert len(asked_for(api)) <= 64


def test_a_record_that_goes_between_list_and_detail_is_no_failure(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=DETAIL))
    installation.backup(instance)
    ledger.put(12, title="new")
    ledger.put(50)

    def vanish(asked: object) -> None:
        ledger.records.pop(12, None)
        ledger.records.pop(50, None)

    ledger.overrides["/whole/12"] = ledger.overrides["/whole/50"] = vanish  # type: ignore[assignment]
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 1), run.failures
    assert set(stored(installation, instance)) == set(range(1, 36)) - {12}


def test_details_that_are_nowhere_are_a_failure_and_no_deletion(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    """A wrong path answers 404 to everything: were that believed, a backup of nothing would be called a success."""
    instance = installation.instance(document(api, endpoints=DETAIL.replace("/whole/", "/hole/")))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert {one["code"] for one in run.failures} == {"record_listed_and_gone"}


def test_a_record_that_is_never_to_be_had_is_skipped(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    ledger.overrides["/whole/12"] = lambda asked: (403, {"error": "sealed by a court"})
    rule = "  answers: [{status: 403, contains: sealed, means: skip, because: sealed by a court}]\n"
    instance = installation.instance(document(api, endpoints=DETAIL + rule))
    run = installation.backup(instance)
    assert (run.status, run.counters["skipped"], run.counters["new"]) == ("successful", 1, 34), run.failures


def test_details_come_in_bounded_parts(
    installation: Installation, api: ScriptedSource, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.operations.backup.detailing._PART_BYTES", 100)
    monkeypatch.setattr("holdfast.operations.backup.detailing._AT_ONCE", 3)
    ledger.page_size = 20
    instance = installation.instance(document(api, endpoints=DETAIL))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], run.counters["listed"]) == ("successful", 35, 35), run.failures
    assert stored(installation, instance) == {n: ledger.whole(n) for n in ledger.records}
    assert installation.backup(instance).counters["unchanged"] == 35
