import multiprocessing
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from holdfast.catalog import database as module
from holdfast.catalog import outbox, vendors
from holdfast.catalog.database import Database, sqlite_module
from holdfast.errors import CatalogBusy, CatalogError, InputError


def test_a_write_is_committed_at_the_end_of_the_block(database: Database) -> None:
    with database.write() as conn:
        made = vendors.create(conn, "acme", None, "client")
    with database.read() as conn:
        assert vendors.get(conn, made.id) == made


def test_a_write_is_rolled_back_by_any_exception(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as conn:
        vendors.create(conn, "acme", None, "client")
        raise RuntimeError
    with database.read() as conn:
        assert vendors.all_vendors(conn) == []


def test_a_read_sees_the_catalog_at_one_moment(database: Database) -> None:
    with database.read() as conn:
        assert vendors.all_vendors(conn) == []
        with database.write() as other:
            vendors.create(other, "acme", None, "client")
        assert vendors.all_vendors(conn) == []


def test_a_read_writes_nothing(database: Database) -> None:
    if database.engine.dialect.name == "postgresql":
        with pytest.raises(CatalogError, match="read-only"), database.read() as conn:
            vendors.create(conn, "acme", None, "client")


def test_concurrent_writers_lose_no_update(database: Database) -> None:
    def work() -> None:
        for _ in range(50):
            with database.write() as conn:
                outbox.add(conn, "vendor", 1, 0, {})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as conn:
        assert sorted(entry.number for entry in outbox.pending(conn, 1_000)) == list(range(1, 201))


def _count_up(url: str, times: int) -> None:
    database = Database(url)
    for _ in range(times):
        with database.write() as conn:
            outbox.add(conn, "vendor", 1, 0, {})
    database.close()


def test_processes_that_write_and_checkpoint_lose_no_update(sqlite_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_count_up, args=(sqlite_url, 50)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    database = Database(sqlite_url)
    with database.read() as conn:
        assert [entry.number for entry in outbox.pending(conn, 1_000)] == list(range(1, 101))
        assert conn.execute(sa.text("PRAGMA integrity_check")).scalar_one() == "ok"
    database.close()


def test_sqlite_is_set_up_for_durability(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.read() as conn:
        settings = {
            name: conn.execute(sa.text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    database.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_locked_file_is_busy(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PRAGMAS", ("PRAGMA journal_mode = WAL", "PRAGMA busy_timeout = 1"))
    database = Database(sqlite_url)
    with database.write(), pytest.raises(CatalogBusy) as caught, database.write():
        pass
    database.close()
    assert caught.value.retryable


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_half_a_character_is_the_callers_mistake(database: Database, name: str) -> None:
    with pytest.raises(InputError, match="lone surrogate"), database.write() as conn:
        vendors.create(conn, name, None, "client")


def test_a_number_that_is_too_large_is_the_callers_mistake(database: Database) -> None:
    with pytest.raises(InputError), database.write() as conn:
        vendors.find(conn, "client")
        vendors.create(conn, "acme", None, "client", vendor_id=2**63)


def test_nul_in_a_name_is_kept_or_the_callers_mistake(database: Database) -> None:
    def create() -> None:
        with database.write() as conn:
            assert vendors.get(conn, vendors.create(conn, "a\0b", None, "client").id).name == "a\0b"

    if database.engine.dialect.name == "sqlite":
        create()
    else:
        with pytest.raises(InputError):
            create()


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(CatalogError, match=r"SQLite 99\.0\.0 or newer is needed: pysqlite3 brings") as caught:
        Database("sqlite:////nowhere")
    assert caught.value.code == "sqlite_too_old"
    assert caught.value.hint is not None


def test_this_installations_sqlite_is_new_enough() -> None:
    assert sqlite_module().sqlite_version_info >= module.OLDEST_SQLITE


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be opened") as caught:
        Database(f"sqlite:///{tmp_path}/no/such/folder/catalog.db").migrate()
    assert "no/such/folder" in str(caught.value.hint)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"anything but a database" * 1_000)
    with pytest.raises(CatalogError) as caught:
        Database(f"sqlite:///{tmp_path}/catalog.db").migrate()
    assert caught.value.code == "catalog_damaged"
    assert "holdfast rebuild" in str(caught.value.hint)


def test_a_full_disk_is_told(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with pytest.raises(CatalogError) as caught, database.write() as conn:
        pages = conn.execute(sa.text("PRAGMA page_count")).scalar_one()
        conn.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
        outbox.add(conn, "vendor", 1, 0, {"text": "x" * 100_000})
    database.close()
    assert caught.value.code == "catalog_full"


def test_a_catalog_that_was_never_migrated_says_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/catalog.db")
    with pytest.raises(CatalogError) as caught, database.read() as conn:
        vendors.all_vendors(conn)
    database.close()
    assert caught.value.code == "catalog_not_migrated"


def test_a_server_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    database = Database(f"postgresql://someone:secret@/nothing?host={tmp_path}")
    with pytest.raises(CatalogError) as caught, database.read():
        pass
    assert caught.value.code == "catalog_unreachable"
    assert "secret" not in database.url


@pytest.mark.parametrize("url", ["mysql://localhost/x", "no url at all"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(CatalogError):
        Database(url)


def test_a_frequent_reader_sees_one_moment_and_then_the_next(database: Database) -> None:
    with database.read_often() as conn:
        assert vendors.all_vendors(conn) == []
        with database.write() as other:
            made = vendors.create(other, "acme", None, "client")
        assert vendors.all_vendors(conn) == []
        with database.read_often() as second:  # the kept connection is in use
            assert vendors.all_vendors(second) == [made]
    with database.read_often() as conn:
        assert vendors.all_vendors(conn) == [made]


def test_a_frequent_reader_that_fails_leaves_nothing_open(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(CatalogError), database.read_often() as conn:
            conn.exec_driver_sql("SELECT * FROM nothing")
    with database.read_often() as conn:
        assert vendors.all_vendors(conn) == []
    with database.write() as conn:
        vendors.create(conn, "acme", None, "client")


def test_single_statements_have_connections_of_their_own_on_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with ExitStack() as stack:
        connections = [stack.enter_context(database.read_once()) for _ in range(9)]
        assert None not in connections[:8] and connections[8] is None  # too many at once: the other way is taken
        one = connections[0]
        assert one is not None
        driver: Any = one.connection.driver_connection
        assert driver.execute("SELECT 1").fetchone() == (1,)
        assert driver.info.transaction_status.name == "IDLE"
    with pytest.raises(CatalogError), database.read_once() as conn:
        assert conn is not None
        conn.exec_driver_sql("DELETE FROM vendors")  # they only read
    database.close()


def test_an_idle_connection_that_has_died_is_told_once(postgresql_url: str) -> None:
    database = Database(postgresql_url)

    def ask() -> Any:
        with database.read_once() as conn:
            assert conn is not None
            driver: Any = conn.connection.driver_connection
            return driver.execute("SELECT pg_backend_pid()").fetchone()[0]

    pid = ask()
    with database.write() as conn:
        conn.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
    with pytest.raises(CatalogBusy):
        ask()
    assert ask() != pid
    database.close()


def test_sqlite_has_no_connections_for_single_statements(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.read_once() as conn:
        assert conn is None
    database.close()
