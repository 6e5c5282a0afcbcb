"""`world` makes clusters: `kennel` forks their processes, `source` is what they back up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.client import Gate
from tests.support.cluster import Cluster, cluster
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.postgresql import PostgreSQL
from tests.support.worker import Workers


@pytest.fixture(scope="session")
def kennel() -> Iterator[Workers]:
    with Workers() as workers:
        yield workers


@pytest.fixture
def source() -> Iterator[HostileSource]:
    """250 items in pages of 25."""
    with in_thread(HostileSource({"items": make_records(250)}, page_size=25)) as served:
        yield served


@pytest.fixture
def gate(source: HostileSource) -> Gate:
    """Every listing waits before its sixth page."""
    made = Gate(from_page=6)
    source.switches.hook = made
    return made


@pytest.fixture
def machines(tmp_path: Path, postgresql: PostgreSQL, kennel: Workers) -> Iterator[Cluster]:
    url = postgresql.create()
    with cluster(tmp_path, url, kennel) as made:
        yield made
    postgresql.drop(url)
