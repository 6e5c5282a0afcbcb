"""What a trial has seen of each endpoint, as plain values: made by `sampling`, judged by `suspicions`, counted on by
`forecast`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.definitions.document import Endpoint


@dataclass(frozen=True)
class Seen:
    """One answer of the source."""

    asked: str
    """Method and URL, without the credential."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


@dataclass(frozen=True)
class SampledPage:
    parent: str
    """The record key of the list's parent; empty: it has none."""
    number: int
    records: int
    bytes: int
    seconds: float
    goes_on: bool
    """Whether the source says that another page follows."""


@dataclass(frozen=True)
class SampledRecord:
    parent: str
    id: str
    cursor: str | None
    """The incremental field's value; None: null, not there, or the endpoint has none."""
    blob: str | None
    """Where its blob is, as far as the record tells."""
    deleted: bool
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class SampledBlob:
    record_id: str
    bytes_read: int
    size: int | None
    content_type: str | None
    version: str | None
    seconds: float


@dataclass
class EndpointSample:
    """All that was seen of one endpoint."""

    endpoint: Endpoint
    lists: float = 0
    """Lists there are, one for each parent, as estimated; 1 for an endpoint without a parent."""
    lists_read: int = 0
    pages: list[SampledPage] = field(default_factory=list)
    records: list[SampledRecord] = field(default_factory=list)
    answers: list[Seen] = field(default_factory=list)
    """Those of its pages."""
    counted: int | None = None
    """Records of the first list by the source's own count."""
    counted_by: str = ""
    whole: Mapping[str, Any] | None = None
    """The first record as its own address gives it."""
    whole_of: str = ""
    detail_seconds: float | None = None
    blob: SampledBlob | None = None
    swept: int | None = None
    """Ids on the sweep's first page; None: there is no sweep."""
    sweep_goes_on: bool = False
    feed_cursor: str | None = None
    notes: list[str] = field(default_factory=list)
    """Suspicious things found while asking."""
    failure: str | None = None

    @property
    def name(self) -> str:
        return self.endpoint.name

    @property
    def blobs_per_record(self) -> float:
        return sum(one.blob is not None for one in self.records) / len(self.records) if self.records else 0.0

    @property
    def page_size(self) -> float:
        """Records on a page that is followed by another one, or else the most on any; at least 1."""
        full = [page.records for page in self.pages if page.goes_on and page.records]
        return max(1.0, sum(full) / len(full) if full else max((page.records for page in self.pages), default=1))

    @property
    def seconds_per_page(self) -> float | None:
        return sum(page.seconds for page in self.pages) / len(self.pages) if self.pages else None

    def records_per_list(self) -> tuple[float, bool]:
        """How many records a list has on average, and whether that is all; False: at least so many."""
        if not self.lists_read:
            return 0.0, self.failure is None
        seen = len(self.records) / self.lists_read
        ends = {page.parent: not page.goes_on for page in self.pages}
        if all(ends.values()):
            return seen, True
        if self.counted is not None and self.lists_read == 1:
            return float(self.counted), True
        return seen, False
