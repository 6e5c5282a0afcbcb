from holdfast.catalog import counts, figures, fleet, instances, runs, schedules, troubles
from holdfast.catalog.counts import EndpointCounts
from holdfast.clock import now, timedelta
from tests.unit.catalog.world import World


def _scheduled(world: World, label: str, age_hours: float) -> int:
    made = instances.create(
        world.conn, world.customer.id, world.definition.id, label=label, frequency="daily",
        created_at=now() - timedelta(hours=age_hours),
    )  # fmt: skip
    return made.id


def _ended(world: World, instance: int, status: runs.Status, hours_ago: float) -> int:
    run, _ = runs.queue(world.conn, instance)
    moment = now() - timedelta(hours=hours_ago)
    runs.end(world.conn, run.id, status, ended_at=moment, failures=[], counters={})
    return run.id


def test_the_age_of_the_last_good_backup_is_told_by_instance(world: World) -> None:
    fresh, failing, never = (_scheduled(world, label, 400) for label in ("fresh", "failing", "never"))
    for hours_ago in (48, 24, 1):
        _ended(world, fresh, "successful", hours_ago)
    _ended(world, failing, "successful", 100)
    _ended(world, failing, "failed", 1)
    found = fleet.read(world.conn)
    assert found.scheduled == 3, "the world's own instance has no schedule"
    assert found.within == {2: 1, 26: 1, 50: 1, 170: 2}
    assert [instance for instance, _ in found.oldest] == [never, failing, fresh]
    hours = [round((now() - moment) / timedelta(hours=1)) for _, moment in found.oldest]
    assert hours == [400, 100, 1]
    assert found.asked_for == {"queued": 1, "in_progress": 0, "successful": 4, "failed": 1, "canceled": 0}


def test_an_instance_without_schedule_or_deleted_is_not_waited_for(world: World) -> None:
    instance = _scheduled(world, "daily", 400)
    schedules.change(world.conn, instance, frequency="off")
    instances.create(
        world.conn, world.customer.id, world.definition.id, label="gone", frequency="daily", deleted_at=now()
    )
    found = fleet.read(world.conn)
    assert (found.scheduled, list(found.oldest)) == (0, [])


def test_instances_are_counted_by_what_is_wrong_until_it_is_over(world: World) -> None:
    instance = _scheduled(world, "failing", 400)
    troubles.begin(world.conn, instance, "alarm", "many are gone", "1")
    troubles.begin(world.conn, instance, "alarm", "many are other", "2")
    troubles.begin(world.conn, instance, "backup_late", "late")
    troubles.end(world.conn, instance, ["backup_late"])
    assert fleet.read(world.conn).in_trouble == {
        "backup_failed": 0, "credential_refused": 0, "backup_late": 0, "alarm": 1, "vault_damaged": 0,
    }  # fmt: skip


def test_deletions_are_held_until_a_backup_is_good_again(world: World) -> None:
    counts.put(world.conn, EndpointCounts(
        run_id=world.run.id, stream=world.stream, sequence=1, ordinal=0, outcome="partial", live=500, held=300,
        state_sum=b"s" * 16,
    ))  # fmt: skip
    world.end_run("failed")
    assert fleet.read(world.conn).deletions_held == 0, "nobody says that the instance is in trouble"
    troubles.begin(world.conn, world.instance.id, "backup_failed", "300 of 500 records would be gone")
    assert fleet.read(world.conn).deletions_held == 300
    troubles.end(world.conn, world.instance.id, ["backup_failed"])
    assert fleet.read(world.conn).deletions_held == 0


def test_the_longest_wait_in_the_queue_is_told(world: World) -> None:
    first = world.run.queued_at
    runs.queue(world.conn, _scheduled(world, "second", 1))
    assert figures.read(world.conn).backups_queued_since_seconds == int(first.timestamp())
