"""Makes whole records of what a page only names: of a list's stubs, and of what a feed of changes tells by id.

A stub whose version is the one that was stored costs no request. What cannot be read fails the run and leaves the
listing incomplete, so that its cursor stays; the other records are taken.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from holdfast.catalog import records
from holdfast.errors import CredentialRefused, SourceError, SourceRefused, SourceThrottled, SourceUnreachable
from holdfast.operations.backup.endpoint import EndpointWork
from holdfast.operations.backup.state import Listing
from holdfast.sources.page import Page, Position, Skipped
from holdfast.vault import digests

_AT_ONCE = 32
"""Records asked for side by side, within the definition's own limits."""
_PART_BYTES = 4 * 1024 * 1024
"""Records gathered before they are handed on: a page may name a thousand records of a megabyte each."""
_FAILURES_IN_A_ROW = 20
"""After so many the listing is given up: it is not about single records."""


@dataclass
class _Part:
    """Records gathered for one page or part of it."""

    ids: list[str] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    deleted: list[bool] = field(default_factory=list)
    compares: list[bytes | None] = field(default_factory=list)
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    lost: int = 0
    asked: int = 0
    size_bytes: int = 0

    def add(self, record_id: str, raw: bytes, compare: bytes | None, *, deleted: bool = False) -> None:
        self.ids.append(record_id)
        self.raws.append(raw)
        self.deleted.append(deleted)
        self.compares.append(compare)
        self.size_bytes += len(raw)

    def as_page(self, page: Page, *, is_part: bool) -> Page:
        # A part carries nothing of where the listing stands; the page's own requests count once, with its end.
        return replace(
            page, ids=self.ids, raws=self.raws, deleted=self.deleted, compares=self.compares, is_part=is_part,
            requests=self.asked + (0 if is_part else page.requests), body_bytes=max(self.size_bytes, page.body_bytes),
            repeated=0 if is_part else page.repeated, skipped=self.skipped, lost=self.lost,
        )  # fmt: skip


@dataclass(frozen=True)
class _Wanted:
    """One record that a page names. Without bytes it has to be asked for."""

    record_id: str
    stub: bytes
    raw: bytes
    compare: bytes | None
    deleted: bool
    is_known: bool
    """It is as it was stored."""


