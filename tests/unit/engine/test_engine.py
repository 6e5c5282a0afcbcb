import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdfast.engine import Engine
from holdfast.engine.queue import queue_name
from holdfast.errors import EngineError


@pytest.mark.parametrize("kind", ["", "ab", "Backup", "back up", "backup-1"])
def test_names_of_kinds_are_checked(tmp_path: Path, kind: str) -> None:
    with Engine(f"sqlite:///{tmp_path}/jobs.db") as engine, pytest.raises(EngineError, match="no name"):
        engine.register(kind, lambda _: None)


def test_a_kind_has_one_handler(tmp_path: Path) -> None:
    with Engine(f"sqlite:///{tmp_path}/jobs.db") as engine:
        engine.register("backup", lambda _: None)
        with pytest.raises(EngineError, match="already"):
            engine.register("backup", lambda _: None)


def test_a_database_that_was_not_migrated_is_a_clear_error(tmp_path: Path) -> None:
    with Engine(f"sqlite:///{tmp_path}/jobs.db") as engine:
        for ask in (lambda: engine.state("backup", 7), engine.workers):
            with pytest.raises(EngineError, match="no such table") as raised:
                ask()
            assert raised.value.hint is not None


def test_what_a_database_says_to_an_enqueue_is_the_callers_to_translate(tmp_path: Path) -> None:
    engine = Engine(f"sqlite:///{tmp_path}/jobs.db")
    with engine, engine._database.engine.begin() as connection, pytest.raises(sa.exc.OperationalError):
        engine.enqueue(connection, "backup", 7)


def test_a_process_without_jobs_never_imports_dbos() -> None:
    program = "import sys, holdfast.engine as e; e.Engine('sqlite:///jobs.db'); sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_worker_that_awaits_one_kind_of_jobs_seldom_looks_for_others(tmp_path: Path) -> None:
    def pause_s(engine: Engine, kind: str) -> float:
        queue = engine._queue._client._sys_db.get_queue(queue_name(kind))
        assert queue is not None
        return queue._polling_interval_sec

    with Engine(f"sqlite:///{tmp_path}/jobs.db", poll_s=0.1) as engine:
        for kind in ("backup", "export"):
            engine.register(kind, lambda _: None)
        engine.start(awaits="backup")
        assert (pause_s(engine, "backup"), pause_s(engine, "export")) == (0.1, 5.0)
        engine.stop()
        engine.start()  # the next worker says anew how often
        assert pause_s(engine, "export") == 0.1
