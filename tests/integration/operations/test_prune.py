"""Prune: what goes is gone for good, what stays is the same byte for byte, in catalog and vault alike."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.catalog import changes, packs, runs, streams
from holdfast.catalog.instances import Instance
from holdfast.catalog.retention import Owner
from holdfast.errors import CatalogError
from holdfast.operations import compare, customers, definitions, holds, instances, retention
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.duties import prune_by_policies
from holdfast.operations.prune import PruneReport, plan, prune
from holdfast.operations.prune.deleting import delete_orphans
from holdfast.operations.rebuild import rebuild
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify
from tests.integration.operations.test_blobs import BLOB, content, put
from tests.support.documents import CHILDREN, ITEMS, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, in_thread, make_record
from tests.support.installation import Installation, installed
from tests.support.states import snapshot

NOTHING = timedelta(0)


def stored_bytes(installation: Installation, prefix: str = "packs/") -> int:
    return sum(info.size_bytes for info in installation.services.storage.list(prefix))


def prune_by(installation: Installation, given: str | RetentionRules) -> PruneReport:
    rules = RetentionRules.parse(given) if isinstance(given, str) else given
    planned = plan(installation.services, rules=rules)
    return prune(installation.services, planned, actor="test", rules=rules, orphans_kept=NOTHING)


def left(installation: Installation, instance: Instance) -> set[int]:
    with installation.services.database.read() as connection:
        return {run.sequence for run in runs.all_of_instance(connection, instance.id)}


def assert_whole(installation: Installation, instance: Instance, tmp_path: Path, name: str = "again") -> None:
    """The vault verifies, and a catalog rebuilt from it shows the same."""
    report = verify(installation.services)
    assert report.findings == [], [str(finding) for finding in report.findings]
    again = installation.with_new_catalog(tmp_path / f"{name}.db")
    try:
        assert rebuild(again.services).disagreements == []
        assert snapshot(again, instance) == snapshot(installation, instance)
    finally:
        again.close()


def change_a_little(source: HostileSource, dice: random.Random, blobs: bool = True) -> None:
    for _ in range(12):
        number = dice.randrange(1, 40)
        if dice.random() < 0.25 and str(number) in source.collections["items"]:
            source.remove("items", number)
        elif blobs and dice.random() < 0.5:
            put(source, number, content(dice.randrange(30), dice.choice([10, 3000, 70_000])), etag=str(dice.random()))
        else:
            source.put("items", make_record(number, n=dice.randrange(100), pad="x" * dice.randrange(500)))
        for parent in (1, 2, 3):
            source.collections.setdefault(f"parents/{parent}/children", {}).pop(str(number), None)
        source.put(f"parents/{dice.randrange(1, 4)}/children", make_record(number, n=dice.randrange(3)))


GLOBAL_CHILDREN = CHILDREN.replace("id: id", "id: id\nglobal_id: true")


@pytest.fixture
def busy(installation: Installation, source: HostileSource) -> tuple[Installation, Instance]:
    """Twelve backups of records that come, change, move and go, some with blobs that share chunks."""
    for parent in (1, 2, 3):
        source.put("parents", {"id": parent})
        source.collections[f"parents/{parent}/children"] = {}
    instance = installation.instance(document(source.url, ITEMS + BLOB, PARENTS, GLOBAL_CHILDREN))
    dice = random.Random(3)
    for _ in range(12):
        change_a_little(source, dice)
        assert installation.backup(instance, accept_deletions=True).status == "successful"
    return installation, instance


@pytest.mark.parametrize("rules", ["last=12", "last=11", "last=3", "last=1", "daily=1"])
def test_what_is_kept_stays_the_same(
    busy: tuple[Installation, Instance], source: HostileSource, tmp_path: Path, rules: str
) -> None:
    installation, instance = busy
    before = snapshot(installation, instance)
    bytes_before = stored_bytes(installation)
    report = prune_by(installation, rules)
    assert report.is_complete, report
    kept = left(installation, instance)
    assert len(kept) == {"last=12": 12, "last=11": 11, "last=3": 3}.get(rules, 1)
    assert snapshot(installation, instance) == before.only(kept)
    assert stored_bytes(installation) == bytes_before - report.freed_bytes
    assert_whole(installation, instance, tmp_path)
    again = prune_by(installation, rules)
    assert (again.freed_bytes, [one.packs_written for one in again.instances]) == (0, [0])
    run = installation.backup(instance)
    assert (run.status, run.counters["packs"]) == ("successful", 0), "the source has not changed"
    change_a_little(source, random.Random(4))
    assert installation.backup(instance, accept_deletions=True).status == "successful"
    assert_whole(installation, instance, tmp_path, "later")


def test_pruning_again_and_again_between_backups(
    busy: tuple[Installation, Instance], source: HostileSource, tmp_path: Path
) -> None:
    installation, instance = busy
    dice = random.Random(5)
    for turn in range(6):
        before = snapshot(installation, instance)
        prune_by(installation, dice.choice(["last=2", "last=4", "last=7"]))
        assert snapshot(installation, instance) == before.only(left(installation, instance))
        change_a_little(source, dice)
        installation.backup(instance, accept_deletions=True)
        assert verify(installation.services).findings == [], turn
    assert_whole(installation, instance, tmp_path)


def test_compare_tells_the_same_of_the_backups_that_are_left(busy: tuple[Installation, Instance]) -> None:
    installation, instance = busy

    def compared(first: int, second: int) -> list[object]:
        states = installation.state(instance, first), installation.state(instance, second)
        return [
            (one.endpoint, one.kind, one.key, one.before, one.after)
            for one in compare.compare(installation.services, *states)
        ]

    pairs = [(1, 12), (10, 12), (6, 10)]
    with installation.services.database.read() as connection:
        six = runs.by_sequence(connection, instance.id, 6)
        one = runs.by_sequence(connection, instance.id, 1)
    assert six is not None and one is not None
    for run in (one, six):
        holds.place(
            installation.services, instance.customer_id, "wanted", instance_id=instance.id, run_id=run.id, actor="test"
        )
    before = [compared(*pair) for pair in pairs]
    prune_by(installation, "last=3")
    assert left(installation, instance) == {1, 6, 10, 11, 12}
    assert [compared(*pair) for pair in pairs] == before


def test_bytes_are_given_back(installation: Installation, tmp_path: Path) -> None:
    """What is left takes at most 10% more than fresh backups of the kept states. `make bench-full` has it at scale."""
    with in_thread(HostileSource({"items": []}, page_size=2000)) as source:
        _give_back(installation, source, tmp_path)


def _give_back(installation: Installation, source: HostileSource, tmp_path: Path) -> None:
    dice = random.Random(1)
    words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(2000)]

    def record(number: int) -> dict[str, object]:
        return make_record(number, text=" ".join(dice.choices(words, k=60)))

    for number in range(1, 2001):
        source.put("items", record(number))
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    states = []
    for _ in range(40):
        installation.backup(instance)
        states.append(dict(source.collections["items"]))
        for _ in range(100):
            number = dice.randrange(1, 2001)
            source.put("items", record(number))
    before = stored_bytes(installation)
    report = prune_by(installation, "last=10")
    after = stored_bytes(installation)
    assert report.freed_bytes == before - after
    with installed(tmp_path / "fresh") as fresh:
        other = fresh.instance(document(source.url, STABLE_ITEMS))
        for state in states[-10:]:
            source.collections["items"] = state
            fresh.backup(other)
        ideal = stored_bytes(fresh)
    print(f"{before:,} bytes pruned to {after:,}; fresh {ideal:,}")
    assert after <= 1.1 * ideal
    assert_whole(installation, instance, tmp_path)


def test_a_dry_run_says_what_will_happen_and_changes_nothing(busy: tuple[Installation, Instance]) -> None:
    installation, _ = busy
    storage = installation.services.storage
    before = {info.name: info.size_bytes for info in storage.list("")}
    rules = RetentionRules.parse("last=2")
    planned = plan(installation.services, rules=rules)
    (one,) = planned.instances
    assert {info.name: info.size_bytes for info in storage.list("")} == before
    assert sorted(one.kept) == [11, 12]
    assert [run.sequence for run in one.forgotten] == list(range(1, 11))
    assert one.size_bytes == stored_bytes(installation)
    report = prune(installation.services, planned, actor="test", rules=rules)
    (done,) = report.instances
    assert done.forgotten == 10
    assert done.versions_dropped == one.versions_dropped
    assert done.packs_deleted == one.packs_deleted + one.packs_rewritten
    assert one.freed_bytes == pytest.approx(done.freed_bytes, rel=0.25)


def test_without_a_policy_nothing_goes(busy: tuple[Installation, Instance]) -> None:
    installation, instance = busy
    report = prune(installation.services, plan(installation.services), actor="test")
    assert report.instances[0].forgotten == 0
    assert left(installation, instance) == set(range(1, 13))


def test_the_nearest_policy_holds_an_instances_before_its_customers_before_its_vendors(
    installation: Installation, source: HostileSource, tmp_path: Path
) -> None:
    services, vendor_id = installation.services, installation.customer.vendor_id
    other = customers.create(services, vendor_id, "other", None)
    mine = installation.instance(document(source.url, STABLE_ITEMS))
    theirs = instances.create(services, other.id, mine.definition_id, label="theirs", given={})
    for number in range(1, 6):
        source.put("items", make_record(number))
        for instance in (mine, theirs):
            assert installation.backup(instance).status == "successful"

    def set_rules(owner: Owner, object_id: int, text: str | None) -> list[int]:
        """How many backups of each instance are left when the policies have been carried out."""
        rules = None if text is None else RetentionRules.parse(text)
        retention.set_rules(services, owner, object_id, rules, actor="test")
        prune(services, plan(services), actor="test", orphans_kept=NOTHING)
        return [len(left(installation, instance)) for instance in (mine, theirs)]

    def whose() -> list[str | None]:
        return [retention.rules_of(services, instance.id)[0] for instance in (mine, theirs)]

    assert whose() == [None, None]
    assert set_rules("vendor", vendor_id, "last=4") == [4, 4]
    assert set_rules("instance", theirs.id, "last=9") == [4, 4]
    assert set_rules("vendor", vendor_id, "last=3") == [3, 4], "what is nearer may also keep more"
    assert set_rules("customer", mine.customer_id, "last=2") == [2, 4]
    assert set_rules("instance", mine.id, "last=1") == [1, 4]
    assert whose() == ["instance", "instance"]
    assert set_rules("instance", theirs.id, None) == [1, 3]
    assert set_rules("instance", mine.id, None) == [1, 3]
    assert whose() == ["customer", "vendor"]
    assert_whole(installation, mine, tmp_path)
    again = installation.with_new_catalog(tmp_path / "policies.db")
    rebuild(again.services)
    assert retention.rules_of(again.services, mine.id) == ("customer", RetentionRules.parse("last=2"))
    again.close()


def test_a_held_backup_stays_until_the_hold_is_released(busy: tuple[Installation, Instance], tmp_path: Path) -> None:
    installation, instance = busy
    hold = holds.place(
        installation.services, instance.customer_id, "audit", instance_id=instance.id,
        run_id=installation.state(instance, 4).run.id, actor="test",
    )  # fmt: skip
    before = snapshot(installation, instance)
    prune_by(installation, "last=1")
    assert left(installation, instance) == {4, 12}
    assert snapshot(installation, instance) == before.only({4, 12})
    assert_whole(installation, instance, tmp_path)
    holds.release(installation.services, hold.id, actor="test")
    prune_by(installation, "last=1")
    assert left(installation, instance) == {12}
    assert_whole(installation, instance, tmp_path, "released")


def test_a_hold_placed_after_the_plan_holds(busy: tuple[Installation, Instance]) -> None:
    installation, instance = busy
    rules = RetentionRules.parse("last=1")
    planned = plan(installation.services, rules=rules)
    holds.place(installation.services, instance.customer_id, "audit", actor="test")
    prune(installation.services, planned, actor="test", rules=rules)
    assert left(installation, instance) == set(range(1, 13))


def test_a_backup_under_way_goes_first(busy: tuple[Installation, Instance], source: HostileSource) -> None:
    installation, instance = busy
    run, _ = request_backup(installation.services, instance.id)
    report = prune_by(installation, "last=1")
    assert report.instances[0].postponed == "backup 13 is under way"
    assert not report.is_complete
    assert len(left(installation, instance)) == 13
    run_backup(installation.services, run.id)
    assert prune_by(installation, "last=1").is_complete


def test_blobs_that_another_instance_shares_stay(
    installation: Installation, source: HostileSource, tmp_path: Path
) -> None:
    """Chunks are stored once per customer: forgetting one instance must not take them from another."""
    for number in range(1, 6):
        put(source, number, content(number, 400_000))
    first = installation.instance(document(source.url, ITEMS + BLOB), label="first")
    installation.backup(first)
    second = installation.instance(document(source.url, ITEMS + BLOB), label="second")
    installation.backup(second)
    expected = snapshot(installation, second)
    for number in range(1, 5):
        put(source, number, content(100 + number, 1000), etag="2")
    installation.backup(first)
    prune_by(installation, "last=1")
    assert snapshot(installation, second) == expected
    assert_whole(installation, second, tmp_path, "one")

    instances.remove(installation.services, first)
    prune_by(installation, RetentionRules(last=1, after_deletion_s=0))
    storage = installation.services.storage
    assert list(storage.list(f"manifests/{first.customer_id}/{first.id}/")) == []
    assert left(installation, first) == set()
    assert snapshot(installation, second) == expected
    assert_whole(installation, second, tmp_path, "two")
    prune_by(installation, "last=1")
    assert_whole(installation, second, tmp_path, "three")
    instances.remove(installation.services, second)
    prune_by(installation, RetentionRules(last=1, after_deletion_s=0))
    prune_by(installation, "last=1")
    assert [info.name for info in storage.list("packs/")] == []


def test_an_endpoint_that_the_definition_has_lost_is_kept(
    installation: Installation, source: HostileSource, tmp_path: Path
) -> None:
    source.put("parents", {"id": 1})
    source.put("items", make_record(1))
    both = document(source.url, STABLE_ITEMS, PARENTS)
    instance = installation.instance(both)
    installation.backup(instance)
    definitions.set_document(installation.services, instance.definition_id, document(source.url, STABLE_ITEMS))
    source.put("items", make_record(2))
    installation.backup(instance)
    source.put("items", make_record(3))
    installation.backup(instance)
    before = snapshot(installation, instance)
    prune_by(installation, "last=2")
    assert snapshot(installation, instance) == before.only({2, 3})
    assert_whole(installation, instance, tmp_path)


def test_orphans_of_broken_off_writes_go_after_a_day(busy: tuple[Installation, Instance]) -> None:
    installation, instance = busy
    services = installation.services
    customer = services.vault.customer(instance.customer_id)
    writer = customer.pack_writer(instance.id, 1, 13, 1)
    writer.add_deletions("items", ["1"])
    pack = writer.finish()
    assert pack is not None
    customer.put_pack(pack)
    torn = f"packs/{instance.customer_id}/ab/{'ab' * 16}"
    services.storage.put(torn, b"half")
    planned = plan(services)
    assert prune(services, planned, actor="test").orphans_deleted == 0
    assert prune(services, planned, actor="test", orphans_kept=NOTHING).orphans_deleted == 2
    assert verify(services).findings == []


def test_a_catalog_that_was_put_back_lets_nothing_go(
    busy: tuple[Installation, Instance], source: HostileSource, tmp_path: Path
) -> None:
    installation, instance = busy
    older = tmp_path / "older.db"
    with installation.services.database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(f"VACUUM INTO '{older}'")
    change_a_little(source, random.Random(6))
    installation.backup(instance, accept_deletions=True)
    before = {info.name for info in installation.services.storage.list("")}
    behind = installation.with_new_catalog(older)
    rules = RetentionRules.parse("last=2")
    report = prune(behind.services, plan(behind.services, rules=rules), actor="test", rules=rules)
    assert "backup 13" in str(report.instances[0].postponed)
    with pytest.raises(CatalogError, match="does not know"):
        delete_orphans(
            behind.services, behind.services.vault.customer(instance.customer_id), PruneReport(), kept=NOTHING
        )
    behind.close()
    assert {info.name for info in installation.services.storage.list("")} == before


def test_changes_of_dropped_backups_cost_nothing(busy: tuple[Installation, Instance]) -> None:
    installation, instance = busy
    prune_by(installation, "last=2")
    with installation.services.database.read() as connection:
        for stream in streams.of_instance(connection, instance.id):
            assert stream.first_run in (11, 12)
            found = changes.page(connection, stream.id, 0, 11, limit=1000)
            assert {change.kind for change in found} <= {"added"}
        rows = packs.of_instance(connection, instance.id)
    assert all(pack.condemned_at is None for pack in rows)


def test_the_worker_prunes_what_a_policy_lets_go_and_leaves_the_others(
    busy: tuple[Installation, Instance], source: HostileSource
) -> None:
    installation, instance = busy
    other = installation.instance(document(source.url, ITEMS), label="other")
    for _ in range(3):
        installation.backup(other)
    retention.set_rules(
        installation.services, "instance", instance.id, RetentionRules.parse("last=2 monthly=1"), actor="test"
    )
    report = prune_by_policies(installation.services)
    assert [one.instance_id for one in report.instances] == [instance.id]
    assert (left(installation, instance), left(installation, other)) == ({11, 12}, {1, 2, 3})
