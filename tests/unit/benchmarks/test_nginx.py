"""nginx gives readers the source's pages from its cache."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks import nginx, source_server
from benchmarks.source_server import Source
from isal import isal_zlib


@pytest.fixture(scope="module")
def origin() -> Iterator[Source]:
    with source_server.running(pool=100) as running:
        running.set_content(250)
        yield running


@pytest.mark.parametrize("secured", [False, True])
def test_its_links_lead_through_every_page_and_none_is_asked_of_the_origin(
    origin: Source, tmp_path: Path, secured: bool
) -> None:
    with nginx.running(origin, 3, tmp_path / "nginx", secured=secured) as cached:
        asked_of_origin, asked = origin.counts()["requests"], cached.requests()
        url: str | None = f"{cached.source.url}/issues?per_page=100"
        ids: list[int] = []
        while url is not None:
            request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
            with urllib.request.urlopen(request, context=cached.source.trusted) as response:
                body, link = response.read(), response.headers["Link"]
                assert response.headers["Content-Encoding"] == ("gzip" if secured else None)
            ids += [one["id"] for one in json.loads(isal_zlib.decompress(body, wbits=31) if secured else body)]
            url = None if link is None else link.partition(">")[0].removeprefix("<")
        assert len(ids) == len(set(ids)) == 250
        assert cached.requests() - asked == 3 and origin.counts()["requests"] == asked_of_origin
