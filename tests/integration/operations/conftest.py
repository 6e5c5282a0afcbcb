"""One installation and one source per test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import radosgw
from tests.support.hostile_source import HostileSource, in_thread
from tests.support.installation import Installation, installed

if not os.environ.get(radosgw.VARIABLE):
    collect_ignore = ["test_s3_vault.py", "test_s3_migrate.py"]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made


@pytest.fixture
def source() -> Iterator[HostileSource]:
    """Empty collections `items`, `parents`; pages of 10."""
    with in_thread(HostileSource({"items": [], "parents": []}, page_size=10)) as served:
        yield served
