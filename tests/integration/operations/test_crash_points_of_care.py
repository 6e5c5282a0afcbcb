"""A process may die at any write of a replication or a repair: the replica is a valid vault after each death, nothing
good is lost, and the next call brings it to its end."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.catalog import schema
from holdfast.catalog.instances import Instance
from holdfast.operations.prune import plan, prune
from holdfast.operations.rebuild import rebuild
from holdfast.operations.repair import repair
from holdfast.operations.replicate import replicate
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import Vault, names
from holdfast.vault.check import check
from tests.integration.operations.test_blobs import BLOB, content, put
from tests.integration.operations.test_crash_points import folder
from tests.support.documents import ITEMS, document
from tests.support.faulty import Last, Life, Stopped, Stopping
from tests.support.hostile_source import HostileSource, in_thread, make_record
from tests.support.installation import Installation, installed
from tests.support.mortality import Copy, World, contents
from tests.support.states import Snapshot, snapshot

__all__ = ["folder"]
RULES = RetentionRules.parse("last=2")


@dataclass(frozen=True)
class Before:
    """A vault of four backups, of which a prune kept two, and a replica from before the last two of them."""

    world: World
    instance: Instance
    replica: dict[str, bytes]
    expected: Snapshot


@pytest.fixture(scope="module")
def before(folder: Path) -> Iterator[Before]:
    replica = MemoryStorage()
    source = HostileSource({"items": []}, page_size=10)
    with in_thread(source), installed(folder / "care") as made:
        installation = made.with_replicas(replica)
        for number in range(1, 8):
            put(source, number, content(number, 2_000), etag="1")
        instance = installation.instance(document(source.url, ITEMS + BLOB))
        for run in range(4):
            source.put("items", make_record(1 + run, edited=run))
            source.put("items", make_record(20 + run))
            installation.backup(instance)
            if run == 1:
                replicate(installation.services)
        planned = plan(installation.services, rules=RULES)
        prune(installation.services, planned, actor="test", rules=RULES, orphans_kept=timedelta(0))
        expected = snapshot(installation, instance)
        yield Before(World.of(installation, folder / "care.db"), instance, contents(replica), expected)


def filled(objects: dict[str, bytes]) -> MemoryStorage:
    storage = MemoryStorage()
    storage.url = "memory://replica"
    for name, data in objects.items():
        storage.put(name, data)
    return storage


def with_replica(process: Installation, replica: MemoryStorage, life: Life) -> Installation:
    return process.with_replicas(Stopping(replica, life=life))


def errors(vault: Vault) -> list[str]:
    return [str(one) for one in check(vault) if one.severity == "error"]


def deaths(
    before: Before, folder: Path, there: dict[str, bytes], last: Last, operation: Callable[[Installation], object],
    look: Callable[[Copy, MemoryStorage], None], damage: dict[str, bytes | None] | None = None,
) -> int:  # fmt: skip
    """Let the operation die at each of its writes; `look` at what is left and bring it to its end."""
    for after_writes in range(10_000):
        copy, replica, life = before.world.copy(folder), filled(there), Life(after_writes, last)
        for name, data in (damage or {}).items():
            copy.storage.delete(name)
            if data is not None:
                copy.storage.put(name, data)
        try:
            with copy.process(life, even_damaged=True) as process:
                operation(with_replica(process, replica, life))
        except Stopped:
            pass
        if not life.dead:
            copy.drop()
            print(f"{after_writes} deaths")
            return after_writes
        look(copy, replica)
        copy.drop()
    raise AssertionError("it never came to its end")


def assert_replicated(copy: Copy, replica: MemoryStorage) -> None:
    with copy.process() as process:
        with process.services.database.write() as connection:  # a minute later
            connection.execute(sa.update(schema.locks).values(expires_at=datetime(1970, 1, 1, tzinfo=UTC)))
        done = process.with_replicas(replica)
        (report,) = replicate(done.services)
        assert [str(finding) for finding in report.findings] == []
        assert contents(replica) == contents(copy.storage)


def opens(replica: MemoryStorage, world: World) -> bool:
    """The marker comes last: before that there is no vault yet."""
    return names.MARKER in contents(replica) and Vault.open(replica, world.root_key) is not None


def test_a_first_replication_may_die_at_every_write(before: Before, folder: Path) -> None:
    def look(copy: Copy, replica: MemoryStorage) -> None:
        if opens(replica, before.world):
            assert errors(Vault.open(replica, before.world.root_key)) == []
        assert_replicated(copy, replica)

    def fill(process: Installation) -> None:
        replicate(process.services)

    assert deaths(before, folder, {}, Last.LOST, fill, look) >= 40


@pytest.mark.parametrize("last", [Last.LOST, Last.TORN])
def test_a_replication_behind_a_prune_may_die_at_every_write(before: Before, folder: Path, last: Last) -> None:
    def look(copy: Copy, replica: MemoryStorage) -> None:
        wrong = errors(Vault.open(replica, before.world.root_key))
        # What a disk has torn is the only thing that is wrong, and is put right by the next replication.
        assert len(wrong) <= (1 if last is Last.TORN else 0), wrong
        assert_replicated(copy, replica)

    def follow(process: Installation) -> None:
        replicate(process.services)

    assert deaths(before, folder, before.replica, last, follow, look) >= 15


def damaged(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("last", [Last.LOST, Last.TORN])
def test_a_repair_from_a_replica_may_die_at_every_write(before: Before, folder: Path, last: Last) -> None:
    objects = before.world.objects
    customer_id = before.instance.customer_id
    some = [
        next(name for name in objects if name.startswith(prefix))
        for prefix in ("vault.json", f"keys/{customer_id}/1", "revisions/", "packs/", "manifests/", "receipts/")
    ]
    damage: dict[str, bytes | None] = {name: damaged(objects[name]) for name in some}
    damage[next(name for name in reversed(objects) if name.startswith("packs/"))] = None

    def mend(process: Installation) -> None:
        repair(process.services, data=True)

    def look(copy: Copy, replica: MemoryStorage) -> None:
        with copy.process(even_damaged=True) as process:
            again = process.with_replicas(replica)
            report = repair(again.services, data=True)
            assert report.is_whole, [str(one) for one in (*report.problems, *report.left)]
            assert verify(again.services).findings == []
        assert contents(copy.storage) == objects

    assert deaths(before, folder, objects, last, mend, look, damage) >= 15


def test_a_repair_without_one_may_die_at_every_write(before: Before, folder: Path) -> None:
    """Of a pack with old versions and blobs: what can be read is taken over, what is lost is let go."""
    objects = before.world.objects
    packs = [name for name in objects if name.startswith("packs/")]
    lost = max(packs, key=lambda name: len(objects[name]))
    damage: dict[str, bytes | None] = {lost: None}

    def mend(process: Installation) -> None:
        repair(process.with_replicas().services, forget_lost=True)

    undisturbed = before.world.copy(folder)
    undisturbed.storage.delete(lost)
    with undisturbed.process() as process:
        mend(process)
        expected = snapshot(process, before.instance)
        assert verify(process.services).findings == []
    assert expected != before.expected
    dice = random.Random(3)

    def look(copy: Copy, replica: MemoryStorage) -> None:
        with copy.process() as process:
            mend(process)
            assert verify(process.services).findings == []
            assert snapshot(process, before.instance) == expected
        if dice.random() < 0.2:
            file = folder / "care-rebuilt.db"
            file.unlink(missing_ok=True)
            with copy.process(catalog=file) as process:
                assert rebuild(process.services).disagreements == []
                assert snapshot(process, before.instance) == expected
            file.unlink()

    assert deaths(before, folder, {}, Last.LOST, mend, look, damage) >= 20
