"""DBOS in this process: launching it as a worker, stopping it, and what it has no public call for.

DBOS is one per process and keeps its registry in a module's global; this module is the only one that touches either.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from holdfast.engine.database import JobDatabase
from holdfast.engine.queue import APPLICATION, queue_name
from holdfast.errors import EngineError

__all__ = ["Runtime"]

# Constant, so that recovery finds work that an older or newer release began: what makes a job resumable is its
# checkpoint in the catalog, not the code's version.
_APPLICATION_VERSION = "1"
# A job may lose its worker so often (deployments, crashes) before DBOS gives it up as one that kills its workers.
_MAX_RECOVERY_ATTEMPTS = 200
_THREADS_END_S = 10.0


class Runtime:
    """Launched once, stopped once; `run(kind, subject_id)` is called in a thread per job."""

    _owner: "ClassVar[Runtime | None]" = None

    def __init__(self, database: JobDatabase, executor_id: str, run: Callable[[str, int], None]) -> None:
        self._database = database
        self._executor_id = executor_id
        self._run = run
        self._dbos: DBOS | None = None

    def launch(self, kinds: Iterable[str]) -> None:
        """Begin to take jobs of these kinds. Their queues must have been declared, the tables migrated."""
        if Runtime._owner is not None:
            raise EngineError("this process is a worker already")
        kinds = list(kinds)
        dbos = DBOS(
            config=DBOSConfig(
                name=APPLICATION,
                system_database_engine=self._database.engine,
                serializer=DBOSPortableJSONSerializer(),
                executor_id=self._executor_id,
                application_version=_APPLICATION_VERSION,
                run_migrations=False,
                use_listen_notify=False,
                # How long a stop may have to wait for a thread that we have no use for.
                notification_listener_polling_interval_sec=0.2,
                log_level="WARNING",
                enable_otlp=False,
            )
        )
        for kind in kinds:
            self._register(kind)
        DBOS.listen_queues([queue_name(kind) for kind in kinds])
        self._dbos, Runtime._owner = dbos, self
        DBOS.launch()

    def take_no_more(self) -> None:
        """Stop taking jobs; those that run go on. DBOS itself does this only together with its end."""
        if self._dbos is not None:
            for event in self._dbos.background_thread_stop_events:
                event.set()
        # Not joined: right after the launch some of them are only about to start, which refuses to be joined.
        deadline = time.monotonic() + _THREADS_END_S
        while any(thread.name.startswith("queue-worker-") for thread in threading.enumerate()):
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)

    def running(self) -> list[str]:
        """The keys of the jobs that run in this process, until their end is recorded."""
        return [] if self._dbos is None else self._dbos._active_workflows_set.activeList()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no job runs; says whether that is so."""
        deadline = time.monotonic() + timeout_s
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.running()

    def stop(self) -> None:
        """End DBOS in this process. A job that still runs can not record its end any more, and is run again."""
        if Runtime._owner is self:
            DBOS.destroy(destroy_registry=True)
            self._dbos = Runtime._owner = None

    def _register(self, kind: str) -> None:
        def job(subject_id: int) -> None:
            self._run(kind, subject_id)

        DBOS.workflow(name=kind, max_recovery_attempts=_MAX_RECOVERY_ATTEMPTS)(job)
