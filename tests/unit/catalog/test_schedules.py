import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from holdfast.catalog import instances, schedules
from holdfast.catalog.database import Database
from holdfast.clock import now
from holdfast.errors import CatalogError
from tests.unit.catalog.world import World


def test_what_is_due_comes_longest_overdue_first(world: World) -> None:
    moment = now()
    made = [
        instances.create(
            world.conn, world.customer.id, world.definition.id, frequency="cron", cron="0 3 * * *",
            time_zone="Europe/Berlin", next_due_at=moment + timedelta(minutes=minutes),
        )
        for minutes in (-1, -3, 1, 0)
    ]  # fmt: skip
    due = schedules.due(world.conn, moment)
    assert [one.instance_id for one in due] == [made[1].id, made[0].id, made[3].id]
    assert (due[0].frequency, due[0].cron, due[0].time_zone) == ("cron", "0 3 * * *", "Europe/Berlin")
    assert due[0].due_at == moment - timedelta(minutes=3)
    assert len(schedules.due(world.conn, moment, limit=1)) == 1
    schedules.move(world.conn, {one.instance_id: moment + timedelta(days=1) for one in due})
    assert schedules.due(world.conn, moment) == []


def test_a_changed_schedule_is_kept(world: World) -> None:
    moment = now()
    schedules.change(world.conn, world.instance.id, frequency="daily", next_due_at=moment)
    changed = instances.get(world.conn, world.instance.id)
    assert (changed.frequency, changed.cron, changed.next_due_at) == ("daily", None, moment)
    schedules.change(world.conn, world.instance.id, frequency="off")
    assert schedules.due(world.conn, moment) == []


def test_a_deleted_instance_is_never_due(world: World) -> None:
    moment = now()
    schedules.change(world.conn, world.instance.id, frequency="daily", next_due_at=moment)
    instances.mark_deleted(world.conn, world.instance.id, moment)
    schedules.change(world.conn, world.instance.id, frequency="daily", next_due_at=moment)
    schedules.move(world.conn, {world.instance.id: moment})
    schedules.move(world.conn, {})
    assert schedules.due(world.conn, moment) == []


def test_an_unknown_frequency_is_refused(database: Database) -> None:
    with pytest.raises(CatalogError), database.write() as conn:
        schedules.change(conn, World.make(conn).instance.id, frequency="sometimes")


def test_two_schedulers_never_take_the_same_instance(database: Database) -> None:
    moment = now()
    with database.write() as conn:
        world = World.make(conn)
        for _ in range(40):
            instances.create(
                conn, world.customer.id, world.definition.id, frequency="daily", next_due_at=moment
            )  # fmt: skip
    taken: list[int] = []

    def scan() -> None:
        for _ in range(10):
            with database.write() as conn:
                due = schedules.due(conn, moment, limit=5)
                schedules.move(conn, {one.instance_id: moment + timedelta(days=1) for one in due})
            taken.extend(one.instance_id for one in due)

    threads = [threading.Thread(target=scan) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_the_scan_reads_an_index(world: World) -> None:
    if world.conn.dialect.name == "sqlite":
        plan = world.conn.execute(
            sa.text("EXPLAIN QUERY PLAN SELECT id FROM instances WHERE next_due_at IS NOT NULL AND next_due_at <= 1"
                    " ORDER BY next_due_at LIMIT 5")
        ).all()  # fmt: skip
        assert "ix_instances_next_due_at" in str(plan)
