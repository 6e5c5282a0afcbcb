"""Whose turn it is: numbers that queued runs get, so that each vendor, and within it each definition, gets its share.

Start-time fair queueing: a vendor's next run is numbered after its last one, but never before the run that was begun
last. So ten thousand due runs of one vendor stand behind each other, and another's first run stands among the first of
them. Where a vendor has runs of several definitions waiting, their numbers lie as much further apart.
"""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from holdfast.catalog.schema import customers, instances, queue_turns, runs
from holdfast.catalog.upsert import insert

_BEGUN = (0, 0)
"""No vendor's row: the number of the run that was begun last."""
_NUMBERS = 2**31 - 1
"""What the queue can sort by. After so many turns (of years) the numbers begin again, and for a moment are unfair."""


def take(conn: sa.Connection, instance_ids: Iterable[int]) -> dict[int, int]:
    """The next turn of each of these instances."""
    wanted = list(instance_ids)
    query = (
        sa.select(instances.c.id, customers.c.vendor_id, instances.c.definition_id)
        .join(customers, customers.c.id == instances.c.customer_id)
        .where(instances.c.id.in_(wanted))
    )
    flows = {row.id: (row.vendor_id, row.definition_id) for row in conn.execute(query)}
    vendors = {vendor for vendor, _ in flows.values()} | {_BEGUN[0]}
    # In this order, so that two who number at once wait for each other and not both ways.
    last = {
        (row.vendor_id, row.definition_id): row.turn
        for row in conn.execute(
            sa.select(queue_turns)
            .where(queue_turns.c.vendor_id.in_(vendors))
            .order_by(queue_turns.c.vendor_id, queue_turns.c.definition_id)
        )
    }
    begun = last.pop(_BEGUN, 0)
    waiting: dict[int, set[int]] = defaultdict(set)
    for vendor, definition in [*flows.values(), *(flow for flow, turn in last.items() if turn > begun)]:
        waiting[vendor].add(definition)
    taken: dict[int, int] = {}
    changed: dict[tuple[int, int], int] = {}
    for instance_id in wanted:
        flow = flows[instance_id]
        changed[flow] = max(begun, last.get(flow, 0)) + len(waiting[flow[0]])
        last[flow] = changed[flow]
        taken[instance_id] = changed[flow] % _NUMBERS
    for (vendor, definition), turn in sorted(changed.items()):
        _write(conn, vendor, definition, turn)
    return taken


def begin(conn: sa.Connection, turn: int) -> None:
    """A run with this turn begins: nobody's next one is numbered before it."""
    _write(conn, *_BEGUN, turn)


def somebody_waits(conn: sa.Connection, run_id: int, waiting_since: int) -> bool:
    """Whether a run of another vendor or definition has been queued since before this time (microseconds)."""
    mine = sa.select(customers.c.vendor_id, instances.c.definition_id).select_from(_placed()).where(runs.c.id == run_id)
    vendor_id, definition_id = conn.execute(mine).one()
    query = (
        sa.select(runs.c.id)
        .select_from(_placed())
        .where(runs.c.status == "queued", sa.type_coerce(runs.c.queued_at, sa.BigInteger) < waiting_since)
        .where(sa.or_(customers.c.vendor_id != vendor_id, instances.c.definition_id != definition_id))
    )
    return conn.execute(query.limit(1)).first() is not None


def give_way(conn: sa.Connection, run_id: int, turn: int) -> int:
    """The run goes on when this turn comes; how often it has given way by now."""
    statement = sa.update(runs).where(runs.c.id == run_id).values(turn=turn, gave_way=runs.c.gave_way + 1)
    gave_way: int = conn.execute(statement.returning(runs.c.gave_way)).scalar_one()
    return gave_way


def _placed() -> sa.Join:
    return runs.join(instances, instances.c.id == runs.c.instance_id).join(
        customers, customers.c.id == instances.c.customer_id
    )


def _write(conn: sa.Connection, vendor_id: int, definition_id: int, turn: int) -> None:
    statement = insert(conn, queue_turns).values(vendor_id=vendor_id, definition_id=definition_id, turn=turn)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["vendor_id", "definition_id"], set_={"turn": turn}, where=queue_turns.c.turn < turn
        )
    )
