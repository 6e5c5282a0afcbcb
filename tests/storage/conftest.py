"""The storages that the conformance suite runs against: a storage's own part of it is one factory here."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.storage import Storage, open_storage
from holdfast.storage.local import LocalFolder
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.overlay import Overlay
from tests.support import radosgw
from tests.support.radosgw import S3Server

Factory = Callable[[], Storage]
"""Opens the same storage again each time, as another process would; only memory has nothing to open again."""


def _local(request: pytest.FixtureRequest) -> Factory:
    folder: Path = request.getfixturevalue("tmp_path") / "not" / "yet made"
    return lambda: LocalFolder(folder)


def _memory(request: pytest.FixtureRequest) -> Factory:
    storage = MemoryStorage()
    return lambda: storage


def _overlay(request: pytest.FixtureRequest) -> Factory:
    storage = Overlay(MemoryStorage(), MemoryStorage())
    return lambda: storage


def _s3(request: pytest.FixtureRequest) -> Factory:
    server: S3Server = request.getfixturevalue("s3")
    url = server.url(server.make_bucket())
    return lambda: open_storage(url)


def _s3_below_a_prefix(request: pytest.FixtureRequest) -> Factory:
    server: S3Server = request.getfixturevalue("s3")
    bucket = server.make_bucket()
    # What lies beside the prefix is none of the storage's business.
    neighbour = open_storage(server.url(bucket, "a/neighbour"))
    neighbour.put("packs/1", b"not mine")
    return lambda: open_storage(server.url(bucket, "a/vault"))


FACTORIES = [pytest.param(_local, id="local"), pytest.param(_memory, id="memory"), pytest.param(_overlay, id="overlay")]
if os.environ.get(radosgw.VARIABLE):
    FACTORIES += [
        pytest.param(_s3, id="s3", marks=pytest.mark.s3),
        pytest.param(_s3_below_a_prefix, id="s3-prefix", marks=pytest.mark.s3),
    ]
else:
    collect_ignore = ["test_s3.py"]


@pytest.fixture(params=FACTORIES)
def open_again(request: pytest.FixtureRequest) -> Factory:
    factory: Factory = request.param(request)
    return factory


@pytest.fixture
def storage(open_again: Factory) -> Storage:
    """An empty storage."""
    return open_again()
