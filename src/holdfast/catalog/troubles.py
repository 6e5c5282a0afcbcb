"""What is wrong with an instance or the installation, from the moment it begins to the moment it is over: what people
are told of, once. Those of the installation stand in a table of their own.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.schema import installation_troubles, instances, runs, troubles
from holdfast.catalog.upsert import insert

Kind = Literal["backup_failed", "credential_refused", "backup_late", "alarm", "vault_damaged"]
InstallationKind = Literal["vault_damaged", "replica_damaged", "replica_behind"]


@dataclass(frozen=True, slots=True)
class Trouble:
    id: int
    instance_id: int | None
    """None: it is the installation's."""
    kind: Kind | InstallationKind
    subject: str
    """Tells several of one kind apart: an alarm's id, a replica's address, else empty."""
    message: str
    """For people."""
    began_at: datetime
    ended_at: datetime | None


_TROUBLE = tuple(troubles.c[name] for name in Trouble.__dataclass_fields__)
_OF_INSTALLATION = tuple(
    sa.null().label(name) if name == "instance_id" else installation_troubles.c[name]
    for name in Trouble.__dataclass_fields__
)
_TABLES = ((troubles, _TROUBLE), (installation_troubles, _OF_INSTALLATION))
_OPEN = troubles.c.ended_at.is_(None)


def begin(
    conn: sa.Connection, instance_id: int | None, kind: Kind | InstallationKind, message: str, subject: str = ""
) -> Trouble | None:  # fmt: skip
    """None, and nothing is changed, where the same trouble goes on already."""
    made = Trouble(ids.new_id(), instance_id, kind, subject, message, clock.now(), None)
    table = installation_troubles if instance_id is None else troubles
    values = {name: getattr(made, name) for name in Trouble.__dataclass_fields__ if name in table.c}
    statement = insert(conn, table).values(**values).on_conflict_do_nothing()
    added = conn.execute(statement.returning(table.c.id)).one_or_none()
    return None if added is None else made


def end(
    conn: sa.Connection, instance_id: int | None, kinds: Collection[Kind | InstallationKind], subject: str = ""
) -> list[Trouble]:  # fmt: skip
    """Those of these kinds are over; answers them."""
    table, columns = _TABLES[instance_id is None]
    chosen = [table.c.kind.in_(kinds), table.c.subject == subject, table.c.ended_at.is_(None)]
    if instance_id is not None:
        chosen.append(table.c.instance_id == instance_id)
    statement = sa.update(table).where(*chosen).values(ended_at=clock.now())
    return [Trouble(*row) for row in conn.execute(statement.returning(*columns))]


def damaged_instances(conn: sa.Connection) -> set[int]:
    """Of which instances a check of the vault has found something lost or damaged."""
    query = sa.select(troubles.c.instance_id).where(troubles.c.kind == "vault_damaged", _OPEN)
    return set(conn.execute(query).scalars())


def late(conn: sa.Connection, before: datetime, limit: int) -> list[tuple[int, datetime]]:
    """(instance, since when) of those whose due backup was not queued, or has not ended, since before this moment,
    and of which this is not noted yet."""
    noted = sa.select(troubles.c.instance_id).where(troubles.c.kind == "backup_late", _OPEN)
    waiting = sa.select(runs.c.instance_id, runs.c.queued_at.label("since")).where(
        runs.c.status.in_(("queued", "in_progress")), runs.c.queued_at < before, runs.c.instance_id.not_in(noted)
    )
    overdue = sa.select(instances.c.id, instances.c.next_due_at).where(
        instances.c.next_due_at.is_not(None), instances.c.next_due_at < before, instances.c.deleted_at.is_(None),
        instances.c.id.not_in(noted),
    )  # fmt: skip
    return [(row[0], row[1]) for query in (waiting, overdue) for row in conn.execute(query.limit(limit))]


def untold(conn: sa.Connection, limit: int) -> list[Trouble]:
    """Those of which nobody was told yet, be it that they began or that they are over. Oldest first."""
    found = []
    for table, columns in _TABLES:
        end_is_untold = sa.and_(table.c.ended_at.is_not(None), table.c.end_told_at.is_(None))
        query = sa.select(*columns).where(sa.or_(table.c.told_at.is_(None), end_is_untold))
        found += [Trouble(*row) for row in conn.execute(query.order_by(table.c.id).limit(limit))]
    return sorted(found, key=lambda one: one.id)[:limit]


def begun_untold(conn: sa.Connection, trouble_ids: Iterable[int]) -> set[int]:
    """Of which of these nobody was told that they began."""
    wanted = list(trouble_ids)
    queries = [sa.select(table.c.id).where(table.c.id.in_(wanted), table.c.told_at.is_(None)) for table, _ in _TABLES]
    return {trouble_id for query in queries for trouble_id in conn.execute(query).scalars()}


def told(conn: sa.Connection, found: Iterable[Trouble]) -> None:
    """Everything about these as they are here was told."""
    moment = clock.now()
    for one in found:
        table, _ = _TABLES[one.instance_id is None]
        told_at = sa.func.coalesce(table.c.told_at, sa.literal(moment, table.c.told_at.type))
        end_told_at = None if one.ended_at is None else moment
        conn.execute(sa.update(table).where(table.c.id == one.id).values(told_at=told_at, end_told_at=end_told_at))


def forget(conn: sa.Connection, before: datetime) -> int:
    """Delete those that were over before this moment; answers how many."""
    return sum(conn.execute(sa.delete(table).where(table.c.ended_at < before)).rowcount for table, _ in _TABLES)
