"""Processes to be killed, and what they back up: made once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.worker import Workers

pytest.register_assert_rewrite("tests.acceptance.crash.restoring", "tests.acceptance.crash.world")

from tests.acceptance.crash import restoring  # noqa: E402
from tests.acceptance.crash.world import World, made  # noqa: E402


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as started:
        yield started


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, workers: Workers) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("world")
    with made(folder, workers) as world:
        yield world


@pytest.fixture(scope="module")
def wiped(tmp_path_factory: pytest.TempPathFactory, workers: Workers) -> Iterator[restoring.Wiped]:
    with restoring.wiped(tmp_path_factory.mktemp("wiped"), workers) as made:
        yield made
