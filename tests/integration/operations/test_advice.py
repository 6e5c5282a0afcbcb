"""What a check advises beside `repair` leads out, too: what does not belong there, what a prune or a rotation that was
broken off has left, what an export lost."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.catalog.instances import Instance
from holdfast.operations import keys
from holdfast.operations.prune import plan, prune
from holdfast.operations.repair import repair
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify
from holdfast.storage import Storage
from holdfast.vault import RootKey, names
from holdfast.vault.findings import Finding
from tests.support.documents import STABLE_ITEMS, document
from tests.support.faulty import Last, Stopped, Stopping
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation

RULES = RetentionRules.parse("last=1")


@pytest.fixture
def instance(installation: Installation, source: HostileSource) -> Iterator[Instance]:
    made = installation.instance(document(source.url, STABLE_ITEMS))
    for number in range(3):
        source.put("items", make_record(number))
        installation.backup(made)
    yield made


def only(installation: Installation, advice: str) -> list[Finding]:
    """What is found, all of it with this advice and none of it an error."""
    findings = verify(installation.services).findings
    assert findings and all(advice in finding.advice and finding.severity != "error" for finding in findings), findings
    return findings


def let_go(installation: Installation) -> None:
    planned = plan(installation.services, rules=RULES)
    prune(installation.services, planned, actor="test", rules=RULES, orphans_kept=timedelta(0))


def over(installation: Installation, storage: Storage) -> Installation:
    vault = installation.services.vault.over(storage)
    return Installation(replace(installation.services, storage=storage, vault=vault))


@pytest.mark.usefixtures("instance")
def test_what_does_not_belong_there_is_deleted(installation: Installation) -> None:
    storage = installation.services.storage
    storage.put("notes/readme.txt", b"hello")
    (finding,) = only(installation, "delete it")
    storage.delete(finding.object_name)
    assert verify(installation.services).findings == []


def test_a_pack_that_nobody_comes_back_for_is_pruned(installation: Installation, instance: Instance) -> None:
    customer = installation.services.vault.customer(instance.customer_id)
    writer = customer.pack_writer(instance.id, 1, 9, 1)
    writer.add_deletions("items", ["1"])
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    name = names.pack(customer.customer_id, pack.id)
    damaged = installation.services.storage.get(name)[:-1]
    installation.services.storage.delete(name)
    installation.services.storage.put(name, damaged)
    only(installation, "holdfast prune")
    let_go(installation)
    assert verify(installation.services).findings == []


@pytest.mark.usefixtures("instance")
def test_a_prune_that_was_broken_off_is_brought_to_its_end(installation: Installation) -> None:
    seen = 0
    for after in range(1, 30):
        dying = Stopping(installation.services.storage, after, Last.LOST)
        with suppress(Stopped):
            let_go(over(installation, dying))
        if not dying.dead:
            break
        if verify(installation.services).findings:
            only(installation, "holdfast prune")
            seen += 1
    assert seen
    assert verify(installation.services).findings == []


@pytest.mark.usefixtures("instance")
def test_a_rotation_that_was_broken_off_goes_on(installation: Installation) -> None:
    services = installation.services
    file = services.settings.effective_root_key_file
    following = file.with_name(file.name + ".next")
    keys.write_key_file(following, RootKey.generate())
    keys.prepare_rotation(services, keys.read_key_file(following))
    only(installation, "holdfast key rotate")
    keys.rotate_key_file(services, actor="test")
    assert verify(services).findings == []


def test_a_lost_archive_is_deleted(installation: Installation, instance: Instance) -> None:
    segment = names.archive_segment(instance.customer_id, 1, "ab" * 8, 0)
    installation.services.storage.put(segment, b"no archive")
    only(installation, "holdfast repair")
    assert repair(installation.services, data=True).is_whole
    assert verify(installation.services).findings == []
