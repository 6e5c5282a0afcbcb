"""The S3 server as a fixture, with its credentials where an installation would have them."""

from collections.abc import Iterator

import pytest

from tests.support import radosgw
from tests.support.radosgw import S3Server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with radosgw.s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for key, value in s3_server.environment().items():
        monkeypatch.setenv(key, value)
    return s3_server
