"""A run's numbers as its manifest has them: for the catalog at the run's end, and again in a rebuild."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import counts, records, streams
from holdfast.catalog.counts import EndpointCounts
from holdfast.vault import Manifest

_NAMES = (
    "live",
    "listed",
    "new",
    "changed",
    "unchanged",
    "moved",
    "deleted",
    "held",
    "skipped",
    "absent",
    "blobs",
    "requests",
)


NOTHING = dict.fromkeys((*_NAMES, "packs"), 0)
"""The totals of a run of which nothing is known."""


def totals(manifest: Manifest) -> Mapping[str, Any]:
    """Over all endpoints: what lists of backups show."""
    summed = {name: sum(getattr(endpoint, name) for endpoint in manifest.endpoints) for name in _NAMES}
    return summed | {"packs": len(manifest.packs)}


def keep_counts(connection: Connection, manifest: Manifest) -> None:
    """Write each endpoint's counts, in the state in which the run has left the catalog."""
    found = {stream.endpoint: stream.id for stream in streams.of_instance(connection, manifest.instance_id)}
    for ordinal, state in enumerate(manifest.endpoints):
        kept = {name: getattr(state, name) for name in EndpointCounts.__dataclass_fields__ if hasattr(state, name)}
        # Readers of old states look no further than these.
        first_key, last_key = records.key_range(connection, found[state.endpoint]) or (None, None)
        counts.put(
            connection,
            EndpointCounts(
                run_id=manifest.run_id, stream=found[state.endpoint], sequence=manifest.sequence, ordinal=ordinal,
                first_key=first_key, last_key=last_key, **kept,
            ),
        )  # fmt: skip
