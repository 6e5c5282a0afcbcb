"""What an instance's backups really took, beside what was expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from holdfast.catalog import counts, runs
from holdfast.catalog.instances import Instance
from holdfast.catalog.runs import Run
from holdfast.operations.services import Services

_RUNS = 7
"""The newest successful backups that stand for a usual one."""


@dataclass(frozen=True)
class Actual:
    """One backup, or the median of several."""

    backups: Sequence[int]
    """Their numbers."""
    requests: int
    seconds: float
    endpoints: Mapping[str, int]
    """Requests by endpoint."""


def actual_runs(services: Services, instance: Instance) -> tuple[Actual | None, Actual | None]:
    """The first successful backup, and the median of the newest ones behind it; None where there is none."""
    with services.database.read() as connection:
        ended = [
            run
            for run in runs.all_of_instance(connection, instance.id)
            if run.status == "successful" and run.ended_at is not None and run.started_at is not None
        ]
        first = _actual(ended[:1], [counts.of_run(connection, run.id) for run in ended[:1]])
        later = ended[1:][-_RUNS:]
        usual = _actual(later, [counts.of_run(connection, run.id) for run in later])
    return first, usual


def _actual(ended: Sequence[Run], counted: Sequence[Mapping[str, counts.EndpointCounts]]) -> Actual | None:
    if not ended:
        return None
    names = dict.fromkeys(name for one in counted for name in one)
    took = [(run.ended_at - run.started_at).total_seconds() for run in ended if run.ended_at and run.started_at]
    return Actual(
        backups=[run.sequence for run in ended],
        requests=round(median(sum(one.requests for one in each.values()) for each in counted)),
        seconds=median(took),
        endpoints={
            name: round(median(each[name].requests if name in each else 0 for each in counted)) for name in names
        },
    )  # fmt: skip
