"""The same as `test_migrate`, to a bucket of a real S3 server."""

import pytest

from holdfast.catalog.instances import Instance
from tests.integration.operations.test_migrate import database_url, instance, moved_everything, old, source
from tests.support.hostile_source import HostileSource
from tests.support.installation import Installation
from tests.support.radosgw import S3Server

__all__ = ["database_url", "instance", "old", "source"]
pytestmark = pytest.mark.s3


def test_everything_moves_to_s3(
    old: Installation, instance: Instance, source: HostileSource, database_url: str, s3: S3Server
) -> None:
    moved_everything(old, instance, source, database_url, s3.url(s3.make_bucket(), "vault"))
