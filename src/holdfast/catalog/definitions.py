"""Backup definitions and the revisions of their documents. What a document means, `holdfast.definitions` knows."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.schema import definition_revisions, definitions
from holdfast.errors import NotFound


@dataclass(frozen=True, slots=True)
class BackupDefinition:
    id: int
    vendor_id: int
    name: str
    description: str
    published: bool
    revision_id: int | None
    """The newest revision; None: it has no document yet."""
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Revision:
    id: int
    definition_id: int
    number: int
    """1, 2, 3.. within its definition."""
    document: str
    created_at: datetime


_DEFINITION = tuple(definitions.c[name] for name in BackupDefinition.__dataclass_fields__)
_REVISION = tuple(definition_revisions.c[name] for name in Revision.__dataclass_fields__)


def create(
    conn: sa.Connection, vendor_id: int, name: str, description: str, published: bool, *,
    definition_id: int | None = None, created_at: datetime | None = None, deleted_at: datetime | None = None,
) -> BackupDefinition:  # fmt: skip
    made = BackupDefinition(
        definition_id or ids.new_id(), vendor_id, name, description, published, None, created_at or clock.now(),
        deleted_at,
    )  # fmt: skip
    conn.execute(sa.insert(definitions).values(
        id=made.id, vendor_id=vendor_id, name=name, description=description, published=published,
        created_at=made.created_at, deleted_at=deleted_at,
    ))  # fmt: skip
    return made


def get(
    conn: sa.Connection, definition_id: int, *, owned_by: int | None = None, visible_to: int | None = None,
    deleted: bool = False,
) -> BackupDefinition:  # fmt: skip
    """Raises NotFound, also where it isn't this vendor's (`owned_by`), or neither its nor published (`visible_to`)."""
    row = conn.execute(sa.select(*_DEFINITION).where(definitions.c.id == definition_id)).one_or_none()
    if (
        row is None
        or (owned_by is not None and row.vendor_id != owned_by)
        or (visible_to is not None and row.vendor_id != visible_to and not row.published)
        or (row.deleted_at is not None and not deleted)
    ):
        raise NotFound(f"no backup definition {definition_id}", field="backup_definition_id")
    return BackupDefinition(*row)


def find(conn: sa.Connection, vendor_id: int, name: str) -> BackupDefinition | None:
    """The vendor's newest definition of that name: names need not be unique."""
    row = conn.execute(
        sa.select(*_DEFINITION)
        .where(definitions.c.vendor_id == vendor_id, definitions.c.name == name, definitions.c.deleted_at.is_(None))
        .order_by(definitions.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else BackupDefinition(*row)


def visible(
    conn: sa.Connection, vendor_id: int, page: PageRequest, *, of_vendor: int | None = None
) -> Listing[BackupDefinition]:
    """Every vendor's published ones and all of this vendor's own; only those of one vendor with `of_vendor`."""
    query = sa.select(*_DEFINITION).where(
        definitions.c.deleted_at.is_(None),
        sa.or_(definitions.c.vendor_id == vendor_id, definitions.c.published.is_(sa.true())),
    )
    if of_vendor is not None:
        query = query.where(definitions.c.vendor_id == of_vendor)
    return listed(conn, query, definitions.c.id, page, BackupDefinition)


def change(conn: sa.Connection, definition_id: int, *, name: str, description: str, published: bool) -> None:
    conn.execute(
        sa.update(definitions)
        .where(definitions.c.id == definition_id)
        .values(name=name, description=description, published=published)
    )


def mark_deleted(conn: sa.Connection, definition_id: int, moment: datetime) -> None:
    conn.execute(sa.update(definitions).where(definitions.c.id == definition_id).values(deleted_at=moment))


def add_revision(
    conn: sa.Connection, definition_id: int, document: str, *,
    revision_id: int | None = None, created_at: datetime | None = None, number: int | None = None,
) -> Revision:  # fmt: skip
    """The definition's newest document from now on. Two at once: the later transaction gets the later number."""
    # Taking the definition's row first puts writers of one definition into an order on PostgreSQL too.
    made_id = revision_id or ids.new_id()
    conn.execute(sa.update(definitions).where(definitions.c.id == definition_id).values(revision_id=made_id))
    if number is None:
        newest = sa.select(sa.func.max(definition_revisions.c.number)).where(
            definition_revisions.c.definition_id == definition_id
        )
        number = (conn.execute(newest).scalar_one() or 0) + 1
    revision = Revision(made_id, definition_id, number, document, created_at or clock.now())
    conn.execute(sa.insert(definition_revisions).values(
        id=revision.id, definition_id=definition_id, number=number, document=document, created_at=revision.created_at
    ))  # fmt: skip
    return revision


def revision(conn: sa.Connection, revision_id: int) -> Revision:
    """Raises NotFound."""
    row = conn.execute(sa.select(*_REVISION).where(definition_revisions.c.id == revision_id)).one_or_none()
    if row is None:
        raise NotFound(f"no definition revision {revision_id}")
    return Revision(*row)


def revisions(conn: sa.Connection, definition_id: int) -> list[Revision]:
    """Oldest first."""
    query = (
        sa.select(*_REVISION)
        .where(definition_revisions.c.definition_id == definition_id)
        .order_by(definition_revisions.c.number)
    )
    return [Revision(*row) for row in conn.execute(query)]
