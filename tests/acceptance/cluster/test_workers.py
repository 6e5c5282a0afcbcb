"""Workers over one PostgreSQL that are killed, frozen, cut off and stopped while a backup runs."""

import json
from typing import Any

import pytest

from holdfast.catalog.instances import Instance
from holdfast.operations.backup.request import request_backup
from tests.contract.client import Gate, items_document
from tests.support.cluster import DEAD_S, Cluster, Node, until
from tests.support.hostile_source import HostileSource


def begin(machines: Cluster, source: HostileSource, gate: Gate, **settings: Any) -> tuple[Instance, int, Node, Node]:
    """A backup that has reached its sixth page: instance, run, the worker that runs it, another one."""
    installation = machines.installation
    instance = installation.instance(items_document(source))
    run, _ = request_backup(installation.services, instance.id)
    nodes = [machines.worker(**settings), machines.worker(**settings)]
    gate.wait()
    until(lambda: checkpoints(machines, instance) >= 100, "a checkpoint")
    first = machines.running_on(run.id)
    assert first is not None
    return instance, run.id, first, next(node for node in nodes if node is not first)


def checkpoints(machines: Cluster, instance: Instance) -> int:
    """So many records are durable."""
    with machines.installation.services.database.read() as connection:
        return connection.exec_driver_sql(
            "SELECT count(*) FROM current JOIN endpoint_streams s ON s.id = stream WHERE s.instance_id = %s",
            (instance.id,),
        ).scalar_one()


def is_whole(machines: Cluster, instance: Instance, run_id: int) -> None:
    installation = machines.installation
    run = installation.run(run_id)
    assert (run.status, run.failures) == ("successful", [])
    assert (run.counters["live"], run.counters["new"]) == (250, 250)
    ids = sorted(json.loads(raw)["id"] for raw in installation.records(instance, "items").values())
    assert ids == list(range(1, 251))


def ended(machines: Cluster, run_id: int) -> bool:
    return not machines.installation.run(run_id).active


@pytest.mark.parametrize("number", range(3))
def test_a_killed_workers_backup_is_taken_over_without_a_lost_page(
    machines: Cluster, source: HostileSource, gate: Gate, number: int
) -> None:
    killed_and_taken_over(machines, source, gate, number)


def killed_and_taken_over(machines: Cluster, source: HostileSource, gate: Gate, number: int) -> None:
    instance, run_id, first, second = begin(machines, source, gate)
    read = len(source.log)
    first.kill()
    gate.open()
    took_s = until(lambda: ended(machines, run_id), "the other worker ends it")
    print(f"try {number}: taken over and ended {took_s:.1f} s after the kill, dead after {DEAD_S:g} s")
    assert took_s < 10 * DEAD_S, "what does not shrink with the beat takes a second, and more where the machine is busy"
    is_whole(machines, instance, run_id)
    assert machines.running_on(run_id) is second
    again = source.log[read:]
    assert not any(line.split("?")[-1] == "cursor=c25" for line in again), "it goes on at a checkpoint"


def test_a_frozen_worker_that_wakes_up_commits_nothing(machines: Cluster, source: HostileSource, gate: Gate) -> None:
    instance, run_id, first, second = begin(machines, source, gate)
    first.freeze()
    # Its page arrives while it is frozen: on waking it wants to commit what it has in hand.
    until(lambda: machines.running_on(run_id) is second, "the other worker takes over")
    second.freeze()
    before = checkpoints(machines, instance)
    gate.open()
    first.thaw()
    until(lambda: first.says("the lease of instance"), "the first finds that it has lost its lease")
    assert checkpoints(machines, instance) == before
    assert machines.installation.run(run_id).active
    second.thaw()
    until(lambda: ended(machines, run_id), "the backup ends")
    is_whole(machines, instance, run_id)


def test_a_worker_that_is_cut_off_from_the_database_is_taken_over_from(
    machines: Cluster, source: HostileSource, gate: Gate
) -> None:
    instance, run_id, first, second = begin(machines, source, gate)
    first.database.cut()
    gate.open()
    until(lambda: ended(machines, run_id), "the other worker ends it")
    assert machines.running_on(run_id) is second
    is_whole(machines, instance, run_id)
    first.database.mend()
    until(lambda: sum(one.is_alive for one in machines.installation.services.engine.workers()) == 2, "it is back")


def test_a_worker_that_is_stopped_drains_and_the_other_goes_on_at_once(
    machines: Cluster, source: HostileSource, gate: Gate
) -> None:
    instance, run_id, first, second = begin(machines, source, gate, worker_dead_seconds=600)
    assert first.stop() == 0
    until(lambda: machines.running_on(run_id) is second, "the other worker goes on")
    gate.open()
    until(lambda: ended(machines, run_id), "the backup ends")
    is_whole(machines, instance, run_id)
