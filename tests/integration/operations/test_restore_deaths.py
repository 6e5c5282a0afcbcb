"""A restore's process may die at every commit, at every write to the vault, and before and after every request that
changes something at the source: whoever goes on leaves nothing out and does nothing twice.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast.catalog.instances import Instance
from holdfast.operations.restore.run import run_restore
from tests.integration.operations.test_restore import cards_of, fill
from tests.support.faulty import Last, Life, Stopped
from tests.support.installation import installed
from tests.support.mortality import Copy, World
from tests.support.restoring import asked, ended, report
from tests.support.writable_source import DOCUMENT, WritableSource, writable

MOST_DEATHS = 400


@pytest.fixture(scope="module")
def boards() -> Iterator[WritableSource]:
    with writable() as source:
        yield source


@pytest.fixture(scope="module")
def backed_up(boards: WritableSource, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Instance]]:
    folder = tmp_path_factory.mktemp("deaths")
    fill(boards)
    with installed(folder / "home") as installation:
        instance = installation.instance(DOCUMENT.format(url=boards.url))
        assert installation.backup(instance).status == "successful"
        yield World.of(installation, folder / "world.db"), instance


def restore_with_deaths(copy: Copy, instance: Instance, life: Life) -> None:
    """Ask for a restore, die by `life` while it runs, and let another process go on."""
    with copy.process() as installation:
        made = asked(installation, instance)
    with copy.process(life) as installation, suppress(Stopped):
        run_restore(installation.services, made.id)
    with copy.process() as installation:
        run_restore(installation.services, made.id)
        now = ended(installation, made)
        assert (now.status, list(now.failures)) == ("successful", [])
        assert now.counters["created"] == 13
        assert len(report(installation, made)["records"]) == 13


@pytest.mark.parametrize("last", [Last.LOST, Last.UNSEEN])
def test_deaths_at_commits_and_puts(
    boards: WritableSource, backed_up: tuple[World, Instance], tmp_path: Path, last: Last
) -> None:
    world, instance = backed_up
    kept = {place: dict(records) for place, records in boards.records.items()}
    expected = cards_of(boards, "one")
    deaths = 0
    for after in range(0 if last is Last.LOST else 1, MOST_DEATHS, 2):
        boards.wipe("one/people")
        boards.wipe("one/boards")
        copy, life = world.copy(tmp_path), Life(after, last)
        restore_with_deaths(copy, instance, life)
        assert cards_of(boards, "one") == expected, f"death at write {after}"
        assert len(boards.all("one/people")) == 3
        copy.drop()
        if not life.dead:
            break
        deaths += 1
    boards.records = kept
    assert 20 <= deaths < 40


@pytest.mark.parametrize("when", ["before", "after"])
def test_deaths_at_requests_that_write(
    boards: WritableSource, backed_up: tuple[World, Instance], tmp_path: Path, when: str
) -> None:
    world, instance = backed_up
    kept = {place: dict(records) for place, records in boards.records.items()}
    expected = cards_of(boards, "one")
    for number in range(1, 14):
        boards.wipe("one/people")
        boards.wipe("one/boards")
        copy, life = world.copy(tmp_path), Life(1_000_000)
        left = [number]

        def kill(life: Life = life, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                life.dead = True

        setattr(boards.switches, f"{when}_write", kill)
        with copy.process() as installation:
            made = asked(installation, instance)
        with copy.process(life) as installation, pytest.raises(Stopped):
            run_restore(installation.services, made.id)
        setattr(boards.switches, f"{when}_write", None)
        with copy.process() as installation:
            run_restore(installation.services, made.id)
            assert ended(installation, made).status == "successful"
        assert cards_of(boards, "one") == expected, f"death {when} write {number}"
        assert len(boards.all("one/people")) == 3
        copy.drop()
    boards.records = kept
