"""Receipts: counts that add up, a signature that a change breaks, a chain from one backup to the next."""

import json

import pytest

from holdfast.errors import InputError
from holdfast.operations import receipts
from holdfast.operations.verify import verify as verify_vault
from holdfast.vault.receipts import verify
from tests.support.documents import CHILDREN, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, make_record, make_records
from tests.support.installation import Installation


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
