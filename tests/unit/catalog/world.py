"""What nearly every test of the catalog needs to be there."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from holdfast.catalog import customers, definitions, instances, records, runs, streams, vendors
from holdfast.catalog.customers import Customer
from holdfast.catalog.definitions import BackupDefinition
from holdfast.catalog.instances import Instance
from holdfast.catalog.rows import columns_of
from holdfast.catalog.runs import Run
from holdfast.catalog.vendors import Vendor
from holdfast.clock import now


@dataclass
class World:
    conn: sa.Connection
    vendor: Vendor
    customer: Customer
    definition: BackupDefinition
    instance: Instance
    run: Run
    stream: int

    @classmethod
    def make(cls, conn: sa.Connection, name: str = "acme") -> "World":
        vendor = vendors.create(conn, name, f"{name}@example.org", f"client-{name}")
        customer = customers.create(conn, vendor.id, "first", "first@example.org")
        definition = definitions.create(conn, vendor.id, "Kinto", "Everything", True)
        instance = instances.create(conn, customer.id, definition.id, label="notes")
        run, _ = runs.queue(conn, instance.id)
        stream = streams.ensure(conn, instance.id, [("records", None)], run.sequence)["records"].id
        return cls(conn, vendor, customer, definition, instance, run, stream)

    def end_run(self, status: runs.Status = "successful") -> Run:
        """End the active run and queue the next one."""
        runs.end(self.conn, self.run.id, status, ended_at=now(), failures=[], counters={})
        ended = runs.get(self.conn, self.run.id)
        self.run, _ = runs.queue(self.conn, self.instance.id)
        return ended

    def row(self, key: str, sequence: int, content: str = "", *, scope: int | None = None, slot: int | None = None,
            blob: int | None = None) -> records.CurrentRow:  # fmt: skip
        """A version whose digest tells its content; a slot is allocated where none is given."""
        if slot is None:
            slot = streams.allocate_slots(self.conn, self.stream, 1)
        digest = f"{key}={content}".encode()[-16:].rjust(16, b"\0")
        return records.CurrentRow(key, scope, slot, sequence, digest, None, 7, 1, 0, 0, 10, blob)

    def insert(self, sequence: int, *keys: str, scope: int | None = None) -> None:
        self.insert_rows(self.row(key, sequence, scope=scope) for key in keys)

    def insert_rows(self, rows: Iterable[records.CurrentRow]) -> None:
        records.insert_new(self.conn, self.stream, columns_of(rows))

    def replace(self, sequence: int, key: str, content: str) -> None:
        old = records.lookup(self.conn, self.stream, [key])[key]
        records.replace(
            self.conn, self.stream, sequence, [self.row(key, sequence, content, scope=old.scope, slot=old.slot)]
        )

    def delete(self, sequence: int, *keys: str) -> list[bytes]:
        return records.delete(self.conn, self.stream, sequence, keys)

    def keys(self, sequence: int | None = None) -> list[str]:
        return [row.record_key for row in records.page(self.conn, self.stream, sequence=sequence, limit=10_000)]
