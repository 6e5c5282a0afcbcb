"""What reading a source yields: pages of raw records, and where to go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdfast.errors import PositionExpired, SourceRefused

Position = Mapping[str, Any]
"""Where a listing goes on: opaque to everyone but `sources.paging`, JSON-serialisable, kept in checkpoints."""


@dataclass(frozen=True)
class Parent:
    """A record of the parent endpoint, for which a child endpoint is listed."""

    key: str
    """Its record key within its endpoint (see `definitions.identity`)."""
    fields: Mapping[str, Any]
    """Its content, decoded, for `{{ parent.x }}`."""
    parent: "Parent | None" = field(default=None, kw_only=True)
    """Its own parent, where the endpoint's templates need it, for `{{ grandparent.x }}`."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. The lists run side by side: record i is `raws[i]` with id `ids[i]`."""

    number: int
    """From 1, over the whole listing, also when it was resumed."""
    raws: list[bytes]
    """Each record's bytes as the source sent them."""
    ids: list[str]
    """Each record's id within its parent; the parts of a composite id already joined (`definitions.identity`)."""
    deleted: list[bool] | None
    """Which records are tombstones; None: the endpoint has none."""
    cursor: str | None
    """The greatest value of the incremental field on this page, as sent, or the token or the feed's cursor behind it;
    None: none or not incremental."""
    next: Position | None
    """Where the listing goes on; None: the source says that this is its end."""
    body_bytes: int
    requests: int
    """Requests sent for this page, retries included."""
    repeated: int = 0
    """Records left out because the page had them twice, with equal content."""
    counted: int | None = None
    """Records of the whole list by the source's own count, where the definition says where the page tells it."""
    total: int | None = None
    """The same by what the paging itself says; None: it says nothing."""
    is_part: bool = False
    """Records read on behalf of the listing, which stands where it stood."""
    compares: list[bytes | None] | None = None
    """What each record is compared by instead of its bytes; then empty bytes mean that it is as it was stored."""
    skipped: Sequence[tuple[str, str, str]] = ()
    """Records that the page names and that are permanently not to be had: id, code, message."""
    lost: int = 0
    """Records that the page names and that could not be read."""
    asked_at: datetime | None = field(default=None, compare=False)
    """When it was asked for, by the source's clock, or a little earlier; None: not over HTTP."""


class Skipped(SourceRefused):
    """It cannot be had, for a permanent cause that the definition declares. Nothing has gone wrong."""

    code = "skipped"


class ListingAbsent(Skipped):
    """This parent has no such list: the status is one of the endpoint's `optional_on`."""

    code = "listing_absent"


class CursorExpired(PositionExpired):
    """The source no longer knows what has changed since the cursor: only a full listing tells."""

    code = "cursor_expired"
