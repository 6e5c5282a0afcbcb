"""What an instance's backups hold, whole: to prove that an operation changed nothing that was to stay."""

from dataclasses import dataclass

from holdfast.catalog import runs
from holdfast.catalog.instances import Instance
from tests.support.installation import Installation

State = dict[tuple[str, str], tuple[bytes, bytes | None]]
"""By endpoint and record key: the record's bytes, and its blob's."""


@dataclass(frozen=True)
class Snapshot:
    states: dict[int, State]
    """By the backup's number."""
    counts: dict[int, dict[str, int]]

    def only(self, sequences: set[int]) -> "Snapshot":
        return Snapshot(
            {sequence: state for sequence, state in self.states.items() if sequence in sequences},
            {sequence: counted for sequence, counted in self.counts.items() if sequence in sequences},
        )


def snapshot(installation: Installation, instance: Instance, newest: int = 1_000) -> Snapshot:
    """Every record and blob at every ended backup (the newest of them), read the way a user reads them."""
    with installation.services.database.read() as connection:
        ended = [run.sequence for run in runs.all_of_instance(connection, instance.id) if run.ended_at]
    ended = ended[-newest:]
    browser = installation.browser
    states: dict[int, State] = {}
    counts: dict[int, dict[str, int]] = {}
    for sequence in ended:
        at = installation.state(instance, sequence)
        states[sequence] = {}
        counts[sequence] = {}
        for endpoint in browser.endpoints(at):
            found = browser.records(at, endpoint.name, limit=1_000_000)
            counts[sequence][endpoint.name] = endpoint.records
            assert len(found) == endpoint.records
            for record in found:
                blob = b"".join(browser.blob(at, record).read()) if record.has_blob else None
                states[sequence][endpoint.name, record.key] = (record.raw, blob)
    return Snapshot(states, counts)
