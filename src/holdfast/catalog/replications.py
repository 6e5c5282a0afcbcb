"""How up to date each replica is: its newest attempt, when it last had everything; which customers changed since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast import ids
from holdfast.catalog.schema import audit_entries, instances, replications, restores, runs
from holdfast.catalog.upsert import insert


@dataclass(frozen=True, slots=True)
class ReplicaState:
    url: str
    started_at: datetime
    ended_at: datetime | None
    """None: under way, or broken off."""
    completed_at: datetime | None
    """When the replica last had everything that the vault had."""
    objects: int
    size_bytes: int
    """Copied by the newest attempt."""
    findings: Sequence[Mapping[str, Any]]
    follows_until: datetime | None
    """What was in the vault by then, the replica has."""
    compared_at: datetime | None
    """When that was last found out by looking at every customer."""


_STATE = tuple(replications.c[name] for name in ReplicaState.__dataclass_fields__)


def begin(conn: sa.Connection, url: str, moment: datetime) -> None:
    begun: dict[str, Any] = {"started_at": moment, "ended_at": None, "objects": 0, "size_bytes": 0, "findings": []}
    statement = insert(conn, replications).values(url=url, **begun)
    conn.execute(statement.on_conflict_do_update(index_elements=["url"], set_=begun))


def end(
    conn: sa.Connection, url: str, moment: datetime, *, objects: int, size_bytes: int,
    findings: Sequence[Mapping[str, Any]], is_complete: bool, looked_at_all: bool,
) -> None:  # fmt: skip
    """`is_complete`: there is nothing the replica lacks, of all customers or of those that have changed."""
    said: dict[str, Any] = {
        "ended_at": moment,
        "objects": objects,
        "size_bytes": size_bytes,
        "findings": list(findings),
    }
    if is_complete:
        said |= {"completed_at": moment, "follows_until": replications.c.started_at}
        if looked_at_all:
            said["compared_at"] = moment
    conn.execute(sa.update(replications).where(replications.c.url == url).values(**said))


def every(conn: sa.Connection) -> list[ReplicaState]:
    """Those that were ever filled, by address."""
    return [ReplicaState(*row) for row in conn.execute(sa.select(*_STATE).order_by(replications.c.url))]


def find(conn: sa.Connection, url: str) -> ReplicaState | None:
    row = conn.execute(sa.select(*_STATE).where(replications.c.url == url)).one_or_none()
    return None if row is None else ReplicaState(*row)


def changed_since(conn: sa.Connection, moment: datetime) -> set[int]:
    """Customers of whom since then a backup has ended or is under way, or backups were pruned or restored."""
    of_instance = runs.c.instance_id == instances.c.id
    ended = sa.exists().where(of_instance, runs.c.ended_at >= moment)
    active = sa.exists().where(of_instance, runs.c.status.in_(("queued", "in_progress")))
    pruned = sa.select(audit_entries.c.object_id).where(
        audit_entries.c.id >= ids.lowest_id(moment), audit_entries.c.action == "instance.prune"
    )
    restored = sa.select(restores.c.instance_id).where(
        sa.or_(restores.c.ended_at.is_(None), restores.c.ended_at >= moment)
    )
    changed = sa.or_(ended, active, instances.c.id.in_(pruned), instances.c.id.in_(restored))
    return set(conn.execute(sa.select(instances.c.customer_id).where(changed).distinct()).scalars())
