from holdfast.catalog import scopes
from holdfast.clock import now
from tests.unit.catalog.world import World


def test_scopes_are_made_once(world: World) -> None:
    first = scopes.ensure(world.conn, world.stream, ["a\0", "b"])
    again = scopes.ensure(world.conn, world.stream, ["b", "c", "c"])
    assert set(again) == {"b", "c"}
    assert again["b"] == first["b"]
    assert [scope.parent_key for scope in scopes.of_stream(world.conn, world.stream)] == ["a\0", "b", "c"]
    assert scopes.ensure(world.conn, world.stream, []) == {}


def test_a_checkpoint_is_kept_and_ends_with_completion(world: World) -> None:
    scope = scopes.ensure(world.conn, world.stream, [""])[""]
    checkpoint = {"position": {"cursor": "é\0"}, "pages": 3}
    scopes.set_checkpoint(world.conn, scope.id, world.run.id, "listing", checkpoint, live=4)
    kept = scopes.get(world.conn, scope.id)
    assert (kept.run_id, kept.state, kept.checkpoint, kept.live) == (world.run.id, "listing", checkpoint, 4)
    assert kept.last_complete_run is None and kept.cursor is None
    moment = now()
    scopes.complete(
        world.conn, scope.id, world.run.id, 1, state="complete", cursor="c", fingerprint="f", full_at=moment
    )  # fmt: skip
    done = scopes.get(world.conn, scope.id)
    assert (done.checkpoint, done.cursor, done.fingerprint, done.last_full_at) == (None, "c", "f", moment)
    assert (done.last_complete_run, done.last_full_run, done.live) == (1, 1, 4)


def test_a_delta_completes_without_being_a_full_listing(world: World) -> None:
    scope = scopes.ensure(world.conn, world.stream, [""])[""]
    moment = now()
    for sequence, full_at in ((1, moment), (2, None)):
        scopes.complete(
            world.conn, scope.id, world.run.id, sequence, state="complete", cursor="c", fingerprint="f",
            full_at=full_at, live=sequence,
        )  # fmt: skip
    done = scopes.get(world.conn, scope.id)
    assert (done.last_complete_run, done.last_full_run, done.last_full_at, done.live) == (2, 1, moment, 2)


def test_live_counts_add_up(world: World) -> None:
    one, two = (scope.id for scope in scopes.ensure(world.conn, world.stream, ["a", "b"]).values())
    scopes.set_live(world.conn, {one: 5, two: 2})
    scopes.add_live(world.conn, {one: -1, two: 4})
    scopes.set_live(world.conn, {})
    scopes.add_live(world.conn, {one: 0})
    assert [scope.live for scope in scopes.of_stream(world.conn, world.stream)] == [4, 6]
    assert scopes.live_total(world.conn, world.stream) == 10
    assert scopes.live_total(world.conn, world.stream + 1) == 0


def test_a_voided_cursor_is_gone(world: World) -> None:
    scope = scopes.ensure(world.conn, world.stream, [""])[""]
    scopes.complete(world.conn, scope.id, 1, 1, state="complete", cursor="c", fingerprint="f", full_at=None)
    scopes.void(world.conn, [scope.id])
    voided = scopes.get(world.conn, scope.id)
    assert (voided.cursor, voided.fingerprint, voided.last_complete_run) == (None, None, 1)


def test_more_parents_than_one_statement_may_name(world: World) -> None:
    names = [f"{number}" for number in range(12_000)]
    made = scopes.ensure(world.conn, world.stream, names)
    assert len(made) == len(scopes.of_stream(world.conn, world.stream)) == 12_000
    assert scopes.ensure(world.conn, world.stream, names) == made


def test_what_is_remembered_outlives_the_runs(world: World) -> None:
    scope = scopes.ensure(world.conn, world.stream, [""])[""]
    assert scope.memory is None
    scopes.remember(world.conn, scope.id, {"other": 1})
    scopes.remember(world.conn, scope.id, {"swept_at": "2026-01-01", "deletions": {"cursor": "7"}})
    scopes.complete(world.conn, scope.id, world.run.id, 1, state="complete", cursor="c", fingerprint="f", full_at=None)
    assert scopes.get(world.conn, scope.id).memory == {"swept_at": "2026-01-01", "deletions": {"cursor": "7"}}
    scopes.void_instance(world.conn, world.run.instance_id)
    void = scopes.get(world.conn, scope.id)
    assert (void.cursor, void.fingerprint, void.memory) == (None, None, None)


def test_listings_with_records_are_told_from_empty_ones(world: World) -> None:
    found = scopes.ensure(world.conn, world.stream, ["a", "b"])
    scopes.add_live(world.conn, {found["a"].id: 2})
    assert scopes.filled(world.conn, world.stream, ["a", "b", "c"]) == {"a"}
    assert scopes.filled(world.conn, world.stream, []) == set()
    assert scopes.parent_keys(world.conn, [found["b"].id, found["a"].id]) == {found["a"].id: "a", found["b"].id: "b"}


def test_what_a_run_has_read_is_counted_and_the_first_that_tell_something_are_shown(world: World) -> None:
    found = scopes.ensure(world.conn, world.stream, ["a", "b", "c", "d"])
    for key, told in (("a", None), ("b", {"cursor": "1"}), ("c", {"cursor": "2"})):
        scopes.complete(
            world.conn, found[key].id, world.run.id, 1, state="complete", cursor=None, fingerprint="f", full_at=None,
            testimony=told,
        )  # fmt: skip
    scopes.set_checkpoint(world.conn, found["d"].id, world.run.id, "skipped", {"position": None})
    number, shown = scopes.of_run(world.conn, world.stream, world.run.id, 1)
    assert (number, [one.parent_key for one in shown]) == (4, ["b"])
    assert [one.parent_key for one in scopes.of_run(world.conn, world.stream, world.run.id, 9)[1]] == ["b", "c"]
