"""Follows backups in the catalog until they have ended, whoever runs them; `progress` draws what is seen here."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from holdfast.catalog import counts, debts, runs, streams
from holdfast.catalog.counts import EndpointCounts
from holdfast.catalog.debts import PENDING
from holdfast.catalog.runs import Run
from holdfast.cli.working import Workforce
from holdfast.errors import EngineError
from holdfast.operations.backup.request import JOB, reconcile
from holdfast.operations.services import Services

_POLL_S = 0.1
_LOOK_FOR_JOB_S = 2.0


@dataclass(frozen=True)
class EndpointProgress:
    """How far one endpoint has come in a run. `expected` is how many records it had before; None: not known."""

    endpoint: str
    read: int
    expected: int | None
    blobs: int
    blobs_owed: int
    is_done: bool


@dataclass(frozen=True)
class Progress:
    """How far a run has come; `run` says whether it has ended."""

    run: Run
    endpoints: Sequence[EndpointProgress]


class Display(Protocol):
    """What shows progress."""

    def show(self, name: str, progress: Progress) -> None:
        """`name` is the instance's."""
        ...


class Follower:
    """Follows runs by their instances' names."""

    def __init__(self, services: Services, workers: Workforce, display: Display) -> None:
        self._services = services
        self._workers = workers
        self._display = display
        self._expected: dict[int, dict[str, int]] = {}
        self._next_look = time.monotonic() + _LOOK_FOR_JOB_S

    def follow(self, wanted: Mapping[str, Run]) -> Iterable[tuple[str, Run]]:
        """Each run when it has ended. Raises EngineError where nobody will end one, KeyboardInterrupt as it comes."""
        waiting = dict(wanted)
        for name, run in waiting.items():
            self._expected[run.id] = self._known_before(run)
            self._display.show(name, self._progress(run))
        while waiting:
            self._workers.ensure()
            for name, run in list(waiting.items()):
                progress = self._progress(run)
                self._display.show(name, progress)
                if not progress.run.active:
                    del waiting[name]
                    yield name, progress.run
            if waiting:
                self._look_for_jobs(waiting)
                time.sleep(_POLL_S)

    def _known_before(self, run: Run) -> dict[str, int]:
        """How many records each endpoint had after the backup before."""
        with self._services.database.read() as connection:
            before = runs.newest_ended(connection, run.instance_id)
            if before is None:
                return {}
            return {name: counted.live for name, counted in counts.of_run(connection, before.id).items()}

    def _progress(self, run: Run) -> Progress:
        with self._services.database.read() as connection:
            current = runs.get(connection, run.id)
            counted = counts.of_run(connection, run.id)
            names = [stream.endpoint for stream in streams.of_instance(connection, run.instance_id)]
            owed = {
                endpoint: number
                for endpoint, kind, cause, number in debts.summary(connection, run.instance_id)
                if kind == "blob" and cause == PENDING
            }
        expected = self._expected.get(run.id, {})
        return Progress(
            current,
            [
                _endpoint(name, counted.get(name), expected.get(name), owed.get(name, 0), ended=not current.active)
                for name in names
            ],
        )

    def _look_for_jobs(self, waiting: Mapping[str, Run]) -> None:
        """A job that its worker has given up on would leave its run active for ever."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_FOR_JOB_S
        engine, database = self._services.engine, self._services.database
        for name, run in waiting.items():
            if engine.is_queued_or_running(JOB, run.id):
                continue
            with database.read() as connection:
                is_active = runs.get(connection, run.id).active
            if is_active:
                raise EngineError(
                    f"the backup of {name} could not go on, and was given up for now: the warnings above say why",
                    hint=f"Nothing is lost: `holdfast backup {name}` goes on where it stopped.",
                )


def prepare(services: Services) -> None:
    """See to it that every active run has a job: one that was given up on before is tried again."""
    reconcile(services)


def _endpoint(
    name: str, counted: EndpointCounts | None, expected: int | None, owed: int, *, ended: bool
) -> EndpointProgress:
    if counted is None:
        return EndpointProgress(name, 0, expected, 0, owed, ended)
    done = ended or counted.outcome == "complete"
    return EndpointProgress(name, counted.listed, expected, counted.blobs, owed, done)
