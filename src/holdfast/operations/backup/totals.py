"""A run's numbers over all its endpoints, as its manifest has them: what lists of backups show."""

from collections.abc import Mapping
from typing import Any

from holdfast.vault import Manifest

_NAMES = ("live", "listed", "new", "changed", "unchanged", "moved", "deleted", "held", "skipped", "blobs", "requests")


def totals(manifest: Manifest) -> Mapping[str, Any]:
    summed = {name: sum(getattr(endpoint, name) for endpoint in manifest.endpoints) for name in _NAMES}
    return summed | {"packs": len(manifest.packs)}
