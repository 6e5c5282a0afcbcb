"""Runs (backups) of an instance: queued, in progress, ended. The database itself sees to it that only one is active."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.columns import Time
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.schema import instances, runs
from holdfast.catalog.upsert import insert
from holdfast.errors import NotFound

Status = Literal["queued", "in_progress", "successful", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Run:
    id: int
    instance_id: int
    sequence: int
    """1, 2, 3.. within its instance."""
    status: Status
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cancel_requested_at: datetime | None
    definition_revision_id: int | None
    options: Mapping[str, Any]
    failures: Sequence[Mapping[str, Any]]
    counters: Mapping[str, Any]
    worker: str | None
    turn: int = 0
    """Its place in the queue."""
    gave_way: int = 0
    """How often it has let others go first."""

    @property
    def active(self) -> bool:
        return self.status in ("queued", "in_progress")


_RUN = tuple(runs.c[name] for name in Run.__dataclass_fields__)
_ACTIVE = runs.c.status.in_(("queued", "in_progress"))
_ENDED = runs.c.ended_at.is_not(None)


def _first(conn: sa.Connection, query: sa.Select[Any]) -> Run | None:
    row = conn.execute(query.limit(1)).one_or_none()
    return None if row is None else Run(*row)


def queue(
    conn: sa.Connection, instance_id: int, *, options: Mapping[str, Any] | None = None, turn: int = 0
) -> tuple[Run, bool]:  # fmt: skip
    """A new queued run and True, or the one that is active already and False."""
    # On PostgreSQL two callers would read the same greatest sequence: the instance's row lets one go first.
    conn.execute(sa.select(instances.c.id).where(instances.c.id == instance_id).with_for_update())
    running = active(conn, instance_id)
    if running is not None:
        return running, False
    newest = sa.select(sa.func.max(runs.c.sequence)).where(runs.c.instance_id == instance_id)
    sequence = (conn.execute(newest).scalar_one() or 0) + 1
    made = Run(
        ids.new_id(),
        instance_id,
        sequence,
        "queued",
        clock.now(),
        None,
        None,
        None,
        None,
        options or {},
        [],
        {},
        None,
        turn,
    )
    conn.execute(sa.insert(runs).values(
        id=made.id, instance_id=instance_id, sequence=sequence, status="queued", queued_at=made.queued_at,
        options=dict(made.options), failures=[], counters={}, turn=turn,
    ))  # fmt: skip
    return made, True


def restore(conn: sa.Connection, run: Run) -> None:
    """Put back a run that the vault tells of, ids and all; one that is there already is overwritten. For a rebuild."""
    values = {name: getattr(run, name) for name in Run.__dataclass_fields__}
    statement = insert(conn, runs).values(**values)
    conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def get(conn: sa.Connection, run_id: int, *, instance_id: int | None = None) -> Run:
    """Raises NotFound, also for another instance's where `instance_id` is given."""
    found = _first(conn, sa.select(*_RUN).where(runs.c.id == run_id))
    if found is None or (instance_id is not None and found.instance_id != instance_id):
        raise NotFound(f"no backup {run_id}", field="backup_id")
    return found


def by_sequence(conn: sa.Connection, instance_id: int, sequence: int) -> Run | None:
    return _first(conn, sa.select(*_RUN).where(runs.c.instance_id == instance_id, runs.c.sequence == sequence))


def active(conn: sa.Connection, instance_id: int) -> Run | None:
    return _first(conn, sa.select(*_RUN).where(runs.c.instance_id == instance_id, _ACTIVE))


def newest(conn: sa.Connection, instance_id: int) -> Run | None:
    """The newest run, active or ended."""
    return _first(conn, sa.select(*_RUN).where(runs.c.instance_id == instance_id).order_by(runs.c.sequence.desc()))


def newest_ended(
    conn: sa.Connection, instance_id: int, *, at: datetime | None = None, since: datetime | None = None,
    status: Status | None = None,
) -> Run | None:  # fmt: skip
    """The run whose state a reader sees: the last that had ended at a moment (default: now), whatever came of it.

    `since` looks no further back, `status` at only such runs: the last successful one, the last one of a day.
    """
    query = _newest_ended_query(at is not None, since is not None, status is not None)
    values = {"instance_id": instance_id, "at": at, "since": since, "status": status}
    row = conn.execute(query, values).one_or_none()
    return None if row is None else Run(*row)


