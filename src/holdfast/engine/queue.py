"""The jobs in the database: enqueueing them, asking for their state, taking them away. What a client needs, no worker.

One DBOS queue per kind, so that long jobs of one kind do not keep short ones of another waiting, and so that a worker
of an older release takes only kinds it knows.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import sqlalchemy as sa
from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowStatus

from holdfast.clock import format_time, now, timedelta
from holdfast.engine.database import JobDatabase
from holdfast.engine.jobs import JobState, Kind

__all__ = ["APPLICATION", "JobQueue", "queue_name"]

# The owner's name on every row DBOS writes for us.
APPLICATION = "holdfast"

# SQLite's limit of bound parameters is far above; this keeps one answer small.
_BATCH = 500

_STATES = {
    "ENQUEUED": JobState.QUEUED,
    "DELAYED": JobState.QUEUED,
    "PENDING": JobState.RUNNING,
    "SUCCESS": JobState.DONE,
    "ERROR": JobState.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
    "CANCELLED": JobState.CANCELED,
}
_FINISHED = [status for status, state in _STATES.items() if not state.is_live]


def queue_name(kind: str) -> str:
    """The DBOS queue of a kind."""
    return f"{APPLICATION}-{kind}"


class JobQueue:
    """Reads and writes DBOS's tables through its client; thread-safe."""

    def __init__(self, database: JobDatabase) -> None:
        _quieten()
        self._client = DBOSClient(
            system_database_engine=database.engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            use_listen_notify=False,
            lazy=True,
            # Or a wrong password would be tried for ever. DBOS's own threads in a worker do wait for the database.
            retry_connection_errors=False,
        )

    def migrate(self) -> None:
        """Create or migrate DBOS's tables. DBOS offers this only for a database it connects to itself."""
        self._client._sys_db.run_migrations()

    def declare(self, kind: Kind) -> None:
        """Create the kind's queue, or change its settings: they lie in the database and hold for every worker."""
        self._client.register_queue(
            queue_name(kind.name),
            worker_concurrency=kind.concurrency,
            polling_interval_sec=kind.poll_s,
            on_conflict="always_update",
        )

    def put(self, connection: sa.Connection, kind: str, subject_id: int, key: str, turn: int) -> None:
        """Enqueue within the caller's transaction; nothing happens if a job of that key is known, finished or not."""
        options = EnqueueOptions(workflow_name=kind, queue_name=queue_name(kind), workflow_id=key, priority=turn)
        self._client.enqueue_in_transaction(connection, options, subject_id)

    def states(self, keys: Iterable[str]) -> dict[str, JobState]:
        """The states of the jobs that are known, by key."""
        return {
            status.workflow_id: _STATES[status.status]
            for batch in _batches(keys)
            for status in self._list(workflow_ids=batch)
        }

    def running(self) -> dict[str, list[str]]:
        """Which worker runs which jobs, dead ones among them: keys by executor id."""
        jobs: dict[str, list[str]] = {}
        for status in self._list(status=["PENDING"]):
            jobs.setdefault(status.executor_id or "", []).append(status.workflow_id)
        return jobs

    def put_back(self, executor_id: str, keys: Iterable[str]) -> None:
        """Return running jobs of a worker that does not run them to their queues; their keys stay the same.

        Idempotent, and safe if two workers do it at once: only a row that still names this executor changes. Where the
        job runs on nevertheless, its end counts no more. DBOS has no public call for it: `resume_workflow` would take a
        job from whoever runs it by now.
        """
        for key in keys:
            self._client._sys_db.reenqueue_for_recovery(key, [executor_id], APPLICATION)

    def cancel(self, key: str) -> None:
        """Take a job that has not begun off the queue. Of one that runs, only what DBOS knows of it changes."""
        self._client.cancel_workflow(key)

    def forget(self, key: str) -> bool:
        """Delete what is known of a finished job, so that the same can be enqueued again; says whether it did."""
        state = self.states([key]).get(key)
        if state is None or state.is_live:
            return False
        self._client.delete_workflow(key)
        return True

    def forget_finished(self, age_s: float) -> Iterator[int]:
        """Delete what finished longer ago than that, a batch for each step; yields how many went."""
        before = format_time(now() - timedelta(seconds=age_s))
        while gone := self._list(status=_FINISHED, completed_before=before, limit=_BATCH):
            self._client.delete_workflows([status.workflow_id for status in gone])
            yield len(gone)

    def _list(
        self,
        *,
        workflow_ids: list[str] | None = None,
        status: list[str] | None = None,
        completed_before: str | None = None,
        limit: int | None = None,
    ) -> Sequence[WorkflowStatus]:
        return self._client.list_workflows(
            workflow_ids=workflow_ids,
            status=status,
            completed_before=completed_before,
            limit=limit,
            load_input=False,
            load_output=False,
        )


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(keys)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


class _News(logging.Filter):
    """Drops what is said elsewhere, and what DBOS repeats several times a second while the database is away; and leaves
    one line of the rest."""

    _QUIET_S = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # `jobs` has logged the same error already, with what is known of the job.
        if str(record.msg).startswith("Exception encountered in background workflow"):
            return False
        place = (record.pathname, record.lineno)
        if record.created - self._said.get(place, 0.0) < self._QUIET_S:
            return False
        self._said[place] = record.created
        # DBOS puts whole tracebacks into its messages.
        record.msg, record.args = record.getMessage().split("\n", 1)[0], None
        return True


def _quieten() -> None:
    """Leave DBOS's log to the program's own logging, warnings and up; by itself it writes to stderr from INFO on."""
    log = logging.getLogger("dbos")
    if not log.handlers:
        log.addHandler(logging.NullHandler())  # any handler keeps DBOS from adding its own
        log.addFilter(_News())
    log.setLevel(logging.WARNING)
