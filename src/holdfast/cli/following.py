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
from holdfast.operations import jobs
from holdfast.operations.backup.request import job_key
from holdfast.operations.services import Services

_FIRST_POLL_S = 0.05
_POLL_S = 0.5
"""What is short is seen at once to have ended; a look costs 3 ms, which a long one has at most twice a second."""
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
        """Each run when it has ended; one that is still active is one that its worker has given up on for now."""
        waiting = dict(wanted)
        pause_s = _FIRST_POLL_S
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
            for name in self._given_up(waiting):
                yield name, waiting.pop(name)
            if waiting:
                time.sleep(pause_s)
                pause_s = min(_POLL_S, 1.1 * pause_s)

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

    def _given_up(self, waiting: Mapping[str, Run]) -> list[str]:
        """Whose job its worker has given up on: such a run would stay active for ever."""
        if time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + _LOOK_FOR_JOB_S
        engine, database = self._services.engine, self._services.database
        given_up = []
        for name, run in waiting.items():
            with database.read() as connection:
                before = runs.get(connection, run.id)
            if not engine.is_queued_or_running(jobs.BACKUP, run.id, key=job_key(before)):
                with database.read() as connection:
                    now = runs.get(connection, run.id)
                if now.active and now.gave_way == before.gave_way:
                    given_up.append(name)
        return given_up


def _endpoint(
    name: str, counted: EndpointCounts | None, expected: int | None, owed: int, *, ended: bool
) -> EndpointProgress:
    if counted is None:
        return EndpointProgress(name, 0, expected, 0, owed, ended)
    done = ended or counted.outcome == "complete"
    return EndpointProgress(name, counted.listed, expected, counted.blobs, owed, done)
