import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.clock import now
from holdfast.engine import heartbeats
from holdfast.engine.database import JobDatabase, job_database
from holdfast.engine.heartbeats import Heartbeat


@pytest.fixture
def database(tmp_path: Path) -> Iterator[JobDatabase]:
    database = job_database(f"sqlite:///{tmp_path}/jobs.db")
    heartbeats.create_table(database)
    yield database
    database.close()


def age(database: JobDatabase, executor_id: str, seconds: float) -> None:
    """Let the worker's last beat lie further back."""
    with database.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE engine_heartbeats SET beat_at = beat_at - :s WHERE executor_id = :id"),
            {"s": seconds, "id": executor_id},
        )


def test_the_table_may_be_created_twice(database: JobDatabase) -> None:
    heartbeats.create_table(database)


def test_a_beat_shows_where_the_worker_is(database: JobDatabase) -> None:
    Heartbeat(database, "one", 2).beat()
    (worker,) = heartbeats.workers(database, 6)
    assert (worker.executor_id, worker.pid, worker.is_alive) == ("one", os.getpid(), True)
    assert abs((now() - worker.beat_at).total_seconds()) < 5
    assert worker.started_at <= worker.beat_at


def test_a_worker_that_no_longer_beats_is_dead_until_it_beats_again(database: JobDatabase) -> None:
    one, two = Heartbeat(database, "one", 2), Heartbeat(database, "two", 2)
    one.beat()
    two.beat()
    age(database, "one", 7)
    assert {worker.executor_id: worker.is_alive for worker in heartbeats.workers(database, 6)} == {
        "one": False,
        "two": True,
    }
    one.beat()
    assert all(worker.is_alive for worker in heartbeats.workers(database, 6))


def test_a_worker_that_signs_off_leaves_no_row(database: JobDatabase) -> None:
    one = Heartbeat(database, "one", 2)
    one.beat()
    one.remove()
    assert heartbeats.workers(database, 6) == []


def test_rows_of_workers_long_silent_are_deleted(database: JobDatabase) -> None:
    for name in ("one", "two"):
        Heartbeat(database, name, 2).beat()
    age(database, "one", 100)
    heartbeats.forget_silent(database, 99)
    assert [worker.executor_id for worker in heartbeats.workers(database, 6)] == ["two"]


def test_after_a_gap_of_its_own_a_worker_gives_the_others_time(
    database: JobDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 1000.0
    monkeypatch.setattr("holdfast.engine.heartbeats.time.monotonic", lambda: moment)
    one = Heartbeat(database, "one", beat_s=2)
    one.beat()
    assert one.was_steady(6), "a new worker needs no proof"
    moment += 100
    assert not one.was_steady(6), "it has not beaten for long itself"
    one.beat()
    assert not one.was_steady(6)
    for _ in range(3):
        moment += 2
        one.beat()
    assert one.was_steady(6)
