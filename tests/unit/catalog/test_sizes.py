"""What a record costs in the catalog's file. How fast it is, benchmarks measure: nothing here looks at a clock."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.catalog import changes, packs, records, seen, streams
from holdfast.catalog.database import Database
from holdfast.catalog.rows import columns_of
from tests.unit.catalog.world import World

RECORDS = 100_000
BATCH = 10_000


class Filled:
    """A catalog with 100,000 records of 1 KB, as a first backup leaves it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(f"sqlite:///{path}")
        self.keys = [str(10_000_000 + number) for number in range(RECORDS)]
        with self.database.write() as conn:
            self.world = World.make(conn)
        self.empty_bytes = self.size_bytes()
        for begin in range(0, RECORDS, BATCH):
            self._batch(1, begin, self.keys[begin : begin + BATCH])

    def _batch(self, sequence: int, begin: int, keys: list[str]) -> None:
        world = self.world
        with self.database.write() as conn:
            pack = packs.add(
                conn, os.urandom(16).hex(), customer_id=world.customer.id, instance_id=world.instance.id,
                run_id=world.run.id, sequence=sequence, batch=begin // BATCH, kind="records", size_bytes=3_000_000,
                raw_bytes=9_000_000,
            )  # fmt: skip
            slot = streams.allocate_slots(conn, world.stream, len(keys))
            rows = [
                records.CurrentRow(
                    key, None, slot + number, sequence, os.urandom(16), None, (900 << 16) | (number * 7919 % 65_521),
                    pack, number // 128, number % 128 * 1_000, 950 + number % 100, None,
                )
                for number, key in enumerate(keys)
            ]  # fmt: skip
            records.insert_new(conn, world.stream, columns_of(rows))
            seen.add(conn, world.run.id, world.stream, begin // BATCH, range(slot, slot + len(keys)))

    def size_bytes(self) -> int:
        with self.database.read() as conn:
            pages = conn.execute(sa.text("PRAGMA page_count")).scalar_one()
            free = conn.execute(sa.text("PRAGMA freelist_count")).scalar_one()
            return int((pages - free) * conn.execute(sa.text("PRAGMA page_size")).scalar_one())

    def change(self, sequence: int, keys: list[str]) -> None:
        with self.database.write() as conn:
            rows = records.lookup(conn, self.world.stream, keys).values()
            new = [row._replace(run_from=sequence, digest=os.urandom(16)) for row in rows]
            records.replace(conn, self.world.stream, sequence, new)


@pytest.fixture
def filled(tmp_path: Path, migrated_file: Path) -> Iterator[Filled]:
    path = tmp_path / "catalog.db"
    path.write_bytes(migrated_file.read_bytes())
    filled = Filled(path)
    yield filled
    filled.database.close()


def test_a_record_costs_at_most_70_bytes_and_its_key(filled: Filled) -> None:
    per_record = (filled.size_bytes() - filled.empty_bytes) / RECORDS
    print(f"{per_record:.1f} bytes a record with a key of {len(filled.keys[0])}")
    assert per_record <= 70 + len(filled.keys[0])


def test_a_change_costs_a_row_of_history_and_one_of_changes(filled: Filled) -> None:
    before = filled.size_bytes()
    changed = filled.keys[::10]
    filled.change(2, changed)
    per_change = (filled.size_bytes() - before) / len(changed)
    print(f"{per_change:.1f} bytes a change with a key of {len(filled.keys[0])}")
    assert per_change <= 2 * (70 + len(filled.keys[0]))
    with filled.database.read() as conn:
        found = changes.page(conn, filled.world.stream, 1, 2, limit=len(changed) + 1)
        assert [change.record_key for change in found] == changed
