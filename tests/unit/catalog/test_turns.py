"""Each vendor, and within it each definition, gets its share of the turns, whatever it has waiting."""

import sqlalchemy as sa

from holdfast.catalog import customers, definitions, instances, turns, vendors


def make(conn: sa.Connection, vendor: str, count: int, definitions_of_it: int = 1) -> list[list[int]]:
    """So many instances of each of a new vendor's definitions."""
    vendor_id = vendors.create(conn, vendor, None, vendor).id
    customer = customers.create(conn, vendor_id, "customer", None).id
    made = [definitions.create(conn, vendor_id, f"{number}", "", False).id for number in range(definitions_of_it)]
    return [[instances.create(conn, customer, one).id for _ in range(count)] for one in made]


def test_one_vendors_many_runs_stand_behind_each_other(conn: sa.Connection) -> None:
    [many], [few] = make(conn, "many", 1_000), make(conn, "few", 3)
    first, later = turns.take(conn, many), turns.take(conn, few)
    order = sorted([*first.items(), *later.items()], key=lambda one: one[1])
    places = [place for place, (instance_id, _) in enumerate(order) if instance_id in later]
    assert len(places) == 3 and max(places) < 2 * 3, "they go in turn"


def test_a_vendors_definitions_share_its_turns(conn: sa.Connection) -> None:
    [big, small], [other] = make(conn, "two", 300, 2), make(conn, "one", 300)
    taken = turns.take(conn, [*big, *small[:5]]) | turns.take(conn, other)
    order = sorted(taken, key=lambda one: taken[one])
    assert max(order.index(one) for one in small[:5]) < 40, "five of them do not wait for the other definition's 300"
    assert 15 <= len(set(order[:40]) & set(other)) <= 25, "and together they have no more than the other vendor"


def test_who_comes_late_is_not_before_those_who_wait(conn: sa.Connection) -> None:
    [waiting], [late] = make(conn, "waiting", 50), make(conn, "late", 50)
    taken = turns.take(conn, waiting)
    turns.begin(conn, taken[waiting[39]])
    new = turns.take(conn, late)
    assert taken[waiting[39]] < new[late[0]] <= taken[waiting[41]]
    assert new[late[20]] > taken[waiting[49]], "nor does it catch up on what it never wanted"
