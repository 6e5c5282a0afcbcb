"""The audit log: who did what to what. Entries are only ever added: triggers in the database refuse all else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.schema import audit_entries


@dataclass(frozen=True, slots=True)
class AuditEntry:
    id: int
    vendor_id: int
    happened_at: datetime
    actor: str
    """A client, a customer's token, the command line, the schedule."""
    action: str
    object_kind: str
    object_id: int | None
    fields: Mapping[str, Any]


_ENTRY = tuple(audit_entries.c[name] for name in AuditEntry.__dataclass_fields__)


def add(
    conn: sa.Connection, vendor_id: int, actor: str, action: str, object_kind: str, object_id: int | None,
    fields: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """To be called in the transaction that does what it tells of. No secrets in `fields`."""
    conn.execute(sa.insert(audit_entries).values(
        id=ids.new_id(), vendor_id=vendor_id, happened_at=clock.now(), actor=actor, action=action,
        object_kind=object_kind, object_id=object_id, fields=dict(fields or {}),
    ))  # fmt: skip


def of_vendor(
    conn: sa.Connection, vendor_id: int, page: PageRequest, *, object_kind: str | None = None,
    object_id: int | None = None,
) -> Listing[AuditEntry]:  # fmt: skip
    """Oldest first, of one object where asked."""
    query = sa.select(*_ENTRY).where(audit_entries.c.vendor_id == vendor_id)
    if object_kind is not None:
        query = query.where(audit_entries.c.object_kind == object_kind)
    if object_id is not None:
        query = query.where(audit_entries.c.object_id == object_id)
    return listed(conn, query, audit_entries.c.id, page, AuditEntry)
