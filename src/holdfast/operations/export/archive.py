"""Writes an export: a zip, streamed to any writable file, in memory that does not grow with what is exported.

manifest.json                 what it is an export of; for each file its records, bytes and SHA-256
json/<endpoint>.jsonl         one record a line, its bytes as the source sent them, but line breaks made spaces
csv/<endpoint>.csv            see `table`
blobs/<endpoint>/<record>/<name>
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Literal, TypeVar

from holdfast.clock import format_time, now
from holdfast.errors import HoldfastError, StorageUnavailable
from holdfast.operations.browsing import Browser, State, StoredRecord
from holdfast.operations.export.paths import safe_name
from holdfast.operations.export.table import Table
from holdfast.operations.export.zipping import FastZip
from holdfast.operations.garbage import rare_collections

Format = Literal["json", "csv", "blobs"]
FORMATS: tuple[Format, ...] = ("json", "csv", "blobs")

_RECORDS_AT_ONCE = 1_000

T = TypeVar("T")
_Read = Callable[[str, str | None, bool], tuple[list[T], str | None]]
"""Of (endpoint, the key to go on after, whether to count what is damaged): a page, and where the next one begins."""


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
    target: IO[bytes],
    *,
    formats: Sequence[Format] = FORMATS,
    content_types: Sequence[str] = (),
    endpoints: Sequence[str] = (),
    about: dict[str, Any] | None = None,
    progress: Callable[[ExportReport], None] | None = None,
) -> ExportReport:
    """Write a state to `target`, which need not be seekable.

    `content_types` keeps only blobs of these (`image/png`, or `image/` for all that begin so); `endpoints` only these.
    A record or blob that is damaged is counted and named; storage that does not answer raises StorageUnavailable.
    """
    return _Export(browser, state, target, content_types, progress).write(formats, endpoints, about or {})


class _Export:
    def __init__(
        self,
        browser: Browser,
        state: State,
        target: IO[bytes],
        content_types: Sequence[str],
        progress: Callable[[ExportReport], None] | None,
    ) -> None:
        self._browser = browser
        self._state = state
        self._content_types = [text.strip().lower() for text in content_types if text.strip()]
        self._progress = progress
        self._report = ExportReport()
        self._archive = FastZip(target)
        self._files: list[dict[str, Any]] = []

    def write(self, formats: Sequence[Format], endpoints: Sequence[str], about: dict[str, Any]) -> ExportReport:
        with self._archive, rare_collections():
            for endpoint in self._browser.endpoints(self._state):
                if not endpoints or endpoint.name in endpoints:
                    # The first format that reads an endpoint counts its records; the others read the same ones.
                    for position, one in enumerate(formats):
                        self._write_format(one, endpoint.name, counts=position == 0)
            self._write_manifest(formats, about)
        return self._report

    def _write_format(self, format: Format, endpoint: str, *, counts: bool) -> None:
        if format == "json":
            self._write_file(
                f"json/{safe_name(endpoint)}.jsonl", _lines(self._walk(self._raws, endpoint, counts=counts))
            )
            return
        pages = self._walk(self._page, endpoint, counts=counts)
        if format == "csv":
            table = Table(record.raw for page in pages for record in page)
            again = (
                (record.key, record.raw) for page in self._walk(self._page, endpoint, counts=False) for record in page
            )
            self._write_file(f"csv/{safe_name(endpoint)}.csv", ((row, 1) for row in table.rows(again)), head=1)
        else:
            for page in pages:
                for record in page:
                    if record.has_blob:
                        self._write_blob(endpoint, record)

    def _walk(self, read: "_Read[T]", endpoint: str, *, counts: bool) -> Iterator[list[T]]:
        """An endpoint page by page. With `counts` the report counts what is there and what is damaged."""
        after: str | None = None
        while True:
            page, last_key = read(endpoint, after, counts)
            if counts:
                self._report.records_processed += len(page)
                if self._progress is not None:
                    self._progress(self._report)
            yield page
            if last_key is None:
                return
            after = last_key

    def _raws(self, endpoint: str, after: str | None, counts: bool) -> tuple[list[bytes], str | None]:
        """Like `_page`, the bytes alone: a third of the cost."""
        try:
            page, last_key = self._browser.raws(self._state, endpoint, after=after, limit=_RECORDS_AT_ONCE)
            return page, last_key if len(page) == _RECORDS_AT_ONCE else None
        except StorageUnavailable:
            raise
        except HoldfastError:
            records, last_key = self._page(endpoint, after, counts)
            return [record.raw for record in records], last_key

    def _page(self, endpoint: str, after: str | None, counts: bool) -> tuple[list[StoredRecord], str | None]:
        """A page of records without the damaged ones, and where the next one begins; None: there is none."""
        try:
            page = self._browser.records(self._state, endpoint, after=after, limit=_RECORDS_AT_ONCE)
            return page, page[-1].key if len(page) == _RECORDS_AT_ONCE else None
        except StorageUnavailable:
            raise
        except HoldfastError:  # something in this page is damaged: find out what, record by record
            keys = self._browser.keys(self._state, endpoint, after=after, limit=_RECORDS_AT_ONCE)
        found = []
        for key in keys:
            try:
                found.append(self._browser.record(self._state, endpoint, key))
            except StorageUnavailable:
                raise
            except HoldfastError as error:
                if counts:
                    self._fail(endpoint, key, error)
        return found, keys[-1] if len(keys) == _RECORDS_AT_ONCE else None

    def _fail(self, endpoint: str, key: str, error: HoldfastError) -> None:
        self._report.records_failed += 1
        self._report.failures.append(
            {"endpoint": endpoint, "page": None, "record_id": key, "code": error.code, "message": str(error)}
        )

    def _write_blob(self, endpoint: str, record: StoredRecord) -> None:
        try:
            blob = self._browser.blob(self._state, record)
            content_type = (blob.descriptor.content_type or "").lower()
            if self._content_types and not any(content_type.startswith(one) for one in self._content_types):
                return
            name = safe_name(blob.descriptor.name or "blob")
            self._write_file(
                f"blobs/{safe_name(endpoint)}/{safe_name(record.key)}/{name}",
                ((piece, 0) for piece in blob.read()),
                about={
                    "endpoint": endpoint,
                    "record_id": record.key,
                    "content_type": blob.descriptor.content_type,
                },
            )
            self._report.blobs += 1
        except StorageUnavailable:
            raise
        except HoldfastError as error:
            self._fail(endpoint, record.key, error)

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


def _lines(pages: Iterable[list[bytes]]) -> Iterator[tuple[bytes, int]]:
    """A page at a time. A JSON document has line breaks only between its tokens, where a space means the same."""
    for raws in pages:
        if any(b"\n" in raw or b"\r" in raw for raw in raws):
            lines = [raw.replace(b"\r", b" ").replace(b"\n", b" ") for raw in raws]
        else:
            lines = raws
        if lines:
            yield b"\n".join((*lines, b"")), len(lines)
