"""One job: its states, and running its handler, with retries, until it ends or the worker stops. No DBOS in here."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from holdfast import tracing
from holdfast.errors import EngineError, HoldfastError

__all__ = ["Handler", "Interrupted", "JobRunner", "JobState", "Kind", "RetryPolicy"]

Handler = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of jobs, as registered: at most `concurrency` at once, looked for every `poll_s`."""

    name: str
    handler: Handler
    concurrency: int
    poll_s: float


_GIVEN_UP_KEPT = 1_000
_log = logging.getLogger(__name__)


class JobState(StrEnum):
    """What has become of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_live(self) -> bool:
        """Whether a worker runs it or will run it. A dead worker's job is RUNNING until it is taken over."""
        return self in (JobState.QUEUED, JobState.RUNNING)


class Interrupted(BaseException):
    """Raised by a handler that ends early because the worker stops: the job is run again by the next worker.

    No Exception, so that no handler of errors takes it for a failure on its way out.
    """


@dataclass(frozen=True)
class RetryPolicy:
    """How often a handler that raises a retryable error is called, within one worker, before the job has failed."""

    attempts: int = 4
    first_pause_s: float = 1.0
    factor: float = 5.0

    def pause_s(self, failures: int) -> float:
        """The pause after so many failures: 1, 5, 25 s."""
        return self.first_pause_s * self.factor ** (failures - 1)


class JobRunner:
    """Calls handlers, in the thread that asks. `stopping` is set when they should come to an end."""

    def __init__(self, kinds: Mapping[str, Kind], retry: RetryPolicy) -> None:
        self._kinds = kinds
        self._retry = retry
        self.given_up: dict[str, HoldfastError] = {}
        """Why this process gave up on jobs, by kind and subject; the newest few."""
        self.stopping = threading.Event()

    def run(self, kind: str, subject_id: int) -> None:
        """Run a job to its end.

        Raises what the handler raised, after retries where the error is retryable, and Interrupted where the job is to
        be run again by another worker.
        """
        with tracing.about(job=f"{kind}-{subject_id}"):
            self._run(kind, subject_id)

    def _run(self, kind: str, subject_id: int) -> None:
        job = f"{kind} {subject_id}"
        failures = 0
        while True:
            if self.stopping.is_set():
                raise Interrupted
            try:
                self._kinds[kind].handler(subject_id)
            except HoldfastError as error:
                failures += 1
                if not error.retryable or failures >= self._retry.attempts:
                    _log.warning("%s failed: %s", job, error)
                    for oldest in list(self.given_up)[:-_GIVEN_UP_KEPT]:  # a copy: jobs have threads of their own
                        self.given_up.pop(oldest, None)
                    self.given_up[job] = error
                    raise
                pause_s = self._retry.pause_s(failures)
                _log.warning("%s: attempt %d failed, again in %.0f s: %s", job, failures, pause_s, error)
                self.stopping.wait(pause_s)
            except Exception as error:
                _log.exception("%s failed unexpectedly", job)
                raise EngineError(f"{job} failed unexpectedly: {type(error).__name__}: {error}") from error
            else:
                return
