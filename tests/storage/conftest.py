"""The storages that the conformance suite runs against: a storage's own part of it is one factory here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.storage.local import LocalFolder
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.protocol import Storage

Factory = Callable[[], Storage]
"""Opens the same storage again each time, as another process would; only memory has nothing to open again."""


def _local(request: pytest.FixtureRequest) -> Factory:
    folder: Path = request.getfixturevalue("tmp_path") / "not" / "yet made"
    return lambda: LocalFolder(folder)


def _memory(request: pytest.FixtureRequest) -> Factory:
    storage = MemoryStorage()
    return lambda: storage


@pytest.fixture(params=[_local, _memory], ids=["local", "memory"])
def open_again(request: pytest.FixtureRequest) -> Factory:
    factory: Factory = request.param(request)
    return factory


@pytest.fixture
def storage(open_again: Factory) -> Iterator[Storage]:
    """An empty storage."""
    yield open_again()
