"""A check that goes on after it was killed, reads a share, holds back, is made by a worker bit by bit; and replicas."""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.catalog import verifications
from holdfast.catalog.instances import Instance
from holdfast.clock import now
from holdfast.errors import VaultError
from holdfast.operations.replicate import replicate
from holdfast.operations.services import Services
from holdfast.operations.verify import Plan, verify, verify_replica, verify_resumably
from holdfast.operations.verify.regular import verify_regularly
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.pacing import PacedStorage
from holdfast.vault import Vault
from holdfast.vault.extent import Extent
from holdfast.vault.findings import CheckProgress
from tests.support.documents import STABLE_ITEMS, document
from tests.support.faulty import Counting
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation

PACKS = 8


@pytest.fixture
def instance(installation: Installation, source: HostileSource) -> Iterator[Instance]:
    made = installation.instance(document(source.url, STABLE_ITEMS))
    for number in range(PACKS):
        source.put("items", make_record(number, text=random.Random(number).randbytes(600).hex()))
        installation.backup(made)
    yield made


def pack_names(services: Services) -> list[str]:
    return [info.name for info in services.storage.list("packs/")]


def flip(services: Services, name: str) -> None:
    data = bytearray(services.storage.get(name))
    data[-40] ^= 4
    services.storage.delete(name)
    services.storage.put(name, bytes(data))


def counted(services: Services) -> tuple[Services, Counting]:
    counting = Counting(services.storage)
    return replace(services, storage=counting), counting


class Killed(BaseException):
    """As a signal: nothing handles it."""


def kill_at(position: str):
    def progress(state: CheckProgress) -> None:
        if state.position >= position:
            raise Killed

    return progress


def whole_reads(counting: Counting) -> list[str]:
    """Packs read from their beginning to their end: a check of the structure asks for ranges."""
    return [name for method, name in counting.calls if method == "get" and name.startswith("packs/")]


@pytest.mark.usefixtures("instance")
def test_a_check_goes_on_where_it_was_killed(installation: Installation) -> None:
    services = installation.services
    names = pack_names(services)
    flip(services, names[1])
    flip(services, names[6])
    begun: list[str] = []
    with pytest.raises(Killed):
        verify_resumably(services, Plan(), progress=kill_at(names[3]))
    to_read: list[int] = []
    report = verify_resumably(
        services,
        Plan(),
        begun=lambda verification: begun.append(verification.position),
        progress=lambda state: to_read.append(state.read_bytes_total),
    )
    assert begun == [names[3]] and to_read[0] < report.size_bytes - 4 * 500
    assert sorted(finding.object_name for finding in report.findings) == [names[1], names[6]]
    assert all(finding.lost for finding in report.findings)
    again = verify_resumably(services, Plan(), begun=lambda verification: begun.append(verification.position))
    assert begun == [names[3], ""] and len(again.findings) == 2
    with services.database.read() as connection:
        ended = verifications.ended(connection)
        assert verifications.unended(connection) == []
    assert [len(one.findings) for one in ended] == [2, 2]


@pytest.mark.usefixtures("instance")
def test_one_that_is_to_begin_anew_or_reads_something_else_does(installation: Installation) -> None:
    services = installation.services
    names = pack_names(services)
    with pytest.raises(Killed):
        verify_resumably(services, Plan(), progress=kill_at(names[3]))
    begun: list[str] = []
    for plan in (Plan(anew=True), Plan(share=0.5), Plan()):
        verify_resumably(services, plan, begun=lambda verification: begun.append(verification.position))
    assert begun == ["", "", names[3]]


@pytest.mark.usefixtures("instance")
def test_what_was_mended_meanwhile_is_not_told(installation: Installation) -> None:
    services = installation.services
    names = pack_names(services)
    good = services.storage.get(names[0])
    flip(services, names[0])
    with pytest.raises(Killed):
        verify_resumably(services, Plan(), progress=kill_at(names[3]))
    services.storage.delete(names[0])
    services.storage.put(names[0], good)
    assert verify_resumably(services, Plan()).findings == []


@pytest.mark.usefixtures("instance")
def test_a_sample_reads_its_share(installation: Installation) -> None:
    names = pack_names(installation.services)
    chosen = {
        share: sum(Extent(share, str(seed)).reads(name) for name in names for seed in range(500)) / (500 * PACKS)
        for share in (0.0, 0.05, 0.5, 1.0)
    }
    assert chosen[0.0] == 0 and chosen[1.0] == 1
    assert chosen[0.05] == pytest.approx(0.05, abs=0.01) and chosen[0.5] == pytest.approx(0.5, abs=0.03)
    seed = next(str(seed) for seed in range(100) if 0 < sum(Extent(0.5, str(seed)).reads(n) for n in names) < PACKS)
    extent = Extent(0.5, seed)
    read = next(name for name in names if extent.reads(name))
    not_read = next(name for name in names if not extent.reads(name))
    flip_in_data(installation.services, read)
    flip_in_data(installation.services, not_read)
    report = verify(installation.services, extent=extent)
    assert [finding.object_name for finding in report.findings] == [read]


def flip_in_data(services: Services, name: str) -> None:
    """Of the first frame, which a check of the structure does not read."""
    data = bytearray(services.storage.get(name))
    data[34 + 24 + 16 + 5] ^= 4
    services.storage.delete(name)
    services.storage.put(name, bytes(data))


