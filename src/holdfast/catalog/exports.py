"""Exports of an instance's backups: what was asked for, how far it is, where the archive stands and until when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.columns import Time
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.runs import Status
from holdfast.catalog.schema import exports
from holdfast.errors import NotFound


@dataclass(frozen=True, slots=True)
class Export:
    id: int
    instance_id: int
    run_id: int
    status: Status
    formats: Sequence[str]
    content_types: str | None
    fingerprint: str
    """Of the run and the options: an export with the same one has the same archive."""
    send_confirmation: bool
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    failures: Sequence[Mapping[str, Any]]
    records_processed: int
    records_failed: int
    archive_objects: Sequence[str] | None
    """What names the archive in the vault; None: there is none, not yet or no longer."""
    archive_bytes: int | None
    url_expires_at: datetime | None
    archive_expires_at: datetime | None


_EXPORT = tuple(exports.c[name] for name in Export.__dataclass_fields__)
_ACTIVE = exports.c.status.in_(("queued", "in_progress"))


def queue(
    conn: sa.Connection, instance_id: int, run_id: int, *, formats: Sequence[str], content_types: str | None,
    fingerprint: str, send_confirmation: bool,
) -> Export:  # fmt: skip
    export_id = ids.new_id()
    conn.execute(sa.insert(exports).values(
        id=export_id, instance_id=instance_id, run_id=run_id, status="queued", formats=list(formats),
        content_types=content_types, fingerprint=fingerprint, send_confirmation=send_confirmation,
        queued_at=clock.now(), failures=[], records_processed=0, records_failed=0,
    ))  # fmt: skip
    return get(conn, export_id)


def get(conn: sa.Connection, export_id: int, *, instance_id: int | None = None) -> Export:
    """Raises NotFound, also for another instance's where `instance_id` is given."""
    row = conn.execute(sa.select(*_EXPORT).where(exports.c.id == export_id)).one_or_none()
    if row is None or (instance_id is not None and row.instance_id != instance_id):
        raise NotFound(f"no export {export_id}", field="export_id")
    return Export(*row)


def reusable(conn: sa.Connection, instance_id: int, fingerprint: str) -> Export | None:
    """The newest export of the same data and options that is under way or has its archive still."""
    row = conn.execute(
        sa.select(*_EXPORT)
        .where(
            exports.c.instance_id == instance_id, exports.c.fingerprint == fingerprint,
            sa.or_(_ACTIVE, sa.and_(exports.c.status == "successful", exports.c.archive_expires_at > clock.now())),
        )
        .order_by(exports.c.id.desc())
        .limit(1)
    ).one_or_none()  # fmt: skip
    return None if row is None else Export(*row)


def of_instance(conn: sa.Connection, instance_id: int, page: PageRequest) -> Listing[Export]:
    return listed(conn, sa.select(*_EXPORT).where(exports.c.instance_id == instance_id), exports.c.id, page, Export)


def want_confirmation(conn: sa.Connection, export_id: int) -> None:
    """Somebody else asks for an export under way, and wants to be told."""
    conn.execute(sa.update(exports).where(exports.c.id == export_id).values(send_confirmation=True))


def all_active(conn: sa.Connection) -> list[Export]:
    """Of every instance, for the reconciler."""
    return [Export(*row) for row in conn.execute(sa.select(*_EXPORT).where(_ACTIVE).order_by(exports.c.id))]


def runs_in_use(conn: sa.Connection, instance_id: int) -> set[int]:
    """The runs that an export under way reads, or whose archive may still be asked for again."""
    query = sa.select(exports.c.run_id).where(
        exports.c.instance_id == instance_id, sa.or_(_ACTIVE, exports.c.archive_expires_at.is_not(None))
    )
    return set(conn.execute(query).scalars())


def start(conn: sa.Connection, export_id: int) -> Export:
    """In progress from now; one that is so already keeps its start. Returns it as it stands."""
    conn.execute(
        sa.update(exports)
        .where(exports.c.id == export_id, _ACTIVE)
        .values(status="in_progress", started_at=sa.func.coalesce(exports.c.started_at, sa.literal(clock.now(), Time)))
    )
    return get(conn, export_id)


def set_progress(conn: sa.Connection, export_id: int, *, records_processed: int, records_failed: int) -> None:
    conn.execute(
        sa.update(exports)
        .where(exports.c.id == export_id)
        .values(records_processed=records_processed, records_failed=records_failed)
    )


def end(
    conn: sa.Connection, export_id: int, status: Status, *, failures: Sequence[Mapping[str, Any]] = (),
    archive_objects: Sequence[str] | None = None, archive_bytes: int | None = None,
    url_expires_at: datetime | None = None, archive_expires_at: datetime | None = None,
) -> bool:  # fmt: skip
    """End an active export. False, and nothing changed, where it has ended already."""
    done = conn.execute(
        sa.update(exports)
        .where(exports.c.id == export_id, _ACTIVE)
        .values(
            status=status, ended_at=clock.now(), failures=[dict(one) for one in failures],
            archive_objects=None if archive_objects is None else list(archive_objects), archive_bytes=archive_bytes,
            url_expires_at=url_expires_at, archive_expires_at=archive_expires_at,
        )
    )  # fmt: skip
    return done.rowcount > 0


def set_expiry(
    conn: sa.Connection, export_id: int, *, url_expires_at: datetime, archive_expires_at: datetime
) -> None:  # fmt: skip
    """A new address was handed out: it and the archive live until then."""
    conn.execute(
        sa.update(exports)
        .where(exports.c.id == export_id)
        .values(url_expires_at=url_expires_at, archive_expires_at=archive_expires_at)
    )


def expired(conn: sa.Connection, moment: datetime, limit: int = 100) -> list[Export]:
    """Exports whose archive nobody may ask for any more but still stands in the vault."""
    query = (
        sa.select(*_EXPORT)
        .where(exports.c.archive_expires_at.is_not(None), exports.c.archive_expires_at <= moment)
        .order_by(exports.c.archive_expires_at)
        .limit(limit)
    )
    return [Export(*row) for row in conn.execute(query)]


def forget_archive(conn: sa.Connection, export_id: int) -> None:
    """The archive's objects are deleted: the export stays as a record of what was done."""
    conn.execute(
        sa.update(exports)
        .where(exports.c.id == export_id)
        .values(archive_objects=None, archive_expires_at=None, url_expires_at=None)
    )
