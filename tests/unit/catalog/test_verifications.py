import sqlalchemy as sa

from holdfast.catalog import replications, verifications
from holdfast.clock import now, timedelta

ALL = {"share": 1.0, "by": "command", "seed": "1"}
ERROR = {"severity": "error", "object": "packs/1/aa/x"}


def test_a_check_goes_on_until_it_ends(conn: sa.Connection) -> None:
    begun = verifications.begin(conn, ALL, now())
    assert verifications.newest(conn) is None and verifications.proved_at(conn) is None
    verifications.advance(conn, begun.id, "packs/1/aa/x", objects=3, size_bytes=30, findings=[ERROR])
    (under_way,) = verifications.unended(conn)
    assert (under_way.position, under_way.size_bytes, under_way.errors) == ("packs/1/aa/x", 30, 1)
    assert verifications.newest(conn) == under_way
    moment = now()
    verifications.end(conn, begun.id, moment)
    assert verifications.unended(conn) == [] and verifications.proved_at(conn) == moment
    assert [one.id for one in verifications.ended(conn)] == [begun.id]


def test_only_the_newest_are_kept_and_one_can_be_dropped(conn: sa.Connection) -> None:
    made = [verifications.begin(conn, {**ALL, "share": 0.0}, now()) for _ in range(4)]
    for one in made:
        verifications.end(conn, one.id, now())
    assert verifications.proved_at(conn) is None, "a check of the structure proves no data"
    verifications.forget(conn, kept=2)
    assert [one.id for one in verifications.ended(conn)] == [made[3].id, made[2].id]
    verifications.drop(conn, made[3].id)
    assert [one.id for one in verifications.ended(conn)] == [made[2].id]


def test_a_replica_remembers_when_it_last_had_everything(conn: sa.Connection) -> None:
    first, later = now(), now() + timedelta(hours=1)
    replications.begin(conn, "s3://copy", first)
    replications.end(
        conn, "s3://copy", first, objects=2, size_bytes=20, findings=[], is_complete=True, looked_at_all=True
    )
    replications.begin(conn, "s3://copy", later)
    replications.end(
        conn, "s3://copy", later, objects=0, size_bytes=0, findings=[ERROR], is_complete=False, looked_at_all=True
    )
    (state,) = replications.every(conn)
    assert (state.started_at, state.ended_at, state.completed_at) == (later, later, first)
    assert (state.follows_until, state.compared_at) == (first, first), "an incomplete round proves nothing"
    assert list(state.findings) == [ERROR]