@cache  # asked for with every record page: building the statement takes longer than running it
def _newest_ended_query(at: bool, since: bool, status: bool) -> sa.Select[Any]:
    query = sa.select(*_RUN).where(runs.c.instance_id == sa.bindparam("instance_id"), _ENDED)
    if at:
        query = query.where(runs.c.ended_at <= sa.bindparam("at"))
    if since:
        query = query.where(runs.c.ended_at >= sa.bindparam("since"))
    if status:
        query = query.where(runs.c.status == sa.bindparam("status"))
    return query.order_by(runs.c.sequence.desc()).limit(1)


def previous_ended(conn: sa.Connection, instance_id: int, sequence: int) -> int | None:
    """The sequence of the last ended run before this one; None: there is none, or none any more."""
    query = sa.select(sa.func.max(runs.c.sequence)).where(
        runs.c.instance_id == instance_id, runs.c.sequence < sequence, _ENDED
    )
    found: int | None = conn.execute(query).scalar_one()
    return found


def of_instance(conn: sa.Connection, instance_id: int, page: PageRequest) -> Listing[Run]:
    return listed(conn, sa.select(*_RUN).where(runs.c.instance_id == instance_id), runs.c.id, page, Run)


def all_of_instance(conn: sa.Connection, instance_id: int) -> list[Run]:
    """Ascending by sequence."""
    query = sa.select(*_RUN).where(runs.c.instance_id == instance_id).order_by(runs.c.sequence)
    return [Run(*row) for row in conn.execute(query)]


def all_active(conn: sa.Connection) -> list[Run]:
    """Every active run of every instance, for the reconciler."""
    return [Run(*row) for row in conn.execute(sa.select(*_RUN).where(_ACTIVE).order_by(runs.c.id))]


def start(conn: sa.Connection, run_id: int, *, worker: str, definition_revision_id: int | None) -> Run:
    """In progress from now; a run that is so already (a resumed one) keeps its start. Returns it as it stands now: one
    that has ended is returned as it ended."""
    conn.execute(
        sa.update(runs)
        .where(runs.c.id == run_id, _ACTIVE)
        .values(
            status="in_progress", worker=worker,
            started_at=sa.func.coalesce(runs.c.started_at, sa.literal(clock.now(), Time)),
            definition_revision_id=sa.func.coalesce(runs.c.definition_revision_id, definition_revision_id),
        )
    )  # fmt: skip
    return get(conn, run_id)


def keep_manifest(conn: sa.Connection, run_id: int, content: bytes) -> bytes:
    """What an ending run is about to put into the vault. The first content stands: a resumed end gets it back."""
    kept = conn.execute(sa.select(runs.c.manifest).where(runs.c.id == run_id)).scalar_one()
    if kept is None:
        conn.execute(sa.update(runs).where(runs.c.id == run_id).values(manifest=content))
    return content if kept is None else bytes(kept)


def kept_manifest(conn: sa.Connection, run_id: int) -> bytes | None:
    """What `keep_manifest` has kept; None: nothing yet, or the run has ended."""
    kept = conn.execute(sa.select(runs.c.manifest).where(runs.c.id == run_id)).scalar_one()
    return None if kept is None else bytes(kept)


def request_cancel(conn: sa.Connection, run_id: int) -> bool:
    """Ask an active run to stop at its next commit. False where it has ended."""
    done = conn.execute(sa.update(runs).where(runs.c.id == run_id, _ACTIVE).values(cancel_requested_at=clock.now()))
    return done.rowcount > 0


def end(
    conn: sa.Connection, run_id: int, status: Status, *, ended_at: datetime, failures: Sequence[Mapping[str, Any]],
    counters: Mapping[str, Any],
) -> bool:  # fmt: skip
    """End an active run. False, and nothing changed, where it has ended already."""
    done = conn.execute(
        sa.update(runs)
        .where(runs.c.id == run_id, _ACTIVE)
        .values(
            status=status,
            ended_at=ended_at,
            manifest=None,
            failures=[dict(one) for one in failures],
            counters=dict(counters),
        )
    )
    return done.rowcount > 0


def ended(conn: sa.Connection) -> list[tuple[int, int, int]]:
    """(customer id, instance id, sequence) of every ended run: each has a manifest in the vault."""
    query = (
        sa.select(instances.c.customer_id, runs.c.instance_id, runs.c.sequence)
        .join(instances, instances.c.id == runs.c.instance_id)
        .where(_ENDED)
        .order_by(instances.c.customer_id, runs.c.instance_id, runs.c.sequence)
    )
    return [tuple(row) for row in conn.execute(query)]