class DetailReader:
    """The whole records of one endpoint's pages."""

    def __init__(self, work: EndpointWork) -> None:
        self._work = work
        self._in_a_row = 0
        self._undecided: dict[str, _Wanted] = {}
        """What a feed has said has changed, and where the record should be is none."""

    async def parts(self, listing: Listing, page: Page, position: Position | None) -> AsyncIterator[Page]:
        """What is on a page, as one page or several parts before it. `position` is where the page itself stands.

        Raises SourceError where the listing cannot go on.
        """
        part = _Part()
        wanted = await self._wanted(listing, page)
        gone: list[_Wanted] = []
        for begin in range(0, len(wanted), _AT_ONCE):
            some = wanted[begin : begin + _AT_ONCE]
            answers = await asyncio.gather(*(self._raw(listing, one) for one in some), return_exceptions=True)
            for one, answer in zip(some, answers, strict=True):
                part.asked += not (one.raw or one.deleted or one.is_known)
                if isinstance(answer, BaseException):
                    self._note_failure(listing, part, one, answer)
                elif answer is None and listing.by_feed and self._tells_deletions:
                    self._undecided[one.record_id] = one
                elif answer is None and not listing.by_feed:
                    gone.append(one)
                else:
                    self._in_a_row = 0
                    self._undecided.pop(one.record_id, None)
                    deleted = one.deleted or answer is None
                    part.add(one.record_id, answer or b"", self._compare(listing, one, answer), deleted=deleted)
            if part.size_bytes > _PART_BYTES and begin + _AT_ONCE < len(wanted):
                yield part.as_page(page, is_part=True)
                part = _Part()
        if gone:
            await self._look_again(listing, position, gone, part)
        if self._undecided and page.next is None:
            await self._decide(listing, page, part)
        yield part.as_page(page, is_part=False)

    async def _wanted(self, listing: Listing, page: Page) -> list[_Wanted]:
        deleted = page.deleted or [False] * len(page.ids)
        if listing.by_feed:
            return [
                _Wanted(record_id, b"", raw, None, gone, False)
                for record_id, raw, gone in zip(page.ids, page.raws, deleted, strict=True)
            ]
        keys = listing.keys_of(page.ids)
        compares = [self._digest(key, raw) for key, raw in zip(keys, page.raws, strict=True)]
        known = {} if listing.asks_all else await asyncio.to_thread(self._stored_compares, keys)
        return [
            _Wanted(record_id, raw, b"", compare, gone, compare is not None and known.get(key) == compare)
            for record_id, key, raw, compare, gone in zip(page.ids, keys, page.raws, compares, deleted, strict=True)
        ]

    async def _raw(self, listing: Listing, one: _Wanted) -> bytes | None:
        """A record's bytes; none (empty) where it is as it was stored or deleted, None where it is gone."""
        if one.raw or one.deleted or one.is_known:
            return one.raw
        work = self._work
        if listing.by_feed:
            (key,) = listing.keys_of([one.record_id])
            # A feed that tells of deletions needs no 404 for that: then one may be a declared skip.
            heeds = self._tells_deletions
            # Once more where there is none: copies of a record may lag behind the feed that tells of it.
            return await work.ask(listing, key, heeds_skips=heeds) or await work.ask(listing, key, heeds_skips=heeds)
        return await work.source.detail(work.name, listing.parent, one.stub)

    def _compare(self, listing: Listing, one: _Wanted, raw: bytes | None) -> bytes | None:
        if not listing.by_feed or not raw or self._work.stream.endpoint.detail is None:
            return one.compare
        # No stub came with it. Most stubs are extracts of their records, whose version is then the same.
        (key,) = listing.keys_of([one.record_id])
        return self._digest(key, raw)

    def _digest(self, key: str, raw: bytes) -> bytes | None:
        work = self._work
        if work.stream.endpoint.detail is None:
            return None
        version = work.source.version(work.name, raw)
        if version is None:
            return None
        # Under another definition or account the same version may stand for another record.
        content = b"\0".join((b"version", work.stream.fingerprint.encode(), version))
        return digests.record_digest(work.reading.context.customer.digest_key, work.name, key, content)

    def _stored_compares(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        with self._work.reading.context.services.database.read() as connection:
            found = records.lookup(connection, self._work.stream.id, keys)
        return {key: row.compare for key, row in found.items() if key not in self._work.stream.lost}

    def _note_failure(self, listing: Listing, part: _Part, one: _Wanted, error: BaseException) -> None:
        """Note that one record could not be read. Raises what is not about this record alone."""
        work = self._work
        if isinstance(error, Skipped):
            part.skipped.append((one.record_id, error.code, str(error)))
            listing.skipped += 1
            return
        self._in_a_row += 1
        if not isinstance(error, SourceError) or self._in_a_row >= _FAILURES_IN_A_ROW:
            raise error
        if isinstance(error, CredentialRefused | SourceUnreachable | SourceThrottled):
            raise error
        part.lost += 1
        listing.lost += 1
        work.fail(listing, error, record_id=one.record_id)

    async def _look_again(
        self, listing: Listing, position: Position | None, gone: Sequence[_Wanted], part: _Part
    ) -> None:
        """Some records are listed, but their own addresses say that they are gone: deleted in between, if the list no
        longer shows them either. Otherwise the addresses are wrong, and nothing is concluded."""
        work = self._work
        cursor = None if listing.full else listing.cursor
        async with aclosing(work.source.pages(work.name, listing.parent, cursor, position)) as pages:
            again = await anext(pages)
        part.asked += again.requests
        listed = set(again.ids)
        for one in gone:
            if one.record_id in listed:
                message = (
                    f"endpoint {work.name}, record {one.record_id}: it is listed, but where `detail` says that it is, "
                    "the source says that there is none"
                )
                self._note_failure(listing, part, one, SourceRefused(message, code="record_listed_and_gone"))
            else:
                part.add(one.record_id, b"", None, deleted=True)

    @property
    def _tells_deletions(self) -> bool:
        feed = self._work.stream.endpoint.changes
        return feed is not None and feed.tombstones is not None

    async def _decide(self, listing: Listing, page: Page, part: _Part) -> None:
        """At the end of a feed that tells of deletions: what is gone without a word was deleted since it was read, as
        the feed's continuation tells. Otherwise nothing is concluded."""
        work = self._work
        gone: set[str] = set()
        async with aclosing(work.source.changes(work.name, listing.parent, page.cursor or "", None)) as pages:
            async for later in pages:
                part.asked += later.requests
                for record_id, deleted in zip(later.ids, later.deleted or [], strict=True):
                    (gone.add if deleted else gone.discard)(record_id)
        for record_id, one in self._undecided.items():
            if record_id in gone:
                part.add(record_id, b"", None, deleted=True)
            else:
                message = (
                    f"endpoint {work.name}, record {record_id}: the feed says that it has changed, but where it should "
                    "be, the source says that there is none"
                )
                self._note_failure(listing, part, one, SourceRefused(message, code="record_listed_and_gone"))
        self._undecided.clear()
