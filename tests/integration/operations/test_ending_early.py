"""A run that waits for its source ends at once when it is canceled or its worker stops."""

import threading

import pytest

from holdfast.catalog import runs
from holdfast.engine import Interrupted
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from tests.support.documents import STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, make_records
from tests.support.installation import Installation


def throttled(source: HostileSource) -> None:
    for record in make_records(30):
        source.put("items", record)
    source.switches.throttle_times = 1_000
    source.switches.throttle_headers = {"Retry-After": "3000"}


def test_a_canceled_run_ends_though_the_source_says_wait(installation: Installation, source: HostileSource) -> None:
    throttled(source)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    run, _ = request_backup(installation.services, instance.id)
    worker = threading.Thread(target=run_backup, args=(installation.services, run.id))
    worker.start()
    while not source.log:
        worker.join(0.01)
    with installation.services.database.write() as connection:
        assert runs.request_cancel(connection, run.id)
    worker.join(60)
    assert not worker.is_alive()
    assert installation.run(run.id).status == "canceled"


def test_a_stopping_worker_leaves_the_run_to_the_next_one(installation: Installation, source: HostileSource) -> None:
    throttled(source)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    run, _ = request_backup(installation.services, instance.id)
    stopping = installation.services.engine.stopping
    timer = threading.Timer(0.5, stopping.set)
    timer.start()
    with pytest.raises(Interrupted):
        run_backup(installation.services, run.id)
    timer.join()
    assert installation.run(run.id).status == "in_progress"
    stopping.clear()
    source.switches.throttle_times = 0
    run_backup(installation.services, run.id)
    assert installation.run(run.id).status == "successful", installation.run(run.id).failures
