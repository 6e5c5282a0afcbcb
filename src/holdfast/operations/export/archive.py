"""Writes an export: a zip, streamed to any writable file, or a folder; memory does not grow with what is exported.

manifest.json                 what it is an export of; for each file its records, bytes and SHA-256
json/<endpoint>.jsonl         one record a line, its bytes as the source sent them, but line breaks made spaces
csv/<endpoint>.csv            see `table`
blobs/<endpoint>/<record>/<name>
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Literal

from holdfast import tracing
from holdfast.catalog.rows import PlaceRow
from holdfast.clock import format_time, now
from holdfast.errors import HoldfastError, StorageUnavailable
from holdfast.operations.browsing import Browser, State, StoredRecord
from holdfast.operations.export.folder import Folder
from holdfast.operations.export.paths import safe_name
from holdfast.operations.export.table import Table
from holdfast.operations.export.zipping import FastZip
from holdfast.operations.garbage import rare_collections

Format = Literal["json", "csv", "blobs"]
FORMATS: tuple[Format, ...] = ("json", "csv", "blobs")

_RECORDS_AT_ONCE = 1_000
_PLACES_AT_ONCE = 10_000
_BYTES_AT_ONCE = 512 * 1024
"""Of records that are read, digested and written together: bounds memory, and shares what a call costs."""

_LENGTH = itemgetter(PlaceRow._fields.index("length"))


@dataclass
class ExportReport:
    """What came of an export. `records_failed` could not be read: `failures` says which and why."""

    records_processed: int = 0
    records_failed: int = 0
    blobs: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return self.records_failed == 0


def write_export(
    browser: Browser,
    state: State,
    target: IO[bytes] | Path,
    *,
    formats: Sequence[Format] = FORMATS,
    content_types: Sequence[str] = (),
    endpoints: Sequence[str] = (),
    about: dict[str, Any] | None = None,
    compressed: bool = True,
    progress: Callable[[ExportReport], None] | None = None,
) -> ExportReport:
    """Write a state to `target`: a file becomes a zip, it need not be seekable; a path is that of an empty folder.

    `content_types` keeps only blobs of these (`image/png`, or `image/` for all that begin so); `endpoints` only these.
    Without `compressed` a zip takes a quarter less time and three times the space.
    A record or blob that is damaged is counted and named; storage that does not answer raises StorageUnavailable.
    """
    archive = Folder(target) if isinstance(target, Path) else FastZip(target, compressed=compressed)
    return _Export(browser, state, archive, content_types, progress).write(formats, endpoints, about or {})


class _Export:
    def __init__(
        self,
        browser: Browser,
        state: State,
        archive: FastZip | Folder,
        content_types: Sequence[str],
        progress: Callable[[ExportReport], None] | None,
    ) -> None:
        self._browser = browser
        self._state = state
        self._content_types = [text.strip().lower() for text in content_types if text.strip()]
        self._progress = progress
        self._report = ExportReport()
        self._archive = archive
        self._files: list[dict[str, Any]] = []

    def write(self, formats: Sequence[Format], endpoints: Sequence[str], about: dict[str, Any]) -> ExportReport:
        with self._archive, rare_collections():
            for endpoint in self._browser.endpoints(self._state):
                if not endpoints or endpoint.name in endpoints:
                    # The first format that reads an endpoint counts its records; the others read the same ones.
                    for position, one in enumerate(formats):
                        with tracing.span(f"write {one}", endpoint=endpoint.name):
                            self._write_format(one, endpoint.name, counts=position == 0)
            self._write_manifest(formats, about)
        return self._report

    def _write_format(self, format: Format, endpoint: str, *, counts: bool) -> None:
        if format == "json":
            self._write_file(f"json/{safe_name(endpoint)}.jsonl", self._lines(endpoint, counts=counts))
        elif format == "csv":
            table = Table(record.raw for page in self._pages(endpoint, counts=counts) for record in page)
            again = ((record.key, record.raw) for page in self._pages(endpoint, counts=False) for record in page)
            self._write_file(f"csv/{safe_name(endpoint)}.csv", ((row, 1) for row in table.rows(again)), head=1)
        elif self._browser.has_blobs(self._state):
            self._write_blobs(endpoint, counts=counts)
        elif counts:
            self._count(self._browser.count(self._state, endpoint))

    def _pages(self, endpoint: str, *, counts: bool) -> Iterator[list[StoredRecord]]:
        """An endpoint's records page by page, without the damaged ones, which the report names if it `counts`."""
        after: str | None = None
        while True:
            try:
                page = self._browser.records(self._state, endpoint, after=after, limit=_RECORDS_AT_ONCE)
                keys = [record.key for record in page]
            except StorageUnavailable:
                raise
            except HoldfastError:  # something in this page is damaged: find out what, record by record
                keys = self._browser.keys(self._state, endpoint, after=after, limit=_RECORDS_AT_ONCE)
                page = list(self._one_by_one(endpoint, keys, counts=counts))
            if counts:
                self._count(len(page))
            yield page
            if len(keys) < _RECORDS_AT_ONCE:
                return
            after = keys[-1]

    def _lines(self, endpoint: str, *, counts: bool) -> Iterator[tuple[bytes, int]]:
        """An endpoint's records one a line, without the damaged ones: some at once, and how many."""
        after: str | None = None
        while True:
            rows = self._browser.places(self._state, endpoint, after=after, limit=_PLACES_AT_ONCE)
            for some in _together(rows):
                number = len(some)
                try:
                    lines = self._browser.lines(self._state, some)
                except StorageUnavailable:
                    raise
                except HoldfastError:  # something in these is damaged: find out what, record by record
                    found = list(self._one_by_one(endpoint, [row[0] for row in some], counts=counts))
                    number = len(found)
                    lines = b"".join(record.raw.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n" for record in found)
                if counts:
                    self._count(number)
                yield lines, number
            if len(rows) < _PLACES_AT_ONCE:
                return
            after = rows[-1][0]

    def _one_by_one(self, endpoint: str, keys: Iterable[str], *, counts: bool) -> Iterator[StoredRecord]:
        for key in keys:
            try:
                yield self._browser.record(self._state, endpoint, key)
            except StorageUnavailable:
                raise
            except HoldfastError as error:
                if counts:
                    self._fail(endpoint, key, error)

    def _count(self, records: int) -> None:
        self._report.records_processed += records
        if self._progress is not None:
            self._progress(self._report)

    def _fail(self, endpoint: str, key: str, error: HoldfastError) -> None:
        self._report.records_failed += 1
        self._report.failures.append(
            {"endpoint": endpoint, "page": None, "record_id": key, "code": error.code, "message": str(error)}
        )

    def _write_blobs(self, endpoint: str, *, counts: bool) -> None:
        """An endpoint's blobs, by the catalog's rows: the records themselves are not read for that."""
        after: str | None = None
        while rows := self._browser.rows(self._state, endpoint, after=after, limit=_RECORDS_AT_ONCE):
            if counts:
                self._count(len(rows))
            for row in rows:
                if row.blob is not None:
                    self._write_blob(endpoint, row.record_key, row.blob)
            after = rows[-1].record_key

    def _write_blob(self, endpoint: str, key: str, number: int) -> None:
        try:
            blob = self._browser.blob_of(self._state, key, number)
            content_type = (blob.descriptor.content_type or "").lower()
            if self._content_types and not any(content_type.startswith(one) for one in self._content_types):
                return
            name = safe_name(blob.descriptor.name or "blob")
            self._write_file(
                f"blobs/{safe_name(endpoint)}/{safe_name(key)}/{name}",
                ((piece, 0) for piece in blob.read()),
                about={
                    "endpoint": endpoint,
                    "record_id": key,
                    "content_type": blob.descriptor.content_type,
                },
            )
            self._report.blobs += 1
        except StorageUnavailable:
            raise
        except HoldfastError as error:
            self._fail(endpoint, key, error)

    def _write_file(
        self, name: str, pieces: Iterable[tuple[bytes, int]], *, head: int = 0, about: dict[str, Any] | None = None
    ) -> None:
        """Write pieces, each with its number of records, `head` of which are none. With `about` it is a blob."""
        sha256 = hashlib.sha256()
        size_bytes = records = 0
        with self._archive.new_file(name) as file:
            for piece, number in pieces:
                sha256.update(piece)
                size_bytes += len(piece)
                records += number
                file.write(piece)
        described = {"records": records - head} if about is None else about
        self._files.append({"name": name, "size_bytes": size_bytes, "sha256": sha256.hexdigest(), **described})

    def _write_manifest(self, formats: Sequence[Format], about: dict[str, Any]) -> None:
        run = self._state.run
        manifest = {
            "holdfast_export": 1,
            **about,
            "backup_instance_id": run.instance_id,
            "backup_id": run.id,
            "backup_number": run.sequence,
            "backup_status": run.status,
            "backup_ended_at": None if run.ended_at is None else format_time(run.ended_at),
            "exported_at": format_time(now()),
            "formats": list(formats),
            "records": self._report.records_processed,
            "records_failed": self._report.records_failed,
            "blobs": self._report.blobs,
            "failures": self._report.failures,
            "files": self._files,
        }
        self._archive.writestr("manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False))


def _together(rows: Sequence[PlaceRow]) -> Iterator[Sequence[PlaceRow]]:
    """The rows in groups whose bytes are read at once; one alone may have more than a group is to have."""
    ends = list(accumulate(map(_LENGTH, rows)))
    first, size_bytes = 0, 0
    while first < len(rows):
        behind = max(bisect_right(ends, size_bytes + _BYTES_AT_ONCE), first + 1)
        yield rows[first:behind]
        first, size_bytes = behind, ends[behind - 1]
