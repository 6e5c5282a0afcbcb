"""Pages of records for readers who come by the thousand: whose they are and what is on the page, in one transaction.

The same as `Browser.state`, `count` and `records` one after the other, at a tenth of their cost.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from holdfast.catalog import following_pages, readings, records
from holdfast.catalog.rows import RecordRow
from holdfast.errors import CatalogBusy, NotFound
from holdfast.operations.browsing import Browser
from holdfast.operations.services import Services
from holdfast.vault.frame_cache import RecentlyUsed


@dataclass(frozen=True, slots=True)
class RecordPage:
    run_id: int | None
    """The backup whose state it shows; None: there is none yet, or not by then."""
    total: int
    """Records in that state."""
    rows: Sequence[RecordRow]
    raws: Sequence[bytes]
    """What the source sent, in the order of the rows."""
    knows_endpoint: bool
    """Whether that backup has the endpoint; else there is nothing on the page."""


_HOT_BYTES = 8 * 1024 * 1024
_PLACES_KEPT = 20_000


class _Hot(NamedTuple):
    """What makes a page: as long as all of it is the same, so is the page."""

    stream: int
    run_id: int | None
    offset: int
    limit: int


class RecordPages:
    """Thread-safe. Short enough for an event loop where catalog and vault are on this machine."""

    def __init__(self, services: Services, browser: Browser) -> None:
        self._database = services.database
        self._browser = browser
        self._hot: RecentlyUsed[tuple[Sequence[RecordRow], Sequence[bytes]]] = RecentlyUsed(_HOT_BYTES)
        self._places: RecentlyUsed[tuple[int, int]] = RecentlyUsed(_PLACES_KEPT)
        """On PostgreSQL, by instance and endpoint: the stream, and the partition that it is in."""

    def read(
        self,
        vendor_id: int,
        customer_id: int | None,
        instance_id: int,
        endpoint: str,
        *,
        run_id: int | None = None,
        at: datetime | None = None,
        after: str | None = None,
        offset: int = 0,
        limit: int = 20,
    ) -> RecordPage:
        """On from the key `after`, or from the record at `offset`; ascending by key.

        Raises NotFound for an instance that is not this vendor's (and customer's), and with the field `backup_id` for a
        backup that is none of it.
        """
        if run_id is not None and after is not None:
            page = self._following(vendor_id, customer_id, instance_id, endpoint, run_id, after, limit)
            if page is not None:
                return page
        rows: list[RecordRow] = []
        with self._database.read_often() as connection:
            found = readings.find(connection, instance_id, endpoint, run_id=run_id, at=at)
            if found is None or not _is_of(found, vendor_id, customer_id):
                raise NotFound(f"no backup instance {instance_id}", field="backup_instance_id")
            if run_id is not None and found.run_id is None:
                raise NotFound(f"no backup {run_id}", field="backup_id")
            if (
                found.sequence is None
                or found.stream is None
                or found.first_run is None
                or found.first_run > found.sequence
            ):
                return RecordPage(found.run_id, 0, (), (), knows_endpoint=False)
            sequence = None if found.sequence == found.newest_run else found.sequence
            total = _total(found)
            if total is None:
                total = records.count(connection, found.stream, sequence)
            hot = None
            if sequence is None and after is None and run_id is None and at is None:
                # The newest run has ended, and nothing changes what is there but the next one.
                hot = _Hot(found.stream, found.run_id, offset, limit)
                known = self._hot.get(hot)
                if known is not None:
                    return RecordPage(found.run_id, total, *known, True)
            if after is not None or offset == 0:
                rows = records.page(connection, found.stream, sequence=sequence, after=after, limit=limit)
            elif offset < total:
                rows = records.page_at(connection, found.stream, offset, sequence=sequence, limit=limit)
            if run_id is not None and connection.dialect.name == "postgresql":
                place = (found.stream, following_pages.partition(connection, found.stream))
                self._places.put((instance_id, endpoint), place, 1)
        raws = self._browser.read_rows(found.customer_id, rows)
        if hot is not None:
            self._hot.put(hot, (rows, raws), sum(map(len, raws)) + 500 * len(rows))
        return RecordPage(found.run_id, total, rows, raws, True)

    def _following(
        self, vendor_id: int, customer_id: int | None, instance_id: int, endpoint: str, run_id: int, after: str,
        limit: int,
    ) -> RecordPage | None:  # fmt: skip
        """What a `next` link leads to, in one statement where that can be; None: the other way is to be gone."""
        place = self._places.get((instance_id, endpoint))
        if place is None:
            return None
        stream, part = place
        read = None
        with suppress(CatalogBusy), self._database.read_once() as connection:
            if connection is not None:
                read = following_pages.read(
                    connection, part, instance_id, endpoint, run_id=run_id, after=after, limit=limit
                )
        if read is None:
            return None
        found, rows = read
        total = _total(found)
        if (
            found.stream != stream
            or found.sequence is None
            or total is None
            or not _is_of(found, vendor_id, customer_id)
        ):
            return None
        if found.first_run is None or found.first_run > found.sequence:
            return None
        return RecordPage(found.run_id, total, rows, self._browser.read_rows(found.customer_id, rows), True)


def _is_of(found: readings.Reading, vendor_id: int, customer_id: int | None) -> bool:
    return found.vendor_id == vendor_id and customer_id in (None, found.customer_id)


def _total(found: readings.Reading) -> int | None:
    if found.sequence == found.newest_run or (found.last_run or 0) <= (found.sequence or 0):
        return found.live_now
    return found.live
