from holdfast.catalog import debts
from holdfast.catalog.debts import PENDING, Debt, Kind
from tests.unit.catalog.world import World


def _debt(world: World, key: str, kind: Kind = "blob", cause: str = PENDING, run: int = 1, attempts: int = 0) -> Debt:
    return Debt(world.stream, key, kind, None, cause, "why \0 \ud800", attempts, run, run)


def test_a_debt_owed_again_keeps_its_first_run_and_adds_up(world: World) -> None:
    debts.put(world.conn, [_debt(world, "a")])
    debts.put(world.conn, [_debt(world, "a", cause="source_failed", run=2, attempts=1)])
    debts.put(world.conn, [_debt(world, "a", cause="source_refused", run=3, attempts=1)])
    debts.put(world.conn, [])
    (debt,) = debts.of_stream(world.conn, world.stream)
    assert (debt.cause, debt.attempts, debt.first_run, debt.last_run) == ("source_refused", 2, 1, 3)
    assert debt.message.startswith("why ")


def test_a_record_may_have_a_debt_of_each_kind(world: World) -> None:
    debts.put(world.conn, [_debt(world, key, kind) for key in ("b\0", "a") for kind in ("record", "blob")])
    owed = [(debt.record_key, debt.kind) for debt in debts.of_stream(world.conn, world.stream)]
    assert owed == [("a", "blob"), ("a", "record"), ("b\0", "blob"), ("b\0", "record")]
    assert debts.settle(world.conn, world.stream, "blob", ["a", "b\0", "c"]) == 2
    assert debts.settle(world.conn, world.stream, "blob", []) == 0
    assert [debt.record_key for debt in debts.of_stream(world.conn, world.stream, kind="record", after="a")] == ["b\0"]
    assert debts.of_stream(world.conn, world.stream, kind="blob") == []


def test_each_run_tries_every_debt_once(world: World) -> None:
    debts.put(world.conn, [
        _debt(world, "new"),
        _debt(world, "old", cause="source_failed", attempts=1),
        _debt(world, "tried", cause="source_failed", run=2, attempts=1),
        _debt(world, "record", "record", cause="source_failed", attempts=1),
    ])  # fmt: skip
    untried = debts.untried(world.conn, world.stream, "blob", 2, 10)
    assert [debt.record_key for debt in untried] == ["new", "old"]
    assert len(debts.untried(world.conn, world.stream, "blob", 2, 1)) == 1


def test_the_summary_counts_by_cause(world: World) -> None:
    debts.put(world.conn, [_debt(world, "a"), _debt(world, "b"), _debt(world, "c", cause="gone", attempts=1)])
    assert debts.summary(world.conn, world.instance.id) == [
        ("records", "blob", "gone", 1), ("records", "blob", PENDING, 2)
    ]  # fmt: skip