def test_reading_is_held_back_to_a_rate() -> None:
    storage = MemoryStorage()
    for number in range(4):
        storage.put(f"a/{number}", bytes(1000))
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    paced = PacedStorage(storage, 500.0, clock=lambda: clock[0], sleep=sleep)
    for number in range(4):
        paced.get(f"a/{number}")
    assert clock[0] == pytest.approx(4000 / 500, abs=0.6)
    clock[0] += 1000  # an idle hour is not made up for
    begun = clock[0]
    for number in range(4):
        paced.get(f"a/{number}")
    assert clock[0] - begun == pytest.approx(4000 / 500, abs=0.6)


@pytest.mark.usefixtures("instance")
def test_a_rated_check_takes_its_time(installation: Installation) -> None:
    size_bytes = verify(installation.services).size_bytes
    begun = time.monotonic()
    verify(installation.services, rate_bytes=size_bytes / 0.2 / 3)
    assert time.monotonic() - begun >= 0.08


@pytest.mark.usefixtures("instance")
def test_a_worker_proves_everything_in_its_days_and_again(installation: Installation) -> None:
    services, counting = counted(installation.services)
    names = pack_names(services)
    flip_in_data(services, names[5])
    begin = now()
    days = services.settings.verify_days
    read: list[int] = []
    for hour in range(0, 24 * days + 48, 6):
        counting.calls.clear()
        verify_regularly(services, begin + timedelta(hours=hour))
        read.append(len(set(whole_reads(counting))))
    with services.database.read() as connection:
        (ended,) = verifications.ended(connection)
        (under_way,) = verifications.unended(connection)
    assert [finding["object"] for finding in ended.findings] == [names[5]]
    assert ended.started_at == begin and under_way.started_at >= begin + timedelta(days=days)
    slices = [number for number in read[1:-9] if number]
    assert len(slices) >= PACKS - 2 and max(slices[:-1]) <= 2, "spread out"


@pytest.mark.usefixtures("instance")
def test_a_replica_is_proved_and_what_it_lacks_is_told(installation: Installation, source: HostileSource) -> None:
    replica = MemoryStorage()
    there = installation.with_replicas(replica)
    replicate(there.services)
    assert verify_replica(there.services, replica).findings == []
    name = pack_names(there.services)[2]
    data = bytearray(replica.get(name))
    data[100] ^= 1
    replica.delete(name)
    replica.put(name, bytes(data))
    (finding,) = verify_replica(there.services, replica).findings
    assert finding.object_name == name and "--replica" in finding.advice
    source.put("items", make_record(99))
    assert verify_replica(there.services, replica).is_good is False
    replica.delete(name)
    replicate(there.services)
    assert verify_replica(there.services, replica).findings == []


def test_only_a_replica_of_this_vault_is_one(installation: Installation) -> None:
    other = MemoryStorage()
    Vault.create(other, installation.services.vault.root_key)
    with pytest.raises(VaultError, match="another vault"):
        verify_replica(installation.services, other)
    with pytest.raises(VaultError):
        verify_replica(installation.services, MemoryStorage())


@pytest.mark.usefixtures("instance")
def test_a_check_of_a_replica_goes_on_where_it_was_killed(installation: Installation) -> None:
    replica = MemoryStorage()
    services = installation.with_replicas(replica).services
    replicate(services)
    names = pack_names(services)
    data = bytearray(replica.get(names[1]))
    data[34 + 24 + 16 + 5] ^= 4
    replica.delete(names[1])
    replica.put(names[1], bytes(data))
    with pytest.raises(Killed):
        verify_resumably(services, Plan(), replica=replica, progress=kill_at(names[3]))
    with services.database.read() as connection:
        assert verifications.unended(connection) == [], "that of the vault is another one"
    begun: list[str] = []
    to_read: list[int] = []
    report = verify_resumably(
        services,
        Plan(),
        replica=replica,
        begun=lambda verification: begun.append(verification.position),
        progress=lambda state: to_read.append(state.read_bytes_total),
    )
    assert begun == [names[3]] and to_read[0] < report.size_bytes - 4 * 500
    assert [finding.object_name for finding in report.findings] == [names[1]]
    assert "--replica" in report.findings[0].advice
    with services.database.read() as connection:
        assert verifications.proved_at(connection, replica.url) is not None
        assert verifications.proved_at(connection) is None


@pytest.mark.usefixtures("instance")
def test_a_worker_proves_replicas_too(installation: Installation) -> None:
    never_filled = MemoryStorage()
    never_filled.url = "memory://empty"
    replica, empty = Counting(MemoryStorage()), Counting(never_filled)
    there = installation.with_replicas(replica)
    replicate(there.services)
    services = replace(there.services, replicas=(empty, replica))
    begin = now()
    replica.calls.clear()
    for day in range(services.settings.verify_replica_days + 1):
        verify_regularly(services, begin + timedelta(days=day))
    assert set(whole_reads(replica)) == set(pack_names(services))
    with services.database.read() as connection:
        (ended,) = verifications.ended(connection, replica.url)
        assert verifications.proved_at(connection, replica.url) is not None
    assert ended.findings == [] and ended.options["share"] == 1.0
    assert empty.calls == [], "a replica that was never filled is none"
