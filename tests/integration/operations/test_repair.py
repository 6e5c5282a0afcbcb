"""Following the advice of every finding leads out: from a replica, from keys and catalog, from the source by the next
backup, and where nothing has it by letting go of it.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast import app
from holdfast.catalog import packs, records, streams
from holdfast.catalog.instances import Instance
from holdfast.operations.rebuild import rebuild
from holdfast.operations.repair import repair, repair_replica
from holdfast.operations.replicate import replicate
from holdfast.operations.services import Services
from holdfast.operations.verify import verify, verify_replica, verify_resumably
from holdfast.operations.verify.remembered import Plan
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import names, receipts, reports
from tests.integration.operations.test_blobs import BLOB, content, put
from tests.support.documents import CHILDREN, ITEMS, PARENTS, document
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation, installed
from tests.support.mortality import contents
from tests.support.states import snapshot


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, source: HostileSource) -> Iterator[tuple[Path, Instance]]:
    """Three backups with one of everything: old versions, blobs, parents and children, a deletion."""
    home = tmp_path_factory.mktemp("repair") / "home"
    for number in range(1, 9):
        put(source, number, content(number, 3000), etag="1")
    for parent in (1, 2):
        source.put("parents", {"id": parent})
        for number in range(1, 5):
            source.put(f"parents/{parent}/children", make_record(number))
    with installed(home) as installation:
        instance = installation.instance(document(source.url, ITEMS + BLOB, PARENTS, CHILDREN))
        installation.backup(instance)
        put(source, 1, content(20, 3000), etag="2")
        source.put("parents/1/children", make_record(1, edited=True))
        source.remove("items", 8)
        installation.backup(instance, accept_deletions=True)
        source.put("parents/1/children", make_record(2, edited=True))
        installation.backup(instance)
        vault, customer_id = installation.services.vault, instance.customer_id
        signed = receipts.sign(vault.installation.keys, {"holdfast_restore": 1, "restore_id": 5})
        reports.put(vault.storage, vault.customer(customer_id).keys, customer_id, signed)
    yield home, instance


@pytest.fixture(scope="module")
def source() -> Iterator[HostileSource]:
    from tests.support.hostile_source import in_thread

    with in_thread(HostileSource({"items": [], "parents": []}, page_size=10)) as served:
        yield served


@pytest.fixture
def opened(history: tuple[Path, Instance], tmp_path: Path) -> Iterator[Callable[[], Installation]]:
    """Opens a copy of its own, as often as asked: each time nothing is in memory."""
    import shutil
    from contextlib import ExitStack

    from tests.support.installation import settings_for

    shutil.copytree(history[0], tmp_path / "home")
    with ExitStack() as stack:

        def again() -> Installation:
            stack.pop_all().close()
            services = stack.enter_context(app.opened(settings_for(tmp_path / "home"), even_damaged=True))
            return Installation(services)

        yield again


PACKS = 9


def objects(services: Services) -> list[str]:
    return [info.name for info in services.storage.list("")]


def flip(services: Services, name: str, at: int | None = None) -> None:
    data = bytearray(services.storage.get(name))
    data[random.Random(name).randrange(len(data)) if at is None else at] ^= 8
    services.storage.delete(name)
    services.storage.put(name, bytes(data))


def flip_in_frame(services: Services, name: str) -> None:
    """In the first frame, which a check of the structure does not read."""
    flip(services, name, at=34 + int.from_bytes(services.storage.get(name, 30, 4), "big") + 3)


def remove(services: Services, name: str) -> None:
    services.storage.delete(name)


DAMAGES = [pytest.param(flip, id="flipped"), pytest.param(remove, id="removed")]


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_object_comes_back_from_a_replica(
    opened: Callable[[], Installation], history: tuple[Path, Instance], damage: Callable[[Services, str], None]
) -> None:
    replica = MemoryStorage()
    installation = opened().with_replicas(replica)
    replicate(installation.services)
    before, expected = contents(installation.services.storage), snapshot(installation, history[1])
    for name in objects(installation.services):
        if name.startswith("keys/0/1"):
            continue  # one of the installation's copies is needed to open it
        if damage is remove and name.startswith("restores/"):
            continue  # the catalog of this installation never heard of that restore
        damage(installation.services, name)
    installation = opened().with_replicas(replica)
    verify_resumably(installation.services, Plan(anew=True))
    report = repair(installation.services)
    assert report.problems == [] and report.waiting == [] and report.not_had == []
    assert report.is_whole, [str(one) for one in report.left]
    after = contents(installation.services.storage)
    assert {name: data for name, data in after.items() if not name.startswith("keys/")} == {
        name: data for name, data in before.items() if not name.startswith("keys/")
    }
    assert verify(installation.services).findings == []
    assert snapshot(installation, history[1]) == expected


def test_damage_that_nobody_has_looked_for_is_found_with_data(
    opened: Callable[[], Installation], history: tuple[Path, Instance]
) -> None:
    replica = MemoryStorage()
    installation = opened().with_replicas(replica)
    replicate(installation.services)
    storage = installation.services.storage
    name = next(name for name in _packs(installation) if storage.get(name, 30, 4) >= (16 + 24).to_bytes(4, "big"))
    flip_in_frame(installation.services, name)
    installation = opened().with_replicas(replica)
    assert repair(installation.services).mended == []
    assert [one.object_name for one in repair(installation.services, data=True).mended] == [name]
    assert verify(installation.services).findings == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_documents_and_keys_are_written_anew_without_a_replica(
    opened: Callable[[], Installation],
    history: tuple[Path, Instance],
    damage: Callable[[Services, str], None],
    tmp_path: Path,
) -> None:
    installation = opened()
    expected = snapshot(installation, history[1])
    customer_id = installation.customer.id
    spared = {"keys/0/0", f"keys/{customer_id}/0"}
    for name in objects(installation.services):
        if not name.startswith(("packs/", "restores/")) and name not in spared:  # no catalog knows of that restore
            damage(installation.services, name)
    installation = opened()
    repair(installation.services)
    report = repair(installation.services)  # receipts can only be signed once there are manifests
    assert report.is_whole, [str(one) for one in report.left]
    assert verify(installation.services).findings == []
    assert snapshot(installation, history[1]) == expected
    new = installation.with_new_catalog(tmp_path / "new.db")
    assert rebuild(new.services).disagreements == []
    assert snapshot(new, history[1]) == expected
    new.close()


def _packs(installation: Installation) -> list[str]:
    return [name for name in objects(installation.services) if name.startswith("packs/")]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("number", range(PACKS))
def test_a_lost_pack_is_made_good_by_the_source_or_let_go(
    opened: Callable[[], Installation],
    history: tuple[Path, Instance],
    source: HostileSource,
    damage: Callable[[Services, str], None],
    number: int,
    tmp_path: Path,
) -> None:
    installation, instance = opened(), history[1]
    before = snapshot(installation, instance)
    every = _packs(installation)
    name = every[number % len(every)]
    damage(installation.services, name)
    installation = opened()
    found = verify_resumably(installation.services, Plan(anew=True)).findings
    assert any(finding.object_name == name and "holdfast repair" in finding.advice for finding in found)
    first = repair(installation.services)
    installation = opened()
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    second = repair(installation.services)
    if second.not_had:
        assert not second.is_whole
        second = repair(installation.services, forget_lost=True)
        assert all(one.is_forgotten for one in second.not_had)
    assert second.is_whole and second.waiting == [], (first, second)
    installation = opened()
    assert [str(one) for one in verify(installation.services).findings] == []
    after = snapshot(installation, instance)
    lost = {key for one in second.not_had for held in one.held for key in held.keys}
    assert after.states[4] == before.states[3]
    for sequence in (1, 2, 3):
        for record, found_there in before.states[sequence].items():
            if record in after.states[sequence] and after.states[sequence][record] == found_there:
                continue
            assert record[1] in lost, f"{record} of backup {sequence} was lost unsaid"
            assert after.states[sequence].get(record, found_there)[0] == found_there[0], "no other content in its place"
        assert after.states[sequence].keys() <= before.states[sequence].keys()
    new = installation.with_new_catalog(tmp_path / "new.db")
    assert rebuild(new.services).disagreements == []
    assert snapshot(new, instance) == after
    new.close()


def test_a_lost_parent_fails_backups_until_it_is_read_again(
    opened: Callable[[], Installation], history: tuple[Path, Instance]
) -> None:
    installation, instance = opened(), history[1]
    with installation.services.database.read() as connection:
        stream = streams.find(connection, instance.id, "parents")
        assert stream is not None
        row = records.lookup(connection, stream.id, ["1"])["1"]
        pack = packs.object_ids(connection, [row.pack])[row.pack]
    remove(installation.services, names.pack(installation.customer.id, pack))
    installation = opened()
    failed = installation.backup(instance)
    assert failed.status == "failed" and "holdfast repair" in str(failed.failures)
    repair(installation.services)
    assert opened().backup(instance).status == "successful"
    installation = opened()
    second = repair(installation.services)
    # Which endpoints share a pack is a matter of timing: with the parents, old versions of items may be gone.
    assert {held.endpoint for one in second.not_had for held in one.held} <= {"items"}
    assert repair(opened().services, forget_lost=True).is_whole
    assert verify(opened().services).findings == []


def test_a_replica_is_mended_from_the_vault(opened: Callable[[], Installation]) -> None:
    replica = MemoryStorage()
    installation = opened().with_replicas(replica)
    replicate(installation.services)
    for number, (name, data) in enumerate(contents(replica).items()):
        replica.delete(name)
        if number % 2 and not name.startswith(("keys/0", "vault")):
            replica.put(name, data[:-1] + bytes([data[-1] ^ 1]))
        elif name == names.MARKER or name.startswith("keys/0/"):
            replica.put(name, data)
    assert repair_replica(installation.services, replica).is_whole
    assert verify_replica(installation.services, replica).findings == []
    assert contents(replica) == contents(installation.services.storage)
