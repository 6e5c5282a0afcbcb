"""Pages of records over PostgreSQL, where those that a `next` link leads to are read in one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pytest
import sqlalchemy as sa

from holdfast.catalog.instances import Instance
from holdfast.errors import NotFound
from holdfast.operations.record_pages import RecordPages
from tests.support.documents import ITEMS, document
from tests.support.hostile_source import HostileSource, in_thread
from tests.support.installation import Installation, installed
from tests.support.postgresql import PostgreSQL


@dataclass
class Stage:
    """One instance with three backups, each of which found records added, changed and deleted. All tests share it."""

    installation: Installation
    source: HostileSource
    instance: Instance

    @property
    def pages(self) -> RecordPages:
        """With nothing known yet."""
        return RecordPages(self.installation.services, self.installation.browser)

    @cached_property
    def vendor(self) -> int:
        return self.installation.customer.vendor_id

    def run_id(self, sequence: int) -> int:
        return self.installation.state(self.instance, sequence).run.id

    def walk(self, pages: RecordPages, run_id: int) -> list[bytes]:
        """Everything in one state, four records at a time, behind `next` links."""
        found, after = list[bytes](), ""
        while True:
            page = pages.read(self.vendor, None, self.instance.id, "items", run_id=run_id, after=after, limit=4)
            assert page.knows_endpoint
            if not page.rows:
                assert page.total == len(found)
                return found
            found += page.raws
            after = page.rows[-1].record_key


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("installation") / "home"
    with (
        installed(home, database_url=postgresql.create()) as installation,
        in_thread(HostileSource({"items": []}, page_size=10)) as source,
    ):
        instance = installation.instance(document(source.url, ITEMS))
        for day in range(3):
            _fill(source, {number: str(day if number % 5 == day else "") for number in range(day, 30 + 2 * day)})
            assert installation.backup(instance, accept_deletions=True).status == "successful"
        yield Stage(installation, source, instance)


def _fill(source: HostileSource, texts: dict[int, str]) -> None:
    source.collections["items"].clear()
    for number, text in texts.items():
        source.put("items", {"id": number, "text": text})


@contextmanager
def _transactions(stage: Stage) -> Iterator[list[None]]:
    """One for each that begins meanwhile."""
    begun: list[None] = []

    def begin(_: sa.Connection) -> None:
        begun.append(None)

    engine = stage.installation.services.database.engine
    sa.event.listen(engine, "begin", begin)
    yield begun
    sa.event.remove(engine, "begin", begin)


def test_they_show_every_state_and_no_longer_need_a_transaction(stage: Stage) -> None:
    pages = stage.pages
    for sequence in (1, 2, 3):
        expected = list(stage.installation.records(stage.instance, "items", sequence).values())
        run_id = stage.run_id(sequence)
        assert stage.walk(pages, run_id) == expected
        with _transactions(stage) as begun:
            assert stage.walk(pages, run_id) == expected
        assert begun == []


def test_connections_that_the_server_has_ended_are_made_anew(stage: Stage) -> None:
    pages, run_id = stage.pages, stage.run_id(1)
    expected = stage.walk(pages, run_id)
    with stage.installation.services.database.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    assert stage.walk(pages, run_id) == expected
    with _transactions(stage) as begun:
        assert stage.walk(pages, run_id) == expected
    assert begun == []


def test_strangers_see_nothing(stage: Stage) -> None:
    pages, vendor, run_id = stage.pages, stage.vendor, stage.run_id(1)
    stage.walk(pages, run_id)
    for vendor_id, customer_id in ((vendor + 1, None), (vendor, stage.installation.customer.id + 1)):
        with pytest.raises(NotFound) as caught:
            pages.read(vendor_id, customer_id, stage.instance.id, "items", run_id=run_id, after="")
        assert caught.value.field == "backup_instance_id"
    with pytest.raises(NotFound) as caught:
        pages.read(vendor, None, stage.instance.id, "items", run_id=1, after="")
    assert caught.value.field == "backup_id"
    assert not pages.read(vendor, None, stage.instance.id, "others", run_id=run_id, after="").knows_endpoint


def test_what_a_later_run_finds_does_not_show_in_an_earlier_state(stage: Stage) -> None:
    pages, newest = stage.pages, stage.run_id(3)
    expected = stage.walk(pages, newest)
    _fill(stage.source, dict.fromkeys(range(40), "new"))
    assert stage.installation.backup(stage.instance, accept_deletions=True).status == "successful"
    assert stage.walk(pages, newest) == expected
