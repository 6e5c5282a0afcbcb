"""The S3 server as a fixture, with its credentials where an installation would have them."""

import os
from collections.abc import Iterator

import pytest

from tests.support import radosgw
from tests.support.radosgw import S3Server

IS_THERE = bool(os.environ.get(radosgw.VARIABLE))
"""Whether this session has a real one: in CI, and in `make soak` where its programs are installed."""


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with radosgw.s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for key, value in s3_server.environment().items():
        monkeypatch.setenv(key, value)
    return s3_server


@pytest.fixture
def bucket_url(request: pytest.FixtureRequest) -> str | None:
    """A vault's place in a new bucket of the real server; None where there is none."""
    if not IS_THERE:
        return None
    s3: S3Server = request.getfixturevalue("s3")
    return s3.url(s3.make_bucket(), "vault")
