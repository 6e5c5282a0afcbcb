"""Receipts: counts that add up, a signature that a change breaks, a chain from one backup to the next."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.catalog.instances import Instance
from holdfast.engine import Interrupted
from holdfast.errors import InputError
from holdfast.operations import receipts
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.verify import verify as verify_vault
from holdfast.vault.receipts import contradictions, verify
from tests.support import scripted_source
from tests.support.documents import CHILDREN, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, in_thread, make_record, make_records
from tests.support.installation import Installation
from tests.support.ledger import COUNTED, DETAIL, Ledger
from tests.support.scripted_source import ScriptedSource


def test_a_receipt_says_what_was_read_and_checks_offline(installation: Installation, source: HostileSource) -> None:
    for record in make_records(30):
        source.put("items", record)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    source.put("items", make_record(3, title="edited"))
    source.remove("items", 9)
    installation.backup(instance)
    files = [receipts.read(installation.services, installation.state(instance, number)).encode() for number in (1, 2)]
    first, second = (verify(data, receipts.public_key(installation.services)) for data in files)
    [items] = second.receipt["endpoints"]
    assert (items["listed"], items["new"], items["changed"], items["unchanged"]) == (29, 0, 1, 28)
    assert (items["deleted"], items["live"], items["pages"], items["outcome"]) == (1, 29, 3, "complete")
    assert second.receipt["status"] == "successful"
    assert first.receipt["previous_receipt_sha256"] is None
    assert second.receipt["previous_receipt_sha256"] == first.sha256
    assert verify_vault(installation.services).is_good


def test_a_receipt_names_what_was_skipped_and_why(installation: Installation, source: HostileSource) -> None:
    source.put("parents", {"id": 1})
    instance = installation.instance(document(source.url, PARENTS, CHILDREN + "optional: {on: [404]}\n"))
    installation.backup(instance)
    [skip] = receipts.read(installation.services, installation.state(instance)).receipt["skips"]
    assert (skip["endpoint"], skip["parent"], skip["code"]) == ("children", "1", "listing_absent")


def test_a_changed_receipt_and_another_key_are_refused(installation: Installation, source: HostileSource) -> None:
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    data = receipts.read(installation.services, installation.state(instance)).encode()
    content = json.loads(data)
    content["receipt"]["status"] = "failed"
    with pytest.raises(InputError, match="changed after it was signed"):
        verify(json.dumps(content).encode())
    with pytest.raises(InputError, match="another key"):
        verify(data, "00" * 32)
    with pytest.raises(InputError, match="no receipt"):
        verify(b"{}")


def said(installation: Installation, instance: Instance, number: int | None = None) -> dict[str, Any]:
    return receipts.read(installation.services, installation.state(instance, number)).receipt


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(35)


@pytest.fixture
def api(ledger: Ledger) -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(ledger)) as served:
        yield served


def test_a_receipt_has_the_sources_own_count_and_the_cursor_from_and_to(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    count = "  count: {path: /count, select: total}\n"
    delta = '  incremental: {field: rev, query: {since: "{{ cursor }}"}, full_every: 30d}\n'
    instance = installation.instance(scripted_source.document(api, endpoints=COUNTED + count + delta))
    installation.backup(instance)
    ledger.put(40)
    counts = iter([36, 39])
    ledger.overrides["/count"] = lambda asked: {"total": next(counts)}
    installation.backup(instance)
    for number, full, cursors, counted, found in (
        (1, True, (None, "35"), [35, 35], 35),
        (2, False, ("35", "36"), [36, 39], 36),
    ):
        [items] = said(installation, instance, number)["endpoints"]
        assert (items["lists_read"], len(items["lists"])) == (1, 1)
        [one] = items["lists"]
        assert (one.get("full", False), one["complete"]) == (full, True)
        assert (one.get("cursor_from"), one["cursor_to"]) == cursors
        assert (one["counted"], one["found"]) == (counted, found)


def test_counts_that_disagree_stand_in_the_receipt_of_the_failure(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    ledger.overrides["/count"] = lambda asked: {"total": 50}
    instance = installation.instance(
        scripted_source.document(api, endpoints=COUNTED + "  count: {path: /count, select: total}\n")
    )
    assert installation.backup(instance).status == "failed"
    receipt = said(installation, instance)
    [one] = receipt["endpoints"][0]["lists"]
    assert (one["counted"], one["found"], one.get("complete", False)) == ([50, 50], 35, False)
    assert "the source counts 50 records of items, but 35 were listed" in receipt["failures"][0]["message"]
    assert contradictions(receipt) == []


@pytest.mark.parametrize("dies", [False, True])
def test_whatever_is_skipped_or_lost_is_counted_and_outlasts_a_crash(
    installation: Installation, api: ScriptedSource, ledger: Ledger, dies: bool
) -> None:
    rule = "  answers: [{status: 403, contains: sealed, means: skip, because: sealed by a court}]\n"
    ledger.overrides["/whole/2"] = lambda asked: (403, {"error": "sealed"})
    ledger.overrides["/whole/34"] = lambda asked: (400, {"error": "broken"})
    stopping = installation.services.engine.stopping
    settings = installation.services.settings.model_copy(update={"checkpoint_records": 10})
    installation = installation.with_settings(settings)
    instance = installation.instance(scripted_source.document(api, endpoints=DETAIL + rule))
    run, _ = request_backup(installation.services, instance.id)
    if dies:  # on page 3, when page 1 with what it skipped is committed
        ledger.overrides["/whole/21"] = lambda asked: stopping.set()
        with pytest.raises(Interrupted):
            run_backup(installation.services, run.id)
        stopping.clear()
        ledger.overrides.pop("/whole/21")
    run_backup(installation.services, run.id)
    receipt = said(installation, instance)
    [items] = receipt["endpoints"]
    assert [(one["record_id"], one["code"]) for one in receipt["skips"]] == [("2", "skipped")]
    assert "sealed by a court" in receipt["skips"][0]["message"]
    assert (items["listed"] - items["repeated"], items["new"], items["skipped"], items["lost"]) == (35, 33, 1, 1)
    assert contradictions(receipt) == []


def test_a_receipt_that_contradicts_itself_is_found_out(
    installation: Installation, api: ScriptedSource, ledger: Ledger
) -> None:
    instance = installation.instance(
        scripted_source.document(api, endpoints=COUNTED + "  count: {path: /count, select: total}\n")
    )
    assert installation.backup(instance).status == "successful"
    good = said(installation, instance)
    assert contradictions(good) == []
    for change, problem in (
        ({"listed": 36}, "items: 36 records were listed, but 35 new makes 35"),
        ({"outcome": "partial"}, "items: a successful backup has read it to its end, but this one says partial"),
        (
            {"lists": [{**good["endpoints"][0]["lists"][0], "found": 30}]},
            "the source counted 35 to 35 records, 30 were found",
        ),
    ):
        [found] = contradictions({**good, "endpoints": [{**good["endpoints"][0], **change}]})
        assert problem in found
    assert contradictions({**good, "debts": [{"endpoint": "items"}]}) == [
        "a successful backup owes nothing and has no failures"
    ]
