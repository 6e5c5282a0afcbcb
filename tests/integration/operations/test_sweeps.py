"""Deletions that no delta shows: by a sweep of ids, by a list of deletions, by the source's own count."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.operations.test_change_feeds import all_of
from tests.integration.operations.test_details import asked_for, stored
from tests.support.hostile_source import in_thread
from tests.support.installation import Installation
from tests.support.ledger import ASKED, COUNTED, DELETIONS, SWEPT, Ledger
from tests.support.scripted_source import Asked, ScriptedSource, document

BY_PATH = "  count: {path: /count, select: total}\n"
BY_PAGE = "  count: {select: total}\n"
DELTA = '  incremental: {field: rev, query: {since: "{{ cursor }}"}, full_every: 30d}\n'


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(35)


@pytest.fixture
def api(ledger: Ledger) -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(ledger)) as served:
        yield served


@pytest.mark.parametrize("endpoint", [SWEPT, SWEPT + ASKED])
def test_a_sweep_finds_what_was_deleted(
    installation: Installation, api: ScriptedSource, ledger: Ledger, endpoint: str
) -> None:
    instance = installation.instance(document(api, endpoints=endpoint))
    assert installation.backup(instance).status == "successful"
    assert "/ids" not in api.paths, "everything was listed"
    asked_for(api)
    ledger.remove(3)
    ledger.put(40)
    run = installation.backup(instance)
    assert (run.status, run.counters["new"], run.counters["deleted"]) == ("successful", 1, 1), run.failures
    assert asked_for(api) == ([3] if endpoint == SWEPT + ASKED else [])
    assert stored(installation, instance) == all_of(ledger)


def test_a_sweep_finds_what_no_delta_has_shown(installation: Installation, api: ScriptedSource, ledger: Ledger) -> None:
    instance = installation.instance(document(api, endpoints=SWEPT + ASKED))
    installation.backup(instance)
    ledger.records[77] = {"id": 77, "rev": 1}  # an import with an old revision
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 1), run.failures
    assert stored(installation, instance) == all_of(ledger)


def test_without_an_address_it_makes_the_run_list_everything(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=SWEPT))
    installation.backup(instance)
    ledger.records[77] = {"id": 77, "rev": 1}
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 1), run.failures
    assert stored(installation, instance) == all_of(ledger)


def test_a_sweep_that_has_lost_its_mind_deletes_nothing(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    for number in range(36, 400):
        ledger.put(number)
    ledger.page_size = 500
    instance = installation.instance(document(api, endpoints=SWEPT))
    installation.backup(instance)
    for answer in ({"ids": []}, {"ids": [{"id": n} for n in range(1, 200)]}):
        ledger.overrides["/ids"] = lambda asked, answer=answer: answer  # type: ignore[misc]
        run = installation.backup(instance)
        assert run.status == "failed"
        assert [one["code"] for one in run.failures] == ["deletions_held"]
        assert len(stored(installation, instance)) == 399
    ledger.overrides["/ids"] = lambda asked: (500, {})
    run = installation.backup(instance)
    assert (run.status, [one["code"] for one in run.failures]) == ("failed", ["source_failed"])
    ledger.overrides.clear()
    assert installation.backup(instance).status == "successful"


def test_a_list_of_ids_that_shifts_between_its_pages_is_read_twice(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=SWEPT))
    installation.backup(instance)
    ids = [{"id": n} for n in ledger.records]
    shifts = iter([[one for one in ids if one["id"] != 12]])  # once one slips through

    def shifting(asked: Asked) -> Any:
        if "page" in asked.query:
            return {"ids": []}
        return {"ids": next(shifts, ids), "next": "2"}

    ledger.overrides["/ids"] = shifting
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 0), run.failures


def test_a_list_of_deletions_is_believed_once(installation: Installation, api: ScriptedSource, ledger: Ledger) -> None:
    ledger.remove(1)
    instance = installation.instance(document(api, endpoints=DELETIONS))
    assert installation.backup(instance).status == "successful"
    ledger.remove(3)
    ledger.remove(4)
    ledger.put(4, title="made anew")
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    assert stored(installation, instance) == all_of(ledger)
    assert [asked.query for asked in api.log if asked.path == "/deleted"] == [{}, {"since": "36"}]
    # The newest deletion is told again in every run, and what was made anew since then must stay.
    ledger.put(3, title="made anew")
    for _ in range(3):
        run = installation.backup(instance)
        assert (run.status, run.counters["deleted"]) == ("successful", 0), run.failures
        assert stored(installation, instance) == all_of(ledger)


def test_a_list_of_deletions_that_names_too_much_is_held(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    for number in range(36, 400):
        ledger.put(number)
    ledger.page_size = 500
    ledger.remove(399)
    instance = installation.instance(document(api, endpoints=DELETIONS))
    installation.backup(instance)
    for number in range(1, 200):
        ledger.deleted.append({"id": number, "rev": ledger.rev + 1})
    run = installation.backup(instance)
    assert (run.status, [one["code"] for one in run.failures]) == ("failed", ["deletions_held"])
    assert len(stored(installation, instance)) == 398
    ledger.deleted = ledger.deleted[:1]
    assert installation.backup(instance).status == "successful"


@pytest.mark.parametrize("count", [BY_PATH, BY_PAGE])
def test_counts_that_agree_are_no_matter(
    installation: Installation, api: ScriptedSource, ledger: Ledger, count: str
) -> None:
    instance = installation.instance(document(api, endpoints=COUNTED + count))
    for _ in range(2):
        run = installation.backup(instance)
        assert run.status == "successful", run.failures
        ledger.remove(next(iter(ledger.records)))
    assert len(stored(installation, instance)) == 34


@pytest.mark.parametrize("count", [BY_PATH, BY_PAGE])
def test_a_list_that_shows_fewer_than_the_source_counts_is_listed_again_and_then_a_failure(
    installation: Installation, api: ScriptedSource, ledger: Ledger, count: str
) -> None:
    def cut(asked: Asked) -> Any:
        """As an account with too few rights may be answered."""
        page = asked.query.get("page", "0")
        items = [ledger.whole(number) for number in list(ledger.records)[int(page) : int(page) + 10]]
        return {"items": items, "total": 35, **({"next": "10"} if page == "0" else {})}

    ledger.overrides["/all"] = cut
    instance = installation.instance(document(api, endpoints=COUNTED + count))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [one["code"] for one in run.failures] == ["counts_disagree"]
    assert "the source counts 35 records of items, but 20 were listed" in run.failures[0]["message"]
    assert api.paths.count("/all") == 4
    assert len(stored(installation, instance)) == 20
    ledger.overrides.clear()
    assert installation.backup(instance).status == "successful"
    assert len(stored(installation, instance)) == 35


def test_a_list_that_shows_too_little_once_is_whole_in_the_end(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    cut = iter([{"items": [ledger.whole(1)]}])
    ledger.overrides["/all"] = lambda asked: next(cut, None)
    instance = installation.instance(document(api, endpoints=COUNTED + BY_PATH))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 35), run.failures


def test_a_count_shows_the_deletions_that_a_delta_does_not(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(document(api, endpoints=COUNTED + BY_PATH + DELTA))
    installation.backup(instance)
    ledger.put(40)
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 1), run.failures
    assert [asked.query for asked in api.log if asked.path == "/all"][-1] == {"since": "35"}
    ledger.remove(3)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 1), run.failures
    assert stored(installation, instance) == all_of(ledger)


def test_a_count_that_changes_while_the_list_is_read_agrees_with_anything_between(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    counts = iter([35, 38])
    ledger.overrides["/count"] = lambda asked: {"total": next(counts)}
    ledger.put(36)
    instance = installation.instance(document(api, endpoints=COUNTED + BY_PATH))
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 36), run.failures
