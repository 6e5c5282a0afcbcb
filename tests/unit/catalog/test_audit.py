import pytest
import sqlalchemy as sa

from holdfast.catalog import audit
from holdfast.catalog.database import Database
from holdfast.catalog.listing import PageRequest
from holdfast.catalog.schema import audit_entries
from holdfast.errors import CatalogError
from tests.unit.catalog.world import World


def test_entries_are_read_by_vendor_and_object(world: World) -> None:
    audit.add(world.conn, world.vendor.id, "client x", "instance.create", "instance", 7, {"label": "notes"})
    audit.add(world.conn, world.vendor.id, "schedule", "backup.queue", "backup", 8)
    audit.add(world.conn, world.vendor.id + 1, "other", "x", "instance", 7)
    page = PageRequest()
    entries = audit.of_vendor(world.conn, world.vendor.id, page).items
    assert [(entry.actor, entry.action, entry.object_id, entry.fields) for entry in entries] == [
        ("client x", "instance.create", 7, {"label": "notes"}), ("schedule", "backup.queue", 8, {})
    ]  # fmt: skip
    assert audit.of_vendor(world.conn, world.vendor.id, page, object_kind="backup").items == entries[1:]
    assert audit.of_vendor(world.conn, world.vendor.id, page, object_id=7).items == entries[:1]


@pytest.mark.parametrize("statement", [sa.update(audit_entries).values(actor="nobody"), sa.delete(audit_entries)])
def test_an_entry_is_never_changed(database: Database, statement: sa.Executable) -> None:
    with database.write() as conn:
        audit.add(conn, 1, "me", "x", "y", None)
    with pytest.raises(CatalogError, match="append-only"), database.write() as conn:
        conn.execute(statement)
