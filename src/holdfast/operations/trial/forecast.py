"""How many requests and how long a backup takes, from samples of its lists and the limits of its definition. Pure.

A rule of thumb, and told as one: where the source does not say how long a list is, the figures are least ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from holdfast.definitions.document import Definition, Limits
from holdfast.operations.trial.findings import EndpointSample

CHANGED_A_DAY = 0.01
"""The share of records that is taken to change from one daily backup to the next."""
_GUESSED_SECONDS = 0.2
"""Of a request of a kind that was not sampled."""
_OWN_SECONDS = 0.5
"""What a backup takes beside its requests: its job, its manifest, its receipt."""
_USED = 0.8
"""The share of a schedule's period that a backup may take: sources have slow days."""
SCHEDULES = (
    ("every 5 minutes", 300.0), ("every 15 minutes", 900.0), ("hourly", 3_600.0), ("every 6 hours", 21_600.0),
    ("daily", 86_400.0), ("weekly", 604_800.0),
)  # fmt: skip


@dataclass(frozen=True)
class EndpointForecast:
    records: int
    first: int
    """Requests of the first run."""
    daily: int
    """Requests of a usual run a day later."""
    full: int
    """Requests of a run that lists everything anew."""
    full_every_days: float | None
    """How often that is; None: every run does."""
    is_least: bool
    """The source did not say how long the list is: there may be more."""


@dataclass(frozen=True)
class RunForecast:
    requests: int
    seconds: float
    bound_by: str
    """What the duration comes from: the limits, the answers' time, the length of the longest list."""


@dataclass(frozen=True)
class Forecast:
    endpoints: Mapping[str, EndpointForecast]
    first: RunForecast
    daily: RunForecast
    full: RunForecast
    schedule: str | None
    """The shortest schedule that can be kept; None: not even the longest."""
    is_least: bool
    assumed_changed: float = CHANGED_A_DAY


@dataclass(frozen=True)
class _Load:
    """What one endpoint asks of the source in one run."""

    requests: float
    busy_s: float
    chain_s: float
    """The time of what must follow one after the other: the pages of its longest list."""


def forecast(definition: Definition, samples: Sequence[EndpointSample]) -> Forecast:
    """What backups of the sampled source will cost."""
    by_name = {sample.name: sample for sample in samples}
    endpoints = {sample.name: _endpoint(sample) for sample in samples}
    limits = definition.connection.limits
    runs = {
        kind: _run(definition, limits, {name: _load(by_name[name], one, kind) for name, one in endpoints.items()})
        for kind in ("first", "daily", "full")
    }
    return Forecast(
        endpoints, runs["first"], runs["daily"], runs["full"], shortest_schedule(runs["daily"].seconds),
        any(one.is_least for one in endpoints.values()),
    )  # fmt: skip


def shortest_schedule(seconds: float) -> str | None:
    """The shortest schedule whose period a run of so many seconds leaves enough of; None: there is none."""
    return next((name for name, period in SCHEDULES if seconds <= _USED * period), None)


def is_kept(frequency: str, seconds: float) -> bool:
    """Whether runs of so many seconds leave enough of a frequency's period; true where it has none."""
    period = dict(SCHEDULES).get(frequency)
    return period is None or seconds <= _USED * period


def _endpoint(sample: EndpointSample) -> EndpointForecast:
    endpoint = sample.endpoint
    per_list, is_all = sample.records_per_list()
    lists = max(sample.lists, 0.0)
    records = per_list * lists
    asks_since = endpoint.incremental or endpoint.changes
    pages = 0.0 if endpoint.within is not None else lists * max(1, ceil(per_list / sample.page_size))
    if endpoint.paging.type in ("page", "offset") and not (
        endpoint.stable or endpoint.paging.total or endpoint.count or per_list <= sample.page_size
    ):
        pages *= 2  # read twice, since nothing shows that its records kept their places
    counts = 2 * lists if endpoint.count is not None and endpoint.count.path is not None else 0.0
    details = 1.0 if endpoint.detail is not None else 0.0
    blobs = sample.blobs_per_record * (1 + (endpoint.blob is not None and endpoint.blob.lookup is not None))
    blobs *= not (endpoint.blob is not None and endpoint.blob.inline is not None and endpoint.blob.lookup is None)
    deletions = lists if endpoint.deletions is not None else 0.0
    start = lists if endpoint.changes is not None else 0.0
    sweeps = 0.0
    if endpoint.sweep is not None:
        size = max(1, sample.swept or 1)
        sweeps = lists * ceil(max(per_list, 1) / size) * min(1.0, 86_400 / endpoint.sweep.every.total_seconds())
    changed = records * CHANGED_A_DAY
    again = changed * (details + blobs)
    if asks_since is None:
        touched = pages * CHANGED_A_DAY if endpoint.only_changed else pages
        daily = touched + counts + deletions + again
    else:
        daily = max(lists, changed / sample.page_size) + counts + deletions + sweeps + again
        if endpoint.changes is not None and endpoint.changes.record is None:
            daily += changed
    return EndpointForecast(
        records=round(records),
        first=ceil(pages + counts + deletions + start + records * (details + blobs)),
        daily=ceil(daily),
        full=ceil(pages + counts + deletions + again),
        full_every_days=None if asks_since is None else asks_since.full_every.total_seconds() / 86_400,
        is_least=not is_all,
    )


def _load(sample: EndpointSample, told: EndpointForecast, kind: str) -> _Load:
    requests = float(getattr(told, kind))
    page_s = sample.seconds_per_page or _GUESSED_SECONDS
    per_list, _ = sample.records_per_list()
    pages_of_list = 0 if sample.endpoint.within is not None else max(1, ceil(per_list / sample.page_size))
    if kind == "daily" and told.full_every_days is not None:
        pages_of_list = min(pages_of_list, 1)
    pages = min(requests, pages_of_list * max(sample.lists, 0.0))
    other = requests - pages
    other_s = sample.detail_seconds if sample.detail_seconds is not None else _GUESSED_SECONDS
    if sample.blob is not None:
        other_s = max(other_s, sample.blob.seconds)
    return _Load(requests, pages * page_s + other * other_s, pages_of_list * page_s if sample.lists else 0.0)


def _run(definition: Definition, limits: Limits, loads: Mapping[str, _Load]) -> RunForecast:
    requests = sum(load.requests for load in loads.values()) + (definition.connection.check is not None)
    by_answers = sum(load.busy_s for load in loads.values()) / limits.concurrency
    by_order = 0.0
    reached: dict[str, float] = {}
    for endpoint in definition.planned():
        load = loads.get(endpoint.name)
        before = max((reached.get(parent, 0.0) for parent in endpoint.parents), default=0.0)
        reached[endpoint.name] = before + (load.chain_s if load is not None else 0.0)
        by_order = max(by_order, reached[endpoint.name])
    by_limits = 0.0
    if limits.requests is not None and requests > limits.requests:
        by_limits = (requests / limits.requests - 1) * limits.per.total_seconds()
    seconds, bound_by = max(
        (by_limits, "the limits of the definition"),
        (by_answers, "how long the source takes to answer"),
        (by_order, "its longest list, page after page"),
    )
    return RunForecast(ceil(requests), seconds + _OWN_SECONDS, bound_by)
