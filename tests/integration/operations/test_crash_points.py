"""A process may die at any write, to the vault or to the catalog, in every way a write can end: after each death the
vault verifies, catalog and vault agree, the next process needs nobody's help, and the result is what it would be.
The numbers that the tests insist on make 500 deaths.
"""

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.catalog import packs, runs, schema
from holdfast.catalog.instances import Instance
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.erase import certificate, erase_customer
from holdfast.operations.prune import plan, prune
from holdfast.operations.rebuild import rebuild
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify
from holdfast.vault import names
from tests.integration.operations.test_blobs import BLOB, content, put
from tests.support.documents import CHILDREN, ITEMS, PARENTS, document
from tests.support.faulty import Last, Life, Stopped
from tests.support.hostile_source import HostileSource, in_thread, make_record
from tests.support.installation import Installation, installed
from tests.support.mortality import Copy, World, contents
from tests.support.states import Snapshot, snapshot

RULES = RetentionRules.parse("last=2")
REBUILT_EVERY = 8
"""So many deaths apart a catalog is made anew and compared: it takes the longest of all checks."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where there is such a file system: thousands of commits, each with its fsync."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path_factory.mktemp("crashes")
        return
    made = memory / tmp_path_factory.mktemp("crashes").name / str(random.randrange(10**9))
    made.mkdir(parents=True)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": [], "parents": []}, page_size=10)) as served:
        yield served


def change(source: HostileSource, dice: random.Random) -> None:
    for _ in range(8):
        number = dice.randrange(1, 14)
        if dice.random() < 0.3 and str(number) in source.collections["items"]:
            source.remove("items", number)
        elif dice.random() < 0.5:
            put(source, number, content(dice.randrange(9), dice.choice([10, 3000])), etag=str(dice.random()))
        else:
            source.put("items", make_record(number, n=dice.randrange(100)))
        for parent in (1, 2):
            source.collections.setdefault(f"parents/{parent}/children", {}).pop(str(number), None)
        source.put(f"parents/{dice.randrange(1, 3)}/children", make_record(number, n=dice.randrange(3)))


@pytest.fixture(scope="module")
def history(folder: Path, source: HostileSource) -> Iterator[tuple[Installation, Instance]]:
    """Four backups of a source that changes."""
    for parent in (1, 2):
        source.put("parents", {"id": parent})
        source.collections[f"parents/{parent}/children"] = {}
    dice = random.Random(11)
    with installed(folder / "home", checkpoint_records=20) as installation:
        children = CHILDREN.replace("id: id", "id: id\nglobal_id: true")
        instance = installation.instance(document(source.url, ITEMS + BLOB, PARENTS, children))
        for _ in range(4):
            change(source, dice)
            installation.backup(instance, accept_deletions=True)
        yield installation, instance


Operation = Callable[[Installation], None]


def deaths(
    world: World,
    folder: Path,
    operation: Operation,
    check: Callable[[Copy, int, Last], None],
    ways: Iterable[Last] = tuple(Last),
) -> int:
    """Let the operation die at each of its writes in each way, and check what is left. Answers how many deaths."""
    count = 0
    for last in ways:
        for after_writes in range(1_000_000):
            copy = world.copy(folder)
            life = Life(after_writes, last)
            try:
                with copy.process(life) as process:
                    operation(process)
            except Stopped:
                pass
            if not life.dead:
                copy.drop()
                break
            check(copy, after_writes, last)
            copy.drop()
            count += 1
    print(f"{count} deaths")
    return count


def assert_agreed(process: Installation, instance: Instance) -> None:
    """The vault verifies; what the catalog has, the vault has; broken-off writes are not taken for damage."""
    report = verify(process.services)
    assert [str(one) for one in report.findings if one.severity == "error"] == []
    stored = {info.name for info in process.services.storage.list("packs/")}
    with process.services.database.read() as connection:
        rows = packs.of_instance(connection, instance.id)
    for pack in rows:
        assert pack.deleting_at is not None or names.pack(instance.customer_id, pack.object_id) in stored


def ended(process: Installation, instance: Instance) -> set[int]:
    with process.services.database.read() as connection:
        return {run.sequence for run in runs.all_of_instance(connection, instance.id) if run.ended_at}


def assert_rebuilt(copy: Copy, folder: Path, instance: Instance, expected: Snapshot) -> None:
    """From the vault alone."""
    file = folder / "rebuilt.db"
    file.unlink(missing_ok=True)
    with copy.process(catalog=file) as process:
        assert rebuild(process.services).disagreements == []
        assert snapshot(process, instance) == expected
    file.unlink()


def test_a_backup_may_die_at_every_write(
    history: tuple[Installation, Instance], source: HostileSource, folder: Path
) -> None:
    installation, instance = history
    change(source, random.Random(12))
    world = World.of(installation, folder / "before-backup.db")
    with world.copy(folder).process() as process:
        run, _ = request_backup(process.services, instance.id)
        asked = World.of(process, folder / "asked.db")

    def back_up(process: Installation) -> None:
        run_backup(process.services, run.id)

    with asked.copy(folder).process() as process:
        back_up(process)
        expected = snapshot(process, instance)
        counters = dict(process.run(run.id).counters)
        assert process.run(run.id).status == "successful"

    def check(copy: Copy, after_writes: int, last: Last) -> None:
        with copy.process() as process:
            assert_agreed(process, instance)
            if after_writes % 4 == 0:
                assert snapshot(process, instance) == expected.only(ended(process, instance))
            back_up(process)
            done = process.run(run.id)
            assert done.status == "successful", done.failures
            for name in ("new", "changed", "deleted", "live"):
                assert done.counters[name] == counters[name]
            assert snapshot(process, instance, newest=2) == expected.only({4, 5})
            assert_agreed(process, instance)
        if after_writes % REBUILT_EVERY == 0:
            assert_rebuilt(copy, folder, instance, expected)

    assert deaths(asked, folder, back_up, check) >= 70


def test_a_prune_may_die_at_every_write(history: tuple[Installation, Instance], folder: Path) -> None:
    installation, instance = history
    world = World.of(installation, folder / "before-prune.db")
    before = snapshot(installation, instance)

    def let_go(process: Installation) -> None:
        planned = plan(process.services, rules=RULES)
        prune(process.services, planned, actor="test", rules=RULES, orphans_kept=timedelta(0))

    with (undisturbed := world.copy(folder)).process() as process:
        let_go(process)
        expected = snapshot(process, instance)
        size_bytes = sum(map(len, contents(undisturbed.storage).values()))
    assert expected == before.only({3, 4})

    def check(copy: Copy, after_writes: int, last: Last) -> None:
        with copy.process() as process:
            assert_agreed(process, instance)
            left = ended(process, instance)
            assert left >= {3, 4}
            if after_writes % 4 == 0:
                assert snapshot(process, instance) == before.only(left)
        if after_writes % REBUILT_EVERY == 0:
            file = folder / "half.db"
            file.unlink(missing_ok=True)
            with copy.process(catalog=file) as process:
                assert rebuild(process.services).disagreements == []
                left = ended(process, instance)
                assert left >= {3, 4}
                assert snapshot(process, instance) == before.only(left)
                let_go(process)  # also a prune that the vault alone remembers comes to its end
                assert snapshot(process, instance) == expected
                assert_agreed(process, instance)
            file.unlink()
        else:
            with copy.process() as process:
                let_go(process)
                assert snapshot(process, instance) == expected
                assert_agreed(process, instance)
            assert sum(map(len, contents(copy.storage).values())) <= 1.05 * size_bytes, "all space is given back"
        if after_writes % REBUILT_EVERY == 1:
            assert_rebuilt(copy, folder, instance, expected)

    assert deaths(world, folder, let_go, check) >= 170


def test_a_rebuild_may_die_at_every_write(history: tuple[Installation, Instance], folder: Path) -> None:
    """It writes nothing to the vault: whatever is left of the catalog is moved away, and the next one is whole."""
    installation, instance = history
    world = World.of(installation, folder / "before-rebuild.db")
    expected = snapshot(installation, instance)
    file = folder / "dying.db"

    def make_again(process: Installation) -> None:
        rebuild(process.services)

    count = 0
    for last in (Last.LOST, Last.UNSEEN):
        for after_writes in range(1_000_000):
            file.unlink(missing_ok=True)
            copy = world.copy(folder)
            before = contents(copy.storage)
            life = Life(after_writes, last)
            try:
                with copy.process(life, catalog=file) as process:
                    make_again(process)
            except Stopped:
                pass
            assert contents(copy.storage) == before
            if life.dead and after_writes % REBUILT_EVERY == 0:
                assert_rebuilt(copy, folder, instance, expected)
            copy.drop()
            if not life.dead:
                break
            count += 1
    print(f"{count} deaths")
    assert count >= 90


def test_an_erasure_may_die_at_every_write(history: tuple[Installation, Instance], folder: Path) -> None:
    """From the death on in which the erasure was asked for, the next process brings it to its end."""
    installation, instance = history
    world = World.of(installation, folder / "before-erasure.db")
    customer_id = instance.customer_id

    def erase(process: Installation) -> None:
        erase_customer(process.services, customer_id, actor="test")

    def check(copy: Copy, after_writes: int, last: Last) -> None:
        with copy.process() as process:
            with process.services.database.write() as connection:  # a minute later
                connection.execute(sa.update(schema.locks).values(expires_at=datetime(1970, 1, 1, tzinfo=UTC)))
            erase(process)
            stored = contents(copy.storage)
            assert [name for name in stored if f"/{customer_id}/" in name and not name.startswith("revisions/0/")] == []
            signed = certificate(process.services, customer_id).receipt
            keys = [key["object"] for key in signed["keys_destroyed"] if key["destroyed_at"]]
            assert sorted(keys) == [f"keys/{customer_id}/0", f"keys/{customer_id}/1"]
            assert verify(process.services).is_good

    assert deaths(world, folder, erase, check, (Last.LOST, Last.UNSEEN)) >= 170
