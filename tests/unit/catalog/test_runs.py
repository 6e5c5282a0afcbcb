import threading
from datetime import timedelta

import pytest

from holdfast.catalog import runs
from holdfast.catalog.database import Database
from holdfast.catalog.listing import PageRequest
from holdfast.clock import now
from holdfast.errors import NotFound
from tests.unit.catalog.world import World


def test_a_new_run_is_queued_with_the_next_sequence(world: World) -> None:
    assert (world.run.sequence, world.run.status, world.run.failures, world.run.counters) == (1, "queued", [], {})
    world.end_run()
    assert world.run.sequence == 2


def test_while_one_is_active_it_is_the_answer(world: World) -> None:
    again, is_new = runs.queue(world.conn, world.instance.id)
    assert (again, is_new) == (world.run, False)
    started = runs.start(world.conn, world.run.id, worker="w", definition_revision_id=None)
    assert runs.queue(world.conn, world.instance.id) == (started, False)


def test_two_that_ask_at_once_get_one_run(database: Database) -> None:
    with database.write() as conn:
        world = World.make(conn)
        runs.end(conn, world.run.id, "failed", ended_at=now(), failures=[], counters={})
    answers: list[tuple[int, bool]] = []

    def ask() -> None:
        with database.write() as conn:
            run, is_new = runs.queue(conn, world.instance.id)
            answers.append((run.id, is_new))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run_id for run_id, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1


def test_a_run_that_starts_again_keeps_its_start_and_revision(world: World) -> None:
    first = runs.start(world.conn, world.run.id, worker="one", definition_revision_id=5)
    again = runs.start(world.conn, world.run.id, worker="two", definition_revision_id=6)
    assert (again.started_at, again.definition_revision_id, again.worker) == (first.started_at, 5, "two")
    assert again.status == "in_progress"


def test_an_ended_run_does_not_start_or_end_again(world: World) -> None:
    ended = world.end_run("failed")
    assert runs.start(world.conn, ended.id, worker="w", definition_revision_id=None) == ended
    assert not runs.end(world.conn, ended.id, "successful", ended_at=now(), failures=[], counters={})
    assert not runs.request_cancel(world.conn, ended.id)
    assert runs.get(world.conn, ended.id) == ended


def test_a_cancel_is_noted_for_the_next_commit(world: World) -> None:
    assert runs.request_cancel(world.conn, world.run.id)
    assert runs.get(world.conn, world.run.id).cancel_requested_at is not None


def test_the_first_manifest_stands_until_the_run_has_ended(world: World) -> None:
    assert runs.keep_manifest(world.conn, world.run.id, b"one") == b"one"
    assert runs.keep_manifest(world.conn, world.run.id, b"two") == b"one"


def test_failures_and_counters_come_back_as_they_were(world: World) -> None:
    failures = [{"endpoint": "a\0", "page": 7, "record_id": "\ud800", "message": "é"}]
    runs.end(world.conn, world.run.id, "failed", ended_at=now(), failures=failures, counters={"new": 3})
    run = runs.get(world.conn, world.run.id)
    assert (run.failures, run.counters) == (failures, {"new": 3})


def test_what_a_reader_sees_is_the_newest_ended_run(world: World) -> None:
    assert runs.newest_ended(world.conn, world.instance.id) is None
    first = world.end_run()
    second = world.end_run("failed")
    assert first.ended_at is not None and second.ended_at is not None
    ended = {
        "now": runs.newest_ended(world.conn, world.instance.id),
        "then": runs.newest_ended(world.conn, world.instance.id, at=first.ended_at),
        "before": runs.newest_ended(world.conn, world.instance.id, at=first.ended_at - timedelta(microseconds=1)),
        "since": runs.newest_ended(world.conn, world.instance.id, since=now() + timedelta(1)),
        "good": runs.newest_ended(world.conn, world.instance.id, status="successful"),
    }
    assert ended == {"now": second, "then": first, "before": None, "since": None, "good": first}
    assert runs.newest(world.conn, world.instance.id) == world.run
    assert runs.active(world.conn, world.instance.id) == world.run


def test_runs_are_found_by_sequence_and_listed(world: World) -> None:
    first = world.end_run()
    assert runs.by_sequence(world.conn, world.instance.id, 1) == first
    assert runs.by_sequence(world.conn, world.instance.id, 9) is None
    assert runs.all_of_instance(world.conn, world.instance.id) == [first, world.run]
    assert runs.of_instance(world.conn, world.instance.id, PageRequest()).items == [first, world.run]
    assert runs.all_active(world.conn) == [world.run]


def test_another_instances_run_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        runs.get(world.conn, world.run.id, instance_id=world.instance.id + 1)
    with pytest.raises(NotFound):
        runs.get(world.conn, 1)


def test_a_rebuild_puts_runs_back_as_they_were(world: World) -> None:
    ended = world.end_run("failed")
    runs.restore(world.conn, ended)
    assert runs.get(world.conn, ended.id) == ended
