"""A storage that fails now and then, is away for a while, throttles, lists late or is full: backup, prune, replicate,
verify and repair come to the same end, and nothing that is needed is ever deleted."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog.instances import Instance
from holdfast.errors import HoldfastError, StorageFull, StorageUnavailable
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.prune import plan, prune
from holdfast.operations.repair import repair
from holdfast.operations.replicate import replicate
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify
from holdfast.storage import Storage
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.retrying import Patience, RetryingStorage
from holdfast.vault import Vault
from tests.integration.operations.test_blobs import BLOB, content, put
from tests.support.documents import ITEMS, document
from tests.support.faulty import Full, Slow, StaleListing, Unavailable
from tests.support.hostile_source import HostileSource, in_thread, make_record
from tests.support.installation import Installation, installed
from tests.support.mortality import contents
from tests.support.states import snapshot

RULES = RetentionRules.parse("last=2")
NO_PAUSES = Patience(tries=6, first_pause_s=0.0, longest_pause_s=0.0)


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": []}, page_size=10)) as served:
        yield served


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made


def over(installation: Installation, storage: Storage) -> Installation:
    """The same installation, its vault reached through another storage."""
    services = installation.services
    vault = Vault.open(storage, services.vault.root_key, even_damaged=True)
    return Installation(replace(services, storage=storage, vault=vault))


def change(source: HostileSource, run: int) -> None:
    for number in range(1, 6):
        put(source, number, content(number, 2_000), etag="1")
    source.put("items", make_record(1 + run, edited=run))
    source.put("items", make_record(20 + run))


def made(installation: Installation, source: HostileSource) -> Instance:
    change(source, 0)
    return installation.instance(document(source.url, ITEMS + BLOB))


def let_go(installation: Installation) -> None:
    planned = plan(installation.services, rules=RULES)
    prune(installation.services, planned, actor="test", rules=RULES, orphans_kept=timedelta(0))


def every_third(number: int, method: str, name: str) -> bool:
    return number % 3 == 0


def every_put(number: int, method: str, name: str) -> bool:
    return method in ("put", "delete") and number % 2 == 0


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("fails", [every_third, every_put])
def test_calls_that_fail_now_and_then_change_nothing(
    installation: Installation, source: HostileSource, fails: Callable[[int, str, str], bool], unseen: bool
) -> None:
    instance = made(installation, source)
    replica = MemoryStorage()
    flaky = RetryingStorage(
        Unavailable(installation.services.storage, fails, unseen=unseen), NO_PAUSES, sleep=lambda _: None
    )
    unsteady = over(installation, flaky).with_replicas(
        RetryingStorage(Unavailable(replica, fails, unseen=unseen), NO_PAUSES, sleep=lambda _: None)
    )
    for run in range(4):
        change(source, run)
        assert unsteady.backup(instance).status == "successful"
    expected = snapshot(installation, instance)
    let_go(unsteady)
    assert snapshot(installation, instance) == expected.only({3, 4})
    (report,) = replicate(unsteady.services)
    assert report.findings == [] and contents(replica) == contents(installation.services.storage)
    assert verify(unsteady.services).findings == [] and repair(unsteady.services).is_whole
    assert verify(installation.services).findings == []


@pytest.mark.parametrize("after", [3, 6])
def test_an_outage_only_puts_off(installation: Installation, source: HostileSource, after: int) -> None:
    instance = made(installation, source)
    away = [False]
    seen: list[str] = []

    def fails(number: int, method: str, name: str) -> bool:
        seen.append(name)
        return away[0] and len(seen) > after

    unsteady = over(installation, Unavailable(installation.services.storage, fails))
    run, _ = request_backup(unsteady.services, instance.id)
    seen.clear()
    away[0] = True
    with pytest.raises(StorageUnavailable):
        run_backup(unsteady.services, run.id)
    away[0] = False
    run_backup(unsteady.services, run.id)
    assert installation.run(run.id).status == "successful"
    for number in range(1, 4):
        change(source, number)
        assert installation.backup(instance).status == "successful"
    expected = snapshot(installation, instance)
    for work in (let_go, lambda unsteady: verify(unsteady.services), lambda unsteady: repair(unsteady.services)):
        seen.clear()
        away[0] = True
        with pytest.raises(StorageUnavailable):
            work(unsteady)
        away[0] = False
        work(unsteady)
    assert snapshot(installation, instance) == expected.only({3, 4})
    assert verify(installation.services).findings == []


def test_a_throttled_storage_is_only_slow(installation: Installation, source: HostileSource) -> None:
    """429 and 503 are `StorageUnavailable`, until the storage has had its pause."""
    instance = made(installation, source)
    clock = [0.0]
    allowed_at = [0.0]

    class Throttled(Slow):
        def __init__(self, storage: Storage) -> None:
            super().__init__(storage, self.admit)

        def admit(self, method: str, name: str) -> None:
            if clock[0] < allowed_at[0]:
                raise StorageUnavailable(f"throttled: {method} {name}")
            allowed_at[0] = clock[0] + 0.2

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    patience = Patience(tries=12, first_pause_s=0.25, longest_pause_s=20.0)
    slow = over(installation, RetryingStorage(Throttled(installation.services.storage), patience, sleep))
    assert slow.backup(instance).status == "successful"
    assert verify(slow.services).findings == []
    assert clock[0] > 5.0


def test_a_listing_that_comes_late_makes_nobody_delete_what_is_needed(
    installation: Installation, source: HostileSource
) -> None:
    """`init` refuses such a store. Should one begin to be late: what it does not list yet counts as missing, never as
    let go, and what it lists still although it is gone is no damage."""
    instance = made(installation, source)
    replica = MemoryStorage()
    for run in range(2):
        change(source, run)
        installation.backup(instance)
    late = StaleListing(installation.services.storage)
    for run in range(2, 4):
        change(source, run)
        installation.backup(instance)
    replicate(installation.with_replicas(replica).services)
    before = contents(replica)
    expected = snapshot(installation, instance)
    unsteady = over(installation, late).with_replicas(replica)
    (report,) = replicate(unsteady.services)
    assert contents(replica) == before and not report.is_complete
    let_go_late = over(installation, late)
    try_to(let_go, let_go_late)
    assert snapshot(installation, instance).states.items() <= expected.states.items()
    late.look()
    let_go(let_go_late)
    assert snapshot(installation, instance) == expected.only({3, 4})
    assert verify(installation.services).findings == []
    late.look()
    (report,) = replicate(unsteady.services)
    assert report.findings == [] and contents(replica) == contents(installation.services.storage)


def try_to(work: Callable[[Installation], Any], installation: Installation) -> None:
    """It may refuse, with a reason; it may not do harm."""
    try:
        work(installation)
    except HoldfastError as error:
        assert str(error)


def test_a_storage_that_fills_while_a_prune_writes_loses_nothing(
    installation: Installation, source: HostileSource
) -> None:
    instance = made(installation, source)
    for run in range(5):
        change(source, run)
        installation.backup(instance)
    expected = snapshot(installation, instance)
    used = sum(map(len, contents(installation.services.storage).values()))
    full = Full(installation.services.storage, used)
    with pytest.raises(StorageFull):
        let_go(over(installation, full))
    kept = snapshot(installation, instance)
    assert kept.states.items() <= expected.states.items() and {4, 5} <= kept.states.keys()
    assert [one for one in verify(installation.services).findings if one.severity == "error"] == []
    full.capacity_bytes = 10**9
    let_go(over(installation, full))
    assert snapshot(installation, instance) == expected.only({4, 5})
    assert verify(installation.services).findings == []


def test_a_storage_that_fills_while_a_repair_writes_is_repaired_later(
    installation: Installation, source: HostileSource
) -> None:
    instance = made(installation, source)
    installation.backup(instance)
    replica = MemoryStorage()
    replicate(installation.with_replicas(replica).services)
    storage = installation.services.storage
    for name in [info.name for info in storage.list("packs/")]:
        storage.delete(name)
    full = Full(storage, sum(map(len, contents(storage).values())) + 100)
    unsteady = over(installation, full).with_replicas(replica)
    with pytest.raises(StorageFull):
        repair(unsteady.services)
    full.capacity_bytes = 10**9
    assert repair(unsteady.services).is_whole
    assert contents(storage) == contents(replica)
