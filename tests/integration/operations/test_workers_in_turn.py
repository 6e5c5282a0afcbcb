"""What many workers share: duties that are done in turn, and one that has lost its storage stands down."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.clock import now
from holdfast.engine import Worker
from holdfast.errors import StorageUnavailable
from holdfast.operations.locking import in_turn
from holdfast.operations.standing_down import StorageWatch
from tests.support.faulty import Wrapping
from tests.support.installation import Installation, installed

HOUR = timedelta(hours=1)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made


def test_a_duty_is_done_once_by_all_workers_together(installation: Installation) -> None:
    services, done = installation.services, list[str]()
    assert in_turn(services, "prune", HOUR, lambda: done.append("first"))
    assert not in_turn(services, "prune", HOUR, lambda: done.append("second"))
    assert in_turn(services, "object locks", HOUR, lambda: done.append("another duty"))
    assert done == ["first", "another duty"]


def test_a_duty_that_another_worker_is_at_is_left_to_it(installation: Installation) -> None:
    services, done = installation.services, list[bool]()
    assert in_turn(services, "prune", HOUR, lambda: done.append(in_turn(services, "prune", HOUR, lambda: None)))
    assert done == [False]


def test_a_duty_that_failed_is_done_by_whoever_comes_next(installation: Installation) -> None:
    def fail() -> None:
        raise StorageUnavailable("no answer")

    with pytest.raises(StorageUnavailable):
        in_turn(installation.services, "prune", HOUR, fail)
    assert in_turn(installation.services, "prune", HOUR, lambda: None)


class Silent(Wrapping):
    """A storage that this machine cannot reach, or can."""

    is_cut = False

    def size(self, name: str) -> int:
        if self.is_cut:
            raise StorageUnavailable("no answer")
        return super().size(name)


class Colleagues:
    """As much of an engine as the watch sees: the other workers, and whether everything was given up."""

    is_sole_worker = False
    executor_id = "me"

    def __init__(self, *others: str) -> None:
        self.given_up = 0
        self._others = others

    def workers(self) -> list[Worker]:
        return [Worker(name, "host", 1, now(), now(), True) for name in ("me", *self._others)]

    def give_up(self) -> None:
        self.given_up += 1


class Watched:
    """A watch at moments that the test chooses."""

    def __init__(self, installation: Installation, *others: str) -> None:
        self.storage, self.told = Silent(installation.services.storage), list[str]()
        self.engine: Any = Colleagues(*others)
        self._moment = 0.0
        services = replace(installation.services, storage=self.storage, engine=self.engine)
        self._watch = StorageWatch(services, lambda: self.told.append("down"), clock=lambda: self._moment)

    def look(self, moment: float, *, is_cut: bool) -> None:
        self._moment, self.storage.is_cut = moment, is_cut
        self._watch.look()


def test_a_worker_that_lost_its_storage_stands_down_if_there_are_others(installation: Installation) -> None:
    watched = Watched(installation, "other")
    for moment in (0.0, 10.0, 17.0):
        watched.look(moment, is_cut=True)
        assert watched.told == []
    watched.look(18.0, is_cut=True)
    assert (watched.told, watched.engine.given_up) == (["down"], 1)


def test_the_only_worker_waits_for_its_storage(installation: Installation) -> None:
    watched = Watched(installation)
    for moment in (0.0, 60.0):
        watched.look(moment, is_cut=True)
    assert (watched.told, watched.engine.given_up) == ([], 0)


def test_a_storage_that_answers_again_is_forgiven(installation: Installation) -> None:
    watched = Watched(installation, "other")
    watched.look(0.0, is_cut=True)
    watched.look(15.0, is_cut=False)
    watched.look(30.0, is_cut=True)
    assert watched.told == []
