"""Worker processes that are killed, paused and stopped while a job runs."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.engine import Engine, JobState

from .conftest import PATIENCE_S, Catalog, Workers, until


@pytest.fixture
def workers(url: str, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(url, tmp_path)
    yield workers
    workers.end()


on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


def enqueue(engine: Engine, catalog: Catalog, subject_id: int) -> None:
    with catalog.write() as connection:
        engine.enqueue(connection, "backup", subject_id)


def begun(workers: Workers, subject_id: int, pid: int) -> bool:
    return ("begin", subject_id, pid) in workers.log()


def pair(
    engine: Engine, catalog: Catalog, workers: Workers, dead_after_s: float = 2.0
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Two workers at work: the one that runs job 7 and takes nobody for dead, and the other."""
    first = workers.ready(workers.start(dead_after_s=3600))
    enqueue(engine, catalog, 7)
    until(workers.log, "the first one begins")
    return first, workers.ready(workers.start(dead_after_s=dead_after_s))


@on_sqlite
def test_a_killed_workers_job_is_run_again_by_the_next_process(
    engine: Engine, catalog: Catalog, workers: Workers
) -> None:
    enqueue(engine, catalog, 7)
    first = workers.ready(workers.start(dead_after_s=3600))
    until(lambda: begun(workers, 7, first.pid), "the first worker begins")
    first.kill()
    first.wait()
    assert engine.state("backup", 7) == JobState.RUNNING
    second = workers.ready(workers.start(dead_after_s=3600))
    took_s = until(lambda: begun(workers, 7, second.pid), "the second worker takes over")
    print(f"taken over {took_s:.2f} s after the start")
    workers.release(7)
    until(lambda: engine.state("backup", 7) == JobState.DONE, "the job is done")
    assert workers.log() == [("begin", 7, first.pid), ("begin", 7, second.pid), ("end", 7, second.pid)]


@on_sqlite
def test_there_is_one_worker_and_it_leaves_no_word_on_the_console(
    engine: Engine, catalog: Catalog, workers: Workers
) -> None:
    first = workers.ready(workers.start(beat_s=2.0))
    second = workers.start()
    output, errors = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 3
    assert f"process {first.pid} is already the worker" in output
    assert errors == ""
    enqueue(engine, catalog, 7)
    until(lambda: begun(workers, 7, first.pid), "the one worker begins")
    workers.release(7)
    until(lambda: engine.state("backup", 7) == JobState.DONE, "the job is done")
    first.send_signal(signal.SIGTERM)
    output, errors = first.communicate(timeout=PATIENCE_S)
    assert (first.returncode, output, errors) == (0, "", "")
    assert not any(worker.is_alive for worker in engine.workers())


@on_postgresql
def test_a_live_worker_takes_over_from_a_killed_one(engine: Engine, catalog: Catalog, workers: Workers) -> None:
    first, second = pair(engine, catalog, workers)
    first.kill()
    took_s = until(lambda: begun(workers, 7, second.pid), "the second worker takes over")
    print(f"taken over {took_s:.2f} s after the kill, with a beat of 0.5 s and a limit of 2 s")
    workers.release(7)
    until(lambda: engine.state("backup", 7) == JobState.DONE, "the job is done")
    assert [event for event, *_ in workers.log()] == ["begin", "begin", "end"]


@on_postgresql
def test_a_stopped_workers_job_is_taken_over_at_once(engine: Engine, catalog: Catalog, workers: Workers) -> None:
    first, second = pair(engine, catalog, workers, dead_after_s=3600)
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_S) == 0
    until(lambda: begun(workers, 7, second.pid), "the second worker takes over")
    workers.release(7)
    until(lambda: engine.state("backup", 7) == JobState.DONE, "the job is done")


@on_postgresql
def test_a_paused_worker_that_wakes_up_ends_nothing_that_was_taken_over(
    engine: Engine, catalog: Catalog, workers: Workers
) -> None:
    first, second = pair(engine, catalog, workers)
    first.send_signal(signal.SIGSTOP)
    until(lambda: begun(workers, 7, second.pid), "the second worker takes over")
    second.send_signal(signal.SIGSTOP)
    workers.release(7)
    first.send_signal(signal.SIGCONT)
    until(lambda: ("end", 7, first.pid) in workers.log(), "the first worker's handler ends")
    assert engine.state("backup", 7) == JobState.RUNNING, "the job is the second worker's now"
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_S) == 0, "it does not wait for ever for the job's outcome"
    second.send_signal(signal.SIGCONT)
    until(lambda: engine.state("backup", 7) == JobState.DONE, "the second worker ends it")


@on_postgresql
def test_an_old_and_a_new_release_work_side_by_side(engine: Engine, catalog: Catalog, workers: Workers) -> None:
    old = workers.ready(workers.start(0.5, 2.0))
    with catalog.write() as connection:
        engine.enqueue(connection, "restore", 8)  # of a kind that only the new release knows
    enqueue(engine, catalog, 7)
    until(lambda: begun(workers, 7, old.pid), "the old release begins what it knows")
    new = workers.ready(workers.start(0.5, 2.0, "restore"))
    until(lambda: begun(workers, 8, new.pid), "the new one begins the rest")
    assert not begun(workers, 8, old.pid)
    old.kill()
    until(lambda: begun(workers, 7, new.pid), "the new one takes over from the old one")
    older = workers.ready(workers.start(0.5, 2.0))
    new.kill()
    until(lambda: begun(workers, 7, older.pid), "and an old one from the new one")
    workers.release(7)
    until(lambda: engine.state("backup", 7) == JobState.DONE, "the job is done")
