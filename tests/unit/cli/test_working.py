from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.cli import working
from holdfast.cli.working import workforce
from holdfast.engine import Engine


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    """Two processes' worth of engines over one database."""
    with Engine(f"sqlite:///{tmp_path / 'x.db'}") as ours, Engine(f"sqlite:///{tmp_path / 'x.db'}") as theirs:
        for engine in (ours, theirs):
            engine.register("nothing", lambda _: None)
        yield ours, theirs


def test_this_process_works_where_nobody_else_does(engines: tuple[Engine, Engine]) -> None:
    ours, _ = engines
    said: list[str] = []
    with workforce(ours, "nothing", said.append) as workers:
        assert not workers.is_here
        workers.ensure()
        assert workers.is_here
        workers.ensure()
    assert not ours.is_worker
    assert said == []


def test_another_worker_is_followed_and_replaced_when_it_has_gone(
    engines: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "_LOOK_S", 0.0)
    ours, theirs = engines
    assert theirs.worker_lock is not None
    theirs.worker_lock.acquire()
    said: list[str] = []
    with workforce(ours, "nothing", said.append) as workers:
        for _ in range(3):
            workers.ensure()
        assert not workers.is_here and len(said) == 1 and "this command follows it" in said[0]
        theirs.worker_lock.release()
        workers.ensure()
        assert workers.is_here and "this process goes on" in said[1]


def test_it_is_not_looked_at_every_time(engines: tuple[Engine, Engine]) -> None:
    ours, theirs = engines
    assert theirs.worker_lock is not None
    theirs.worker_lock.acquire()
    with workforce(ours, "nothing", lambda _: None) as workers:
        workers.ensure()
        theirs.worker_lock.release()
        workers.ensure()
        assert not workers.is_here
