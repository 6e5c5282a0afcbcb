"""Restores: what was asked for, how far each is, what came of it; and what ids have become by them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.columns import Time
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.runs import Status
from holdfast.catalog.schema import instances, restore_mappings, restores
from holdfast.catalog.upsert import insert
from holdfast.errors import NotFound


@dataclass(frozen=True, slots=True)
class Restore:
    id: int
    instance_id: int
    """Whose backup it is."""
    target_id: int
    """The instance whose source is written to; the same one for a restore in place."""
    run_id: int
    sequence: int
    """Of the backup."""
    status: Status
    options: Mapping[str, Any]
    plan: Mapping[str, Any] | None
    decided: Sequence[str]
    """The endpoints of which the journal says what is to be done with each record."""
    counters: Mapping[str, Any]
    failures: Sequence[Mapping[str, Any]]
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cancel_requested_at: datetime | None

    @property
    def active(self) -> bool:
        return self.status in ("queued", "in_progress")

    @property
    def complete(self) -> bool | None:
        """Whether everything that was chosen is at the target now as it was, blobs too; None as long as it is not over,
        and of a plan."""
        if self.active or self.options.get("dry_run"):
            return None
        return is_complete(self.status, self.counters)


def is_complete(status: str, counters: Mapping[str, Any]) -> bool:
    """A successful restore is not, whose plan said that records or blobs of it cannot be restored, or that records are
    left alone which differ."""
    return status == "successful" and not any(counters.get(name) for name in _LACKS)


_LACKS = ("impossible", "without_blob", "left_differing")
_RESTORE = tuple(restores.c[name] for name in Restore.__dataclass_fields__)
_ACTIVE = restores.c.status.in_(("queued", "in_progress"))


def queue(
    conn: sa.Connection, instance_id: int, target_id: int, *, run_id: int, sequence: int, options: Mapping[str, Any]
) -> Restore:  # fmt: skip
    restore_id = ids.new_id()
    conn.execute(sa.insert(restores).values(
        id=restore_id, instance_id=instance_id, target_id=target_id, run_id=run_id, sequence=sequence, status="queued",
        options=dict(options), decided=[], counters={}, failures=[], queued_at=clock.now(),
    ))  # fmt: skip
    return get(conn, restore_id)


def get(conn: sa.Connection, restore_id: int, *, instance_id: int | None = None) -> Restore:
    """Raises NotFound, also for another instance's where `instance_id` is given."""
    row = conn.execute(sa.select(*_RESTORE).where(restores.c.id == restore_id)).one_or_none()
    if row is None or (instance_id is not None and row.instance_id != instance_id):
        raise NotFound(f"no restore {restore_id}", field="restore_id")
    return Restore(*row)


def of_instance(conn: sa.Connection, instance_id: int, page: PageRequest) -> Listing[Restore]:
    return listed(conn, sa.select(*_RESTORE).where(restores.c.instance_id == instance_id), restores.c.id, page, Restore)


def about(conn: sa.Connection, instance_id: int, *, limit: int = 10_000) -> list[Restore]:
    """The restores of an instance's backups, and those that write to its source; newest first."""
    either = sa.or_(restores.c.instance_id == instance_id, restores.c.target_id == instance_id)
    query = sa.select(*_RESTORE).where(either).order_by(restores.c.id.desc()).limit(limit)
    return [Restore(*row) for row in conn.execute(query)]


def reported(conn: sa.Connection) -> list[tuple[int, Restore]]:
    """(customer, restore) of those that have ended and of which the vault has a report: not of plans."""
    columns = [restores.c[name] for name in Restore.__dataclass_fields__]
    query = sa.select(instances.c.customer_id, *columns).join(instances, instances.c.id == restores.c.instance_id)
    found = [(row[0], Restore(*row[1:])) for row in conn.execute(query.where(restores.c.ended_at.is_not(None)))]
    return [(customer_id, one) for customer_id, one in found if not one.options.get("dry_run")]


