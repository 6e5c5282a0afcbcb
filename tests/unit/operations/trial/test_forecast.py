"""Forecasts: counted requests, the slowest of limits, answers and the longest list, the shortest schedule kept."""

from datetime import timedelta

import pytest

from holdfast.definitions.document import (
    Blob,
    Connection,
    Count,
    Definition,
    Detail,
    Endpoint,
    Incremental,
    Limits,
    Paging,
)
from holdfast.operations.trial.findings import EndpointSample, SampledPage, SampledRecord
from holdfast.operations.trial.forecast import forecast, is_kept, shortest_schedule

PAGED = Paging("cursor", body="next", query="page")


def sample(endpoint: Endpoint, records: int, *, counted: int | None = None, lists: float = 1, seconds: float = 0.1,
           blobs: bool = False) -> EndpointSample:  # fmt: skip
    """One list of which a page of so many records was read."""
    found = EndpointSample(endpoint, lists=lists, lists_read=1, counted=counted)
    found.pages.append(SampledPage("", 1, records, 1000, seconds, goes_on=counted is not None))
    found.records += [SampledRecord("", str(n), None, "url" if blobs else None, False, {}) for n in range(records)]
    return found


def definition(*endpoints: Endpoint, **limits: object) -> Definition:
    return Definition("x", Connection("https://x.example", limits=Limits(**limits)), endpoints)  # type: ignore[arg-type]


def test_a_list_that_the_source_counts_is_forecast_whole() -> None:
    items = Endpoint("items", "/items", ("id",), paging=PAGED)
    told = forecast(definition(items), [sample(items, 100, counted=1_050)])
    assert (told.first.requests, told.daily.requests, told.is_least) == (11, 11, False)
    assert told.endpoints["items"].records == 1_050
    assert told.first.seconds == pytest.approx(11 * 0.1 + 0.5)
    assert told.first.bound_by == "its longest list, page after page"


def test_a_list_without_an_end_or_a_count_is_a_least_figure() -> None:
    items = Endpoint("items", "/items", ("id",), paging=PAGED)
    one = sample(items, 100, counted=0)
    one.counted = None
    assert forecast(definition(items), [one]).is_least


def test_details_and_blobs_cost_a_request_each_at_first_and_for_what_changes_later() -> None:
    items = Endpoint(
        "items", "/items", ("id",), paging=PAGED, detail=Detail("/i", ("v",)), blob=Blob("{{ record.u }}", ("v",)),
        incremental=Incremental("at", {}), count=Count("/count", select="n"),
    )  # fmt: skip
    told = forecast(definition(items), [sample(items, 100, counted=1_000, blobs=True)])
    assert told.first.requests == 10 + 2 + 2 * 1_000
    assert told.daily.requests == 1 + 2 + 2 * 10
    assert told.full.requests == 10 + 2 + 2 * 10


def test_children_cost_a_list_for_each_parent() -> None:
    parents, children = Endpoint("parents", "/p", ("id",)), Endpoint("children", "/c", ("id",), for_each="parents")
    told = forecast(definition(parents, children), [sample(parents, 50), sample(children, 3, lists=50)])
    assert told.first.requests == 51
    assert told.endpoints["children"].records == 150


def test_limits_bind_where_they_are_the_slowest_and_decide_the_schedule() -> None:
    items = Endpoint("items", "/items", ("id",), paging=PAGED)
    slow = definition(items, requests=100, per=timedelta(hours=1))
    told = forecast(slow, [sample(items, 1, counted=1_100)])
    assert told.daily.bound_by == "the limits of the definition"
    assert told.daily.seconds == pytest.approx(10 * 3600 + 0.5)
    assert told.schedule == "daily"


@pytest.mark.parametrize(
    ("seconds", "schedule"),
    [(1, "every 5 minutes"), (240, "every 5 minutes"), (241, "every 15 minutes"), (70_000, "weekly"), (500_000, None)],
)
def test_a_schedule_leaves_a_backup_some_room(seconds: float, schedule: str | None) -> None:
    assert shortest_schedule(seconds) == schedule


def test_a_frequency_is_kept_or_not() -> None:
    assert is_kept("hourly", 100) and not is_kept("hourly", 3_000) and is_kept("off", 10**9)
