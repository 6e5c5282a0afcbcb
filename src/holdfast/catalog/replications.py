"""How up to date each replica is: of every one the newest attempt, and when it last had everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast.catalog.schema import replications
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


_STATE = tuple(replications.c[name] for name in ReplicaState.__dataclass_fields__)


def begin(conn: sa.Connection, url: str, moment: datetime) -> None:
    begun: dict[str, Any] = {"started_at": moment, "ended_at": None, "objects": 0, "size_bytes": 0, "findings": []}
    statement = insert(conn, replications).values(url=url, **begun)
    conn.execute(statement.on_conflict_do_update(index_elements=["url"], set_=begun))


def end(
    conn: sa.Connection, url: str, moment: datetime, *, objects: int, size_bytes: int,
    findings: Sequence[Mapping[str, Any]], is_complete: bool,
) -> None:  # fmt: skip
    said: dict[str, Any] = {
        "ended_at": moment,
        "objects": objects,
        "size_bytes": size_bytes,
        "findings": list(findings),
    }
    if is_complete:
        said["completed_at"] = moment
    conn.execute(sa.update(replications).where(replications.c.url == url).values(**said))


def every(conn: sa.Connection) -> list[ReplicaState]:
    """Those that were ever filled, by address."""
    return [ReplicaState(*row) for row in conn.execute(sa.select(*_STATE).order_by(replications.c.url))]