def active_at(conn: sa.Connection, target_id: int) -> Restore | None:
    """The restore that writes to this instance's source, or is about to."""
    query = sa.select(*_RESTORE).where(restores.c.target_id == target_id, _ACTIVE).order_by(restores.c.id).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None else Restore(*row)


def all_active(conn: sa.Connection) -> list[Restore]:
    """Of every instance, for the reconciler."""
    return [Restore(*row) for row in conn.execute(sa.select(*_RESTORE).where(_ACTIVE).order_by(restores.c.id))]


def runs_in_use(conn: sa.Connection, instance_id: int) -> set[int]:
    """The runs that a restore under way reads."""
    query = sa.select(restores.c.run_id).where(restores.c.instance_id == instance_id, _ACTIVE)
    return set(conn.execute(query).scalars())


def start(conn: sa.Connection, restore_id: int) -> Restore:
    """In progress from now; one that is so already keeps its start. Returns it as it stands."""
    started = sa.func.coalesce(restores.c.started_at, sa.literal(clock.now(), Time))
    conn.execute(
        sa.update(restores).where(restores.c.id == restore_id, _ACTIVE).values(status="in_progress", started_at=started)
    )
    return get(conn, restore_id)


def keep_plan(conn: sa.Connection, restore_id: int, plan: Mapping[str, Any]) -> None:
    conn.execute(sa.update(restores).where(restores.c.id == restore_id).values(plan=dict(plan)))


def set_decided(conn: sa.Connection, restore_id: int, endpoints: Sequence[str]) -> None:
    conn.execute(sa.update(restores).where(restores.c.id == restore_id).values(decided=list(endpoints)))


def set_counters(conn: sa.Connection, restore_id: int, counters: Mapping[str, Any]) -> None:
    conn.execute(sa.update(restores).where(restores.c.id == restore_id).values(counters=dict(counters)))


def request_cancel(conn: sa.Connection, restore_id: int) -> bool:
    """Ask an active restore to stop before its next write. False where it has ended."""
    done = conn.execute(
        sa.update(restores).where(restores.c.id == restore_id, _ACTIVE).values(cancel_requested_at=clock.now())
    )
    return done.rowcount > 0


def end(
    conn: sa.Connection, restore_id: int, status: Status, *, ended_at: datetime, counters: Mapping[str, Any],
    failures: Sequence[Mapping[str, Any]],
) -> bool:  # fmt: skip
    """End an active restore. False, and nothing changed, where it has ended already."""
    done = conn.execute(
        sa.update(restores)
        .where(restores.c.id == restore_id, _ACTIVE)
        .values(
            status=status, ended_at=ended_at, counters=dict(counters), failures=[dict(one) for one in failures],
        )
    )  # fmt: skip
    return done.rowcount > 0


def map_values(
    conn: sa.Connection, instance_id: int, target_id: int, endpoint: str, values: Iterable[tuple[str, str, str]]
) -> None:
    """(field, old, new) of a record that is at the target: what refers to it is written with the new ones from now."""
    rows = [
        {
            "instance_id": instance_id,
            "target_id": target_id,
            "endpoint": endpoint,
            "field": field,
            "old": old,
            "new": new,
        }
        for field, old, new in values
    ]
    if rows:
        statement = insert(conn, restore_mappings)
        statement = statement.on_conflict_do_update(
            index_elements=list(restore_mappings.primary_key.columns), set_={"new": statement.excluded.new}
        )
        conn.execute(statement, rows)


def mapped(
    conn: sa.Connection, instance_id: int, target_id: int, endpoint: str, field: str, old: Sequence[str]
) -> dict[str, str]:
    """What these have become, by what they were; without those that are not known."""
    table = restore_mappings.c
    found: dict[str, str] = {}
    for begin in range(0, len(old), 500):
        query = sa.select(table.old, table.new).where(
            table.instance_id == instance_id, table.target_id == target_id, table.endpoint == endpoint,
            table.field == field, table.old.in_(old[begin : begin + 500]),
        )  # fmt: skip
        found.update((row.old, row.new) for row in conn.execute(query))
    return found
