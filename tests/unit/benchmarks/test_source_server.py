"""The source of the measurements serves what the figures take for granted."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from itertools import pairwise

import pytest
from benchmarks import floor, records, source_server
from benchmarks.source_server import Source


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with source_server.running(pool=1_000) as running:
        yield running


def _page(source: Source, number: int) -> tuple[list[dict[str, object]], str | None]:
    with urllib.request.urlopen(f"{source.url}/issues?per_page=100&page={number}") as response:
        return json.load(response), response.headers["Link"]


def test_the_link_header_leads_through_every_record_once(source: Source) -> None:
    source.set_content(250)
    pages = [_page(source, number) for number in (1, 2, 3)]
    assert [record["id"] for page, _ in pages for record in page] == [records.FIRST_ID + i for i in range(250)]
    assert [link is None for _, link in pages] == [False, False, True]
    assert asyncio.run(floor.read_all(f"{source.url}/issues?per_page=100")) == 3
    assert source.counts()["requests"] == 6


def test_one_record_in_a_hundred_changes_and_keeps_its_id(source: Source) -> None:
    source.set_content(300)
    before = [record for number in (1, 2, 3) for record in _page(source, number)[0]]
    source.set_content(300, day=1)
    after = [record for number in (1, 2, 3) for record in _page(source, number)[0]]
    assert [record["id"] for record in after] == [record["id"] for record in before]
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 3


def test_every_day_one_in_a_hundred_changes_and_in_a_hundred_days_each_once() -> None:
    tails = records.make_tails(1_000)
    days = [records.of_day(tails, 150, 300, day) for day in range(202)]
    changed = [
        {number for number, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}
        for before, after in pairwise(days)
    ]
    assert {len(one) for one in changed} == {3}
    assert sorted(number for one in changed[:100] for number in one) == list(range(300))
    assert records.of_day(tails, 200, 100, 120) == days[120][50:150], "whatever page they stand on"


def test_content_is_the_same_in_every_process() -> None:
    tails = records.make_tails(50)
    assert records.make_tails(50) == tails
    assert 950 < sum(map(len, tails)) / len(tails) < 1_150
