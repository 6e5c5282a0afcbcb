"""What went wrong in a run: collected here, shown in the backup's `failures`, never swallowed."""

from typing import Any

from holdfast.errors import HoldfastError, plain
from holdfast.operations.backup.state import Listing

_AT_MOST = 1_000
"""Failures kept in full; of more there is only the number."""


class Failures:
    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self.count = 0
        self.stopped_by: HoldfastError | None = None

    @property
    def entries(self) -> list[dict[str, Any]]:
        """As the contract shows them: objects with endpoint, page, record_id, code and message."""
        more = self.count - len(self._entries)
        if more:
            return [*self._entries, entry("more_failures", f"{more} more failures of the same run are not listed")]
        return self._entries

    def add(
        self,
        error: HoldfastError,
        *,
        endpoint: str | None = None,
        listing: Listing | None = None,
        page: int | None = None,
        record_id: str | None = None,
    ) -> None:
        self.record(error.code, error.in_full, endpoint=endpoint, listing=listing, page=page, record_id=record_id)

    def record(
        self,
        code: str,
        message: str,
        *,
        endpoint: str | None = None,
        listing: Listing | None = None,
        page: int | None = None,
        record_id: str | None = None,
    ) -> None:
        self.count += 1
        if len(self._entries) < _AT_MOST:
            parent = listing.parent.key if listing is not None and listing.parent is not None else None
            if listing is not None:
                endpoint = listing.stream.name
            self._entries.append(entry(code, message, endpoint, parent, page, record_id))

    def stop_reading(self, error: HoldfastError) -> None:
        """Every further request would end the same way: read nothing more in this run."""
        if self.stopped_by is None:
            self.stopped_by = error


def entry(
    code: str,
    message: str,
    endpoint: str | None = None,
    parent: str | None = None,
    page: int | None = None,
    record_id: str | None = None,
) -> dict[str, Any]:
    """A failure or a skip as manifests and the API have them."""
    told = {"endpoint": endpoint, "page": page, "record_id": record_id, "code": code, "message": plain(message)}
    if parent is not None:
        told["parent"] = parent
    return told
