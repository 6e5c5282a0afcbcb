"""`world` makes clusters: `kennel` forks their processes, `source` is what they back up."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast import app
from tests.contract.client import Gate
from tests.support.cluster import Cluster, cluster, settings_of
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.postgresql import PostgreSQL
from tests.support.worker import Workers

_OLDER = "15350e4be5c609616c85c6431809a2e391a34563"
"""What test_upgrade.py takes for an older release: it needs no package that is gone. Shallow clones lack it."""
_has_older = not subprocess.run(
    ["git", "-C", Path(__file__).parent, "cat-file", "-e", f"{_OLDER}^{{commit}}"], capture_output=True, check=False
).returncode
collect_ignore = [] if _has_older else ["test_upgrade.py"]


@pytest.fixture
def older() -> str:
    return _OLDER


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


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> tuple[Path, str]:
    """A new installation to make copies of: the migrations take seconds."""
    folder, url = tmp_path_factory.mktemp("prepared"), postgresql.create()
    app.initialise(settings_of(folder, url))
    return folder, url


@pytest.fixture
def machines(tmp_path: Path, postgresql: PostgreSQL, kennel: Workers, prepared: tuple[Path, str]) -> Iterator[Cluster]:
    folder, template = prepared
    url = postgresql.create(template=template)
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with cluster(tmp_path, url, kennel) as made:
        yield made
    postgresql.drop(url)
