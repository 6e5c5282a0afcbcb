"""The small cluster, in the form for every day: each fault once. The long one is tests/soak/test_cluster.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cluster.storm import storm
from tests.support.cluster import until
from tests.support.postgresql import PostgreSQL
from tests.support.s3_lookalike import s3_lookalike
from tests.support.worker import Workers


@pytest.fixture
def store_url(bucket_url: str | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Radosgw's, or that of one that looks like it: either can be cut off."""
    if bucket_url is not None:
        yield bucket_url
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with s3_lookalike() as store:
        yield store.url()


def test_every_backup_ends_right_whatever_befalls_the_workers(
    tmp_path: Path, postgresql: PostgreSQL, kennel: Workers, store_url: str
) -> None:
    url = postgresql.create()
    with storm(tmp_path, url, kennel, store_url, instances=15, records=160) as blowing:
        blowing.ask_for_backups()
        print("\n".join(blowing.blow(0.0)))
        until(blowing.is_over, "every backup ends", 90)
        blowing.check()
    postgresql.drop(url)
