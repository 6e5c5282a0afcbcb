"""What is wrong with an instance, from the moment it begins to the moment it is over: what people are told of, once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.schema import instances, runs, troubles
from holdfast.catalog.upsert import insert

Kind = Literal["backup_failed", "credential_refused", "backup_late", "alarm"]


@dataclass(frozen=True, slots=True)
class Trouble:
    id: int
    instance_id: int
    kind: Kind
    subject: str
    """Tells several of one kind apart: an alarm's id, else empty."""
    message: str
    """For people."""
    began_at: datetime
    ended_at: datetime | None


_TROUBLE = tuple(troubles.c[name] for name in Trouble.__dataclass_fields__)
_OPEN = troubles.c.ended_at.is_(None)


def begin(conn: sa.Connection, instance_id: int, kind: Kind, message: str, subject: str = "") -> Trouble | None:
    """None, and nothing is changed, where the same trouble goes on already."""
    made = Trouble(ids.new_id(), instance_id, kind, subject, message, clock.now(), None)
    statement = insert(conn, troubles).values(**{name: getattr(made, name) for name in Trouble.__dataclass_fields__})
    added = conn.execute(statement.on_conflict_do_nothing().returning(troubles.c.id)).one_or_none()
    return None if added is None else made


def end(conn: sa.Connection, instance_id: int, kinds: Collection[Kind], subject: str = "") -> list[Trouble]:
    """Those of these kinds are over; answers them."""
    statement = (
        sa.update(troubles)
        .where(troubles.c.instance_id == instance_id, troubles.c.kind.in_(kinds), troubles.c.subject == subject, _OPEN)
        .values(ended_at=clock.now())
    )
    return [Trouble(*row) for row in conn.execute(statement.returning(*_TROUBLE))]


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
    end_is_untold = sa.and_(troubles.c.ended_at.is_not(None), troubles.c.end_told_at.is_(None))
    query = sa.select(*_TROUBLE).where(sa.or_(troubles.c.told_at.is_(None), end_is_untold))
    return [Trouble(*row) for row in conn.execute(query.order_by(troubles.c.id).limit(limit))]


def begun_untold(conn: sa.Connection, trouble_ids: Iterable[int]) -> set[int]:
    """Of which of these nobody was told that they began."""
    query = sa.select(troubles.c.id).where(troubles.c.id.in_(list(trouble_ids)), troubles.c.told_at.is_(None))
    return set(conn.execute(query).scalars())


def told(conn: sa.Connection, found: Iterable[Trouble]) -> None:
    """Everything about these as they are here was told."""
    moment = clock.now()
    for one in found:
        told_at = sa.func.coalesce(troubles.c.told_at, sa.literal(moment, troubles.c.told_at.type))
        end_told_at = None if one.ended_at is None else moment
        conn.execute(
            sa.update(troubles).where(troubles.c.id == one.id).values(told_at=told_at, end_told_at=end_told_at)
        )


def forget(conn: sa.Connection, before: datetime) -> int:
    """Delete those that were over before this moment; answers how many."""
    return conn.execute(sa.delete(troubles).where(troubles.c.ended_at < before)).rowcount
