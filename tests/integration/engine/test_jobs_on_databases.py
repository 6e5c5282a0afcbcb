"""What holds on SQLite and on PostgreSQL alike, with one worker in this process."""

import logging
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from holdfast.engine import Engine, Interrupted, JobState, RetryPolicy
from holdfast.engine.queue import JobQueue
from holdfast.errors import CatalogBusy, EngineError, SourceRefused

from .conftest import PATIENCE_S, Catalog, until


class Gate:
    """A handler that waits until it is let through."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self.ran: list[int] = []

    def __call__(self, subject_id: int) -> None:
        self.begun.set()
        assert self.open.wait(PATIENCE_S)
        self.ran.append(subject_id)


def enqueue(engine: Engine, catalog: Catalog, *subject_ids: int, key: str | None = None) -> None:
    with catalog.write() as connection:
        for subject_id in subject_ids:
            engine.enqueue(connection, "backup", subject_id, key=key)


def reached(engine: Engine, subject_id: int, state: JobState) -> Callable[[], bool]:
    return lambda: engine.state("backup", subject_id) == state


def test_a_job_is_queued_then_running_then_done(engine: Engine, catalog: Catalog) -> None:
    gate = Gate()
    engine.register("backup", gate)
    assert engine.state("backup", 7) is None
    enqueue(engine, catalog, 7)
    assert engine.state("backup", 7) == JobState.QUEUED
    engine.start()
    assert gate.begun.wait(PATIENCE_S)
    assert engine.state("backup", 7) == JobState.RUNNING
    assert engine.is_queued_or_running("backup", 7)
    gate.open.set()
    until(reached(engine, 7, JobState.DONE), "the job is done")
    assert gate.ran == [7]
    assert not engine.is_queued_or_running("backup", 7)


def test_a_job_and_the_callers_rows_commit_together_or_not_at_all(engine: Engine, catalog: Catalog) -> None:
    ran: list[int] = []
    engine.register("backup", ran.append)
    with pytest.raises(ZeroDivisionError), catalog.write() as connection:
        connection.exec_driver_sql("INSERT INTO runs VALUES (1)")
        engine.enqueue(connection, "backup", 1)
        raise ZeroDivisionError
    with catalog.write() as connection:
        connection.exec_driver_sql("INSERT INTO runs VALUES (2)")
        engine.enqueue(connection, "backup", 2)
    engine.start()
    until(reached(engine, 2, JobState.DONE), "the committed job is done")
    assert (catalog.runs(), ran) == ([2], [2])
    assert engine.state("backup", 1) is None


def test_a_second_enqueue_of_the_same_is_no_second_job(engine: Engine, catalog: Catalog) -> None:
    ran: list[int] = []
    engine.register("backup", ran.append)
    enqueue(engine, catalog, 7, 7)
    engine.start()
    until(reached(engine, 7, JobState.DONE), "the job is done")
    enqueue(engine, catalog, 7, 8)
    until(reached(engine, 8, JobState.DONE), "the later job is done")
    assert ran == [7, 8]


def test_a_forgotten_job_can_be_enqueued_again_but_a_live_one_is_not_forgotten(
    engine: Engine, catalog: Catalog
) -> None:
    ran: list[int] = []
    engine.register("backup", ran.append)
    enqueue(engine, catalog, 7)
    assert not engine.forget("backup", 7)
    engine.start()
    until(reached(engine, 7, JobState.DONE), "the job is done")
    assert engine.forget("backup", 7)
    assert not engine.forget("backup", 7)
    enqueue(engine, catalog, 7)
    until(reached(engine, 7, JobState.DONE), "the job is done again")
    assert ran == [7, 7]


def test_a_job_may_have_a_key_of_its_own(engine: Engine, catalog: Catalog) -> None:
    ran: list[int] = []
    engine.register("backup", ran.append)
    enqueue(engine, catalog, 7, key="instance-3-at-08:00")
    enqueue(engine, catalog, 8, key="instance-3-at-08:00")
    engine.start()
    until(lambda: engine.state("backup", 7, key="instance-3-at-08:00") == JobState.DONE, "the job is done")
    assert ran == [7]
    assert engine.state("backup", 7) is None


def test_a_failed_handler_leaves_a_failed_job_and_one_line_in_the_log(
    engine: Engine, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: int) -> None:
        raise SourceRefused("403 from the source", status=403)

    engine.register("backup", fail)
    enqueue(engine, catalog, 7)
    with caplog.at_level(logging.WARNING):
        engine.start()
        until(reached(engine, 7, JobState.FAILED), "the job has failed")
        engine.stop()
    assert [record.getMessage() for record in caplog.records] == ["backup 7 failed: 403 from the source"]


def test_states_of_many_jobs_come_at_once(engine: Engine, catalog: Catalog) -> None:
    engine.register("backup", lambda _: None)
    enqueue(engine, catalog, *range(1200))
    engine.cancel("backup", 3)
    states = engine.states("backup", range(-5, 1200))
    assert len(states) == 1200
    assert {subject_id for subject_id, state in states.items() if state != JobState.QUEUED} == {3}
    assert engine.states("backup", []) == {}


def test_a_canceled_job_never_begins(engine: Engine, catalog: Catalog) -> None:
    ran: list[int] = []
    engine.register("backup", ran.append)
    enqueue(engine, catalog, 7, 8)
    engine.cancel("backup", 7)
    engine.start()
    until(reached(engine, 8, JobState.DONE), "the other job is done")
    assert ran == [8]
    assert engine.state("backup", 7) == JobState.CANCELED


def test_a_running_job_that_is_canceled_ends_by_itself(engine: Engine, catalog: Catalog) -> None:
    gate = Gate()
    engine.register("backup", gate)
    enqueue(engine, catalog, 7)
    engine.start()
    assert gate.begun.wait(PATIENCE_S)
    engine.cancel("backup", 7)
    gate.open.set()
    assert engine.stop(drain_s=PATIENCE_S)
    assert gate.ran == [7]
    assert engine.state("backup", 7) == JobState.CANCELED


def test_stop_lets_running_jobs_end_and_begins_no_other(url: str, engine: Engine, catalog: Catalog) -> None:
    gate = Gate()
    engine.register("backup", gate, concurrency=1)
    enqueue(engine, catalog, 1, 2)
    engine.start()
    assert gate.begun.wait(PATIENCE_S)

    def open_once_none_is_taken() -> None:
        until(lambda: not any("queue-worker" in one.name for one in threading.enumerate()), "no job is taken any more")
        gate.open.set()

    opener = threading.Thread(target=open_once_none_is_taken)
    opener.start()
    assert engine.stop(drain_s=PATIENCE_S)
    opener.join()
    assert gate.ran == [1]
    assert engine.states("backup", [1, 2]) == {1: JobState.DONE, 2: JobState.QUEUED}
    assert not engine.is_worker
    with Engine(url, poll_s=0.02) as later:
        later.register("backup", gate)
        later.start()
        until(reached(later, 2, JobState.DONE), "the next worker runs what was left")


def test_an_interrupted_job_is_run_again_by_the_next_worker(url: str, engine: Engine, catalog: Catalog) -> None:
    begun = threading.Event()

    def long(_: int) -> None:
        begun.set()
        if engine.stopping.wait(PATIENCE_S):
            raise Interrupted

    engine.register("backup", long)
    enqueue(engine, catalog, 7)
    engine.start()
    assert begun.wait(PATIENCE_S)
    assert engine.stop(drain_s=0)
    assert engine.state("backup", 7) == JobState.QUEUED, "it is nobody's failure"
    assert engine.workers() == []
    ran: list[int] = []
    with Engine(url, poll_s=0.02) as later:
        later.register("backup", ran.append)
        later.start()
        until(reached(later, 7, JobState.DONE), "the next worker runs it again")
    assert ran == [7]


def test_a_worker_whose_job_does_not_end_says_so(engine: Engine, catalog: Catalog) -> None:
    gate = Gate()
    engine.register("backup", gate)
    enqueue(engine, catalog, 7)
    engine.start()
    assert gate.begun.wait(PATIENCE_S)
    assert not engine.stop(drain_s=0, grace_s=0.05)
    if engine.worker_lock is not None:
        assert engine.worker_lock.held, "nobody else may be the worker while a job still runs here"
    gate.open.set()
    assert engine.state("backup", 7) == JobState.RUNNING, "its end counts no more: it will be run again"


def test_a_worker_can_start_again_in_the_same_process(engine: Engine, catalog: Catalog) -> None:
    ran: list[int] = []
    engine.register("backup", ran.append)
    for subject_id in (1, 2):
        enqueue(engine, catalog, subject_id)
        engine.start()
        until(reached(engine, subject_id, JobState.DONE), "the job is done")
        assert engine.stop()
        assert engine.stop(), "stopping twice does no harm"
    assert ran == [1, 2]


def test_a_process_is_one_worker_at_most(url: str, engine: Engine) -> None:
    engine.start()
    with pytest.raises(EngineError):
        engine.start()
    with Engine(url) as other, pytest.raises(EngineError, match="already"):
        other.start()
    assert engine.is_worker


def test_kinds_do_not_wait_for_each_other(engine: Engine, catalog: Catalog) -> None:
    gate, ran = Gate(), list[int]()
    engine.register("backup", gate, concurrency=1)
    engine.register("export", ran.append)
    enqueue(engine, catalog, 1, 2)
    with catalog.write() as connection:
        engine.enqueue(connection, "export", 3)
    engine.start()
    until(lambda: ran == [3], "the export is done")
    assert gate.ran == []
    gate.open.set()


def test_an_infrastructure_error_is_retried_within_the_job(url: str, engine: Engine, catalog: Catalog) -> None:
    calls: list[int] = []

    def busy_once(subject_id: int) -> None:
        calls.append(subject_id)
        if len(calls) == 1:
            raise CatalogBusy("busy")

    with Engine(url, poll_s=0.02, retry=RetryPolicy(first_pause_s=0.01)) as patient:
        patient.register("backup", busy_once)
        enqueue(patient, catalog, 7)
        patient.start()
        until(reached(patient, 7, JobState.DONE), "the job is done")
    assert calls == [7, 7]


def test_a_job_that_got_lost_between_queue_and_handler_is_run_after_all(url: str, catalog: Catalog) -> None:
    # As if the database had gone away just after this worker had claimed the job.
    ran: list[int] = []
    with Engine(url, poll_s=0.02, beat_s=0.2) as engine:  # looks for lost jobs every second
        table = "workflow_status" if engine.worker_lock is not None else "dbos.workflow_status"
        engine.register("backup", ran.append)
        engine.start()
        with catalog.write() as connection:
            engine.enqueue(connection, "backup", 7)
            claim = sa.text(f"UPDATE {table} SET status = 'PENDING', executor_id = :executor")
            connection.execute(claim, {"executor": engine.executor_id})
        assert engine.state("backup", 7) == JobState.RUNNING
        until(reached(engine, 7, JobState.DONE), "the job is done")
    assert set(ran) == {7}


def test_finished_jobs_are_forgotten_after_a_while(engine: Engine, catalog: Catalog) -> None:
    engine.register("backup", lambda _: None)
    enqueue(engine, catalog, 1, 2, 3)
    engine.cancel("backup", 3)
    engine.start()
    until(lambda: engine.states("backup", [1, 2]) == dict.fromkeys([1, 2], JobState.DONE), "two jobs are done")
    engine.stop()
    enqueue(engine, catalog, 4)
    queue = JobQueue(engine._database)
    assert list(queue.forget_finished(3600)) == []
    assert list(queue.forget_finished(-1)) == [3]
    assert engine.states("backup", [1, 2, 3, 4]) == {4: JobState.QUEUED}


def test_migrating_twice_changes_nothing(engine: Engine, catalog: Catalog) -> None:
    enqueue(engine, catalog, 7)
    engine.migrate()
    assert engine.state("backup", 7) == JobState.QUEUED


def test_five_hundred_quick_jobs(engine: Engine, catalog: Catalog) -> None:
    engine.register("backup", lambda _: None, concurrency=64)
    enqueue(engine, catalog, *range(500))
    engine.start()
    states = dict.fromkeys(range(500), JobState.DONE)
    took_s = until(lambda: engine.states("backup", range(500)) == states, "all are done")
    print(f"{500 / took_s:.0f} jobs per second")
