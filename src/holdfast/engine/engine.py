"""The engine's face: register handlers, enqueue, start and stop a worker, take over from dead ones.

Whether a subject may have a job at all (one active backup per instance, leases) is the catalog's business.
"""

import logging
import os
import platform
import re
import secrets
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from holdfast import tracing
from holdfast.engine import heartbeats
from holdfast.engine.database import job_database, translated
from holdfast.engine.heartbeats import Heartbeat, Worker
from holdfast.engine.jobs import Handler, JobRunner, JobState, Kind, RetryPolicy
from holdfast.engine.ticker import Ticker
from holdfast.engine.worker_lock import WorkerLock
from holdfast.errors import EngineError, HoldfastError

if TYPE_CHECKING:
    from holdfast.engine.queue import JobQueue

__all__ = ["Engine"]

_log = logging.getLogger(__name__)

_KIND = re.compile(r"[a-z][a-z0-9_]{2,40}")
_CLEANUP_S = 600.0
_FORGET_WORKERS_S = 86_400.0
_UNAWAITED_POLL_S = 5.0


class Engine:
    """Durable jobs in one database; as a client at once, as a worker between `start` and `stop`.

    `concurrency` is the number of jobs of one kind that a worker runs at once, `poll_s` how often it looks for new ones
    (so at most `concurrency / poll_s` begin per second). DBOS keeps both in the database: the worker that started last
    sets them for all. A worker is taken for dead after `dead_after_s` without a beat. Finished jobs are forgotten after
    `keep_finished_s`.
    """

    def __init__(
        self,
        database_url: str,
        *,
        poll_s: float = 0.2,
        beat_s: float = 2.0,
        dead_after_s: float = 30.0,
        concurrency: int = 4,
        keep_finished_s: float = 86_400.0,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._database = job_database(database_url)
        self._poll_s = poll_s
        self._beat_s = beat_s
        self._dead_after_s = dead_after_s
        self._concurrency = concurrency
        self._keep_finished_s = keep_finished_s
        self._kinds: dict[str, Kind] = {}
        self._runner = JobRunner(self._kinds, retry or RetryPolicy())
        self._running: ExitStack | None = None
        self._is_idle = True
        self._guard = threading.RLock()
        # Fresh for every process: what runs under an older one is by definition not run by us.
        self.executor_id = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        path = self._database.path
        self.worker_lock = None if path is None else WorkerLock(Path(path + ".worker"))

    # --- as a client

    def migrate(self) -> None:
        """Create or update the tables, so that jobs can be enqueued before a worker ever ran. Idempotent."""
        with translated("prepare the job database"):
            self._queue.migrate()
            heartbeats.create_table(self._database)

    def enqueue(
        self, connection: sa.Connection, kind: str, subject_id: int, *, key: str | None = None, turn: int = 1
    ) -> None:
        """Enqueue a job in the caller's transaction, which must be one of the same database: both commit or neither.

        A job is known by its key, `kind-subject_id` unless given: while it is known (also for `keep_finished_s` after
        its end), a second enqueue does nothing; `forget` makes it possible again. Of one kind's jobs those with the
        lowest `turn` begin first, and of these the oldest. SQLAlchemy's errors are the caller's.
        """
        self._queue.put(connection, kind, subject_id, key or _key(kind, subject_id), turn)

    def state(self, kind: str, subject_id: int, *, key: str | None = None) -> JobState | None:
        """What has become of a job; None if it was never enqueued, or is forgotten."""
        with translated("read the state of a job"):
            key = key or _key(kind, subject_id)
            return self._queue.states([key]).get(key)

    def states(self, kind: str, subject_ids: Iterable[int]) -> dict[int, JobState]:
        """The states of many jobs that were enqueued without a key of their own; unknown ones are left out."""
        keys = {_key(kind, subject_id): subject_id for subject_id in subject_ids}
        with translated("read the state of jobs"):
            return {keys[key]: state for key, state in self._queue.states(keys).items()}

    def states_of(self, keys: Iterable[str]) -> dict[str, JobState]:
        """The same of jobs by their own keys."""
        with translated("read the state of jobs"):
            return self._queue.states(keys)

    def is_queued_or_running(self, kind: str, subject_id: int, *, key: str | None = None) -> bool:
        """Whether a worker runs the job or will run it, if need be after a takeover."""
        state = self.state(kind, subject_id, key=key)
        return state is not None and state.is_live

    def cancel(self, kind: str, subject_id: int, *, key: str | None = None) -> None:
        """Take a job that has not begun off the queue.

        One that runs is only marked: its handler is not interrupted (tell it through the catalog), but it will not be
        run again should its worker die.
        """
        with translated("cancel a job"):
            self._queue.cancel(key or _key(kind, subject_id))

    def forget(self, kind: str, subject_id: int, *, key: str | None = None) -> bool:
        """Forget a job that has ended, so that the same can be enqueued once more; says whether it did.

        Does nothing to a live one. Opens a transaction of its own: on SQLite not to be called within another one.
        """
        with translated("forget a job"):
            return self._queue.forget(key or _key(kind, subject_id))

    def workers(self) -> list[Worker]:
        """The worker processes that have been heard of lately, the newest first."""
        with translated("list the workers"):
            return heartbeats.workers(self._database, self._dead_after_s)

    # --- as a worker

    def register(
        self, kind: str, handler: Handler, *, concurrency: int | None = None, poll_s: float | None = None
    ) -> None:
        """Name the function that runs jobs of this kind; before `start`.

        It gets the subject's public id, in a thread of its own, at least once: after a crash, and after a retryable
        HoldfastError, it is called again. It records its own outcome before it returns or raises; what it raises only
        marks the job as failed. It watches `stopping` and then raises Interrupted. Looking for jobs every 0.2 s costs
        1.5% of a processor per kind: give kinds that nobody waits for a longer `poll_s`.
        """
        if not _KIND.fullmatch(kind):
            raise EngineError(f"{kind!r} is no name for a kind of jobs: {_KIND.pattern}")
        if kind in self._kinds or self._running is not None:
            raise EngineError(f"{kind} is registered already, or too late")
        self._kinds[kind] = Kind(kind, handler, concurrency or self._concurrency, poll_s or self._poll_s)

    @property
    def stopping(self) -> threading.Event:
        """Set when handlers should come to an end and raise Interrupted."""
        return self._runner.stopping

    def why_given_up(self, kind: str, subject_id: int) -> HoldfastError | None:
        """The error for which this process, as a worker, gave up on a job; None: it did not, or has forgotten."""
        return self._runner.given_up.get(f"{kind} {subject_id}")

    @property
    def is_worker(self) -> bool:
        """Whether this process runs jobs: between `start` and `stop`."""
        return self._running is not None

    @property
    def is_sole_worker(self) -> bool:
        """Whether this process is the worker and there can be no other: on SQLite, where it holds the lock."""
        return self.is_worker and self.worker_lock is not None

    def start(self, *, awaits: str | None = None) -> None:
        """Become a worker: take jobs, and take over those of dead workers.

        On SQLite there can be one: raises WorkerElsewhere if another process is it, else runs what any earlier worker
        has left undone. Migrates first. A worker that lives for the sake of one kind of jobs `awaits` it, and seldom
        looks for others.
        """
        from holdfast.engine.runtime import Runtime

        with self._guard, ExitStack() as undo, translated("start the worker"):
            if self._running is not None:
                raise EngineError("the worker is running already")
            self._runner.stopping.clear()
            if self.worker_lock is not None:
                self.worker_lock.acquire()
                undo.callback(self._unlock)
            undo.enter_context(tracing.exported())
            self.migrate()
            for kind in self._kinds.values():
                is_awaited = awaits is None or kind.name == awaits
                self._queue.declare(kind if is_awaited else replace(kind, poll_s=_UNAWAITED_POLL_S))

            # The first beat comes before the first job, or another worker could take this one for dead.
            self._heartbeat = Heartbeat(self._database, self.executor_id, self._beat_s)
            self._heartbeat.beat()
            pulse = Ticker("heartbeat")
            pulse.every(
                self._beat_s,
                self._heartbeat.beat,
                name="heartbeat",
                first_after_s=self._beat_s,
                slowest_s=self._beat_s,
            )
            pulse.start()

            self._runtime = Runtime(self._database, self.executor_id, self._runner.run)
            undo.callback(self._runtime.stop)
            undo.callback(self._hand_over)
            undo.callback(pulse.stop)
            self._runtime.launch(self._kinds)

            rounds = Ticker("takeover")
            if self._database.is_sqlite:
                # The lock proves every other worker dead, and no other can appear while it is held.
                self._take_over()
            else:
                # The others get time to beat, for whole fleets restart at once.
                rounds.every(self._beat_s, self._take_over, name="takeover", first_after_s=2 * self._beat_s)
            self._missing = set[str]()
            rounds.every(5 * self._beat_s, self._take_back, name="search for lost jobs", first_after_s=self._beat_s)
            rounds.every(_CLEANUP_S, self._clean_up, name="cleanup", first_after_s=_CLEANUP_S / 10)
            undo.callback(rounds.stop)
            rounds.start()
            self._running = undo.pop_all()

    def stop(self, drain_s: float = 30.0, *, grace_s: float = 10.0) -> bool:
        """Be a worker no longer; says whether every job has ended.

        Takes no more jobs, waits `drain_s` for those that run, then sets `stopping` and waits `grace_s` for them to
        raise Interrupted. What still runs then is run again by another worker, on SQLite not before this process ends.
        """
        with self._guard:
            if self._running is None:
                return True
            self._runtime.take_no_more()
            self._runtime.wait_idle(drain_s)
            self._runner.stopping.set()
            self._is_idle = self._runtime.wait_idle(grace_s)
            if not self._is_idle:
                _log.warning("stopped while these jobs ran: %s", ", ".join(self._runtime.running()))
            running, self._running = self._running, None
            running.close()
            return self._is_idle

    def close(self) -> None:
        """Stop at once if need be, and let go of every connection; nothing works afterwards."""
        self.stop(drain_s=0.0)
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def give_up(self) -> None:
        """Put back whatever runs here, for others to run, and sign off. The caller ends this process at once: what
        still goes on in it would be run twice."""
        with translated("give up what runs here"):
            self._queue.put_back(self.executor_id, self._queue.running().get(self.executor_id, []))
            self._heartbeat.remove()

    # --- inside

    @cached_property
    def _queue(self) -> "JobQueue":
        # Imports DBOS, which takes 0.2 s: a command that has nothing to do with jobs goes without.
        from holdfast.engine.queue import JobQueue

        return JobQueue(self._database)

    def _unlock(self) -> None:
        # With a job still running here, another process must not become the worker.
        if self.worker_lock is not None and self._is_idle:
            self.worker_lock.release()

    def _take_over(self) -> None:
        """Put the jobs of dead workers back into their queues."""
        with translated("look for dead workers"):
            # Read first who runs something, then who is alive: a worker that starts in between is in neither.
            jobs = self._queue.running()
            if self._database.is_sqlite:
                alive = set[str]()
            elif self._heartbeat.was_steady(self._dead_after_s):
                known = heartbeats.workers(self._database, self._dead_after_s)
                alive = {worker.executor_id for worker in known if worker.is_alive}
            else:
                return
            for executor_id in jobs.keys() - alive - {self.executor_id}:
                _log.warning("taking over from worker %s: %s", executor_id, ", ".join(jobs[executor_id]))
                self._queue.put_back(executor_id, jobs[executor_id])

    def _take_back(self) -> None:
        """Put back what this worker is said to run but does not: the database was away when the job was to begin."""
        with translated("look for lost jobs"):
            lost = set(self._queue.running().get(self.executor_id, [])).difference(self._runtime.running())
            # One that only begins or ends in this moment is not among the missing a second time.
            for_sure, self._missing = lost & self._missing, lost
            if for_sure:
                _log.warning("these jobs were lost and are run again: %s", ", ".join(sorted(for_sure)))
                self._queue.put_back(self.executor_id, for_sure)

    def _hand_over(self) -> None:
        """Put back what was interrupted, and sign off: nobody has to find out that this worker has gone."""
        try:
            with translated("hand over"):
                interrupted = set(self._queue.running().get(self.executor_id, [])).difference(self._runtime.running())
                self._queue.put_back(self.executor_id, interrupted)
                if self._is_idle:
                    self._heartbeat.remove()
        except EngineError as error:
            _log.warning("this worker's jobs are taken over later: %s", error)

    def _clean_up(self) -> None:
        with translated("forget finished jobs"):
            for _ in self._queue.forget_finished(self._keep_finished_s):
                if self.stopping.wait(0.1):  # leaves the one writer's lock of SQLite to others in between
                    return
            heartbeats.forget_silent(self._database, _FORGET_WORKERS_S)


def _key(kind: str, subject_id: int) -> str:
    return f"{kind}-{subject_id}"
