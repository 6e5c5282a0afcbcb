from datetime import timedelta

from holdfast.catalog import logs
from holdfast.clock import parse_time
from tests.unit.catalog.world import World

DAY = parse_time("2026-11-24")
NEXT = DAY + timedelta(days=1)


def _write(world: World, count: int) -> None:
    moments = [DAY - timedelta(seconds=1), *(DAY + timedelta(seconds=second // 2) for second in range(count)), NEXT]
    entries = [(moment, "info", f"{number} \0", {"n": number}) for number, moment in enumerate(moments)]
    logs.add(world.conn, world.instance.id, entries)


def test_a_day_is_read_page_by_page(world: World) -> None:
    _write(world, 7)
    found: list[int] = []
    after = None
    while page := logs.page(world.conn, world.instance.id, DAY, NEXT, after=after, limit=3):
        found += [entry.fields["n"] for entry in page]
        after = (page[-1].logged_at, page[-1].id)
    assert found == [1, 2, 3, 4, 5, 6, 7]


def test_an_entry_of_now_keeps_its_fields(world: World) -> None:
    logs.write(world.conn, world.instance.id, "error", "It failed", endpoint="issues", page=7)
    logs.add(world.conn, world.instance.id, [])
    (entry,) = logs.page(world.conn, world.instance.id, DAY - timedelta(days=9_999), NEXT + timedelta(days=9_999))
    assert (entry.level, entry.message, entry.fields) == ("error", "It failed", {"endpoint": "issues", "page": 7})


def test_old_entries_are_forgotten(world: World) -> None:
    _write(world, 2)
    assert logs.forget(world.conn, world.instance.id, DAY) == 1
    assert logs.forget(world.conn, world.instance.id + 1, NEXT) == 0
    assert logs.forget(world.conn, world.instance.id, NEXT + timedelta(days=1)) == 3
