"""What went wrong in a run, and what was skipped: collected here, shown in the backup's `failures`, never swallowed."""

from typing import Any

from holdfast.errors import HoldfastError
from holdfast.operations.backup.state import Listing, Stream

_AT_MOST = 1_000
"""Failures kept in full; of more there is only the number."""


class Failures:
    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self.count = 0
        self.skips: list[dict[str, Any]] = []
        self.stopped_by: HoldfastError | None = None

    @property
    def entries(self) -> list[dict[str, Any]]:
        """As the contract shows them: objects with endpoint, page, record_id, code and message."""
        more = self.count - len(self._entries)
        if more:
            return [*self._entries, _entry("more_failures", f"{more} more failures of the same run are not listed")]
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
        message = str(error) if error.hint is None else f"{error} ({error.hint})"
        self.record(error.code, message, endpoint=endpoint, listing=listing, page=page, record_id=record_id)

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
            self._entries.append(_entry(code, message, endpoint, parent, page, record_id))

    def skip(
        self, code: str, message: str, listing: Listing | None = None, *, stream: Stream | None = None,
        record_id: str | None = None,
    ) -> None:  # fmt: skip
        """Something the definition declares as permanently not to be had, of a list or (by `stream`) of an endpoint; no
        failure."""
        if len(self.skips) < _AT_MOST:
            parent = listing.parent.key if listing is not None and listing.parent is not None else None
            stream = stream or (listing.stream if listing is not None else None)
            self.skips.append(_entry(code, message, None if stream is None else stream.name, parent, None, record_id))

    def stop_reading(self, error: HoldfastError) -> None:
        """Every further request would end the same way: read nothing more in this run."""
        if self.stopped_by is None:
            self.stopped_by = error


def _entry(
    code: str,
    message: str,
    endpoint: str | None = None,
    parent: str | None = None,
    page: int | None = None,
    record_id: str | None = None,
) -> dict[str, Any]:
    entry = {"endpoint": endpoint, "page": page, "record_id": record_id, "code": code, "message": message}
    if parent is not None:
        entry["parent"] = parent
    return entry
