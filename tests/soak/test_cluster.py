"""The small cluster for ten minutes, and fifty takeovers. See tests/acceptance/cluster."""

import os
from pathlib import Path

import pytest

from tests.acceptance.cluster.storm import storm
from tests.acceptance.cluster.test_workers import killed_and_taken_over
from tests.contract.client import Gate
from tests.support.cluster import Cluster, until
from tests.support.hostile_source import HostileSource
from tests.support.postgresql import PostgreSQL
from tests.support.worker import Workers

STORM_S = float(os.environ.get("HOLDFAST_SOAK_STORM_S", "600"))
TAKEOVERS = 50


@pytest.mark.soak
def test_every_backup_ends_right_in_a_storm_of_ten_minutes(
    tmp_path: Path, postgresql: PostgreSQL, kennel: Workers, bucket_url: str | None
) -> None:
    url = postgresql.create()
    with storm(tmp_path, url, kennel, bucket_url or str(tmp_path / "vault"), instances=200, records=200) as blowing:
        blowing.ask_for_backups()
        told = blowing.blow(STORM_S)
        print(f"{len(told)} faults, {len(blowing.machines.runs())} backups")
        until(blowing.is_over, "every backup ends", 300)
        blowing.check()
    postgresql.drop(url)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(TAKEOVERS))
def test_a_killed_workers_backup_is_taken_over(
    machines: Cluster, source: HostileSource, gate: Gate, number: int
) -> None:
    killed_and_taken_over(machines, source, gate, number)
