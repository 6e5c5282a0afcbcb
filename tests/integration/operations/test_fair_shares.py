"""One customer's huge run, or one vendor's many due instances, keep nobody else from being backed up."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import runs
from holdfast.catalog.instances import Instance
from holdfast.operations import customers, definitions, instances, vendors
from holdfast.operations.backup.request import request_backup
from tests.contract.client import Gate, items_document
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import Installation, installed


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home", backups_at_once=1, turn_minutes=0.001, checkpoint_records=20) as made:
        yield made
        made.services.engine.stop(drain_s=0)


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(60)}, page_size=20)) as served:
        yield served


def new_instances(installation: Installation, source: HostileSource, vendor: str, count: int) -> list[Instance]:
    services = installation.services
    vendor_id = vendors.create(services, vendor, None).vendor.id
    customer = customers.create(services, vendor_id, vendor, None)
    definition = definitions.create(services, vendor_id, items_document(source))
    return [instances.create(services, customer.id, definition.id) for _ in range(count)]


def queued(installation: Installation, chosen: list[Instance]) -> list[int]:
    return [request_backup(installation.services, one.id)[0].id for one in chosen]


def wait_until_ended(installation: Installation, run_ids: list[int]) -> None:
    pause = threading.Event()
    for _ in range(3_000):
        with installation.services.database.read() as connection:
            if not any(runs.get(connection, run_id).active for run_id in run_ids):
                return
        pause.wait(0.02)
    raise AssertionError([installation.run(run_id) for run_id in run_ids])


def test_one_vendors_many_due_backups_do_not_stand_before_anothers_first(
    installation: Installation, source: HostileSource
) -> None:
    many = queued(installation, new_instances(installation, source, "many", 12))
    few = queued(installation, new_instances(installation, source, "few", 2))
    installation.services.engine.start()
    wait_until_ended(installation, few)
    ended = [run_id for run_id in many if not installation.run(run_id).active]
    assert len(ended) <= 4, "they go in turn, though all of the others were there first"
    assert [installation.run(run_id).status for run_id in few] == ["successful"] * 2


def test_a_huge_backup_lets_others_go_first_and_goes_on_where_it_was(
    installation: Installation, source: HostileSource
) -> None:
    source.switches.hook = gate = Gate(from_page=3)
    [huge] = new_instances(installation, source, "huge", 1)
    with in_thread(HostileSource({"items": make_records(5)})) as other:
        [small] = new_instances(installation, other, "small", 1)
        [long_run] = queued(installation, [huge])
        installation.services.engine.start()
        gate.wait()
        wait_until_ended(installation, queued(installation, [small]))
    assert installation.run(long_run).gave_way >= 1
    gate.open()
    wait_until_ended(installation, [long_run])
    ended = installation.run(long_run)
    assert (ended.status, ended.counters["live"], ended.failures) == ("successful", 60, [])
    assert source.requests["/cursor/items"] == 1, "no page that was durable is read again"
