"""Reads an endpoint's feed of changes: which records it names, which of them it holds whole, which are deleted."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from holdfast.definitions import identity
from holdfast.definitions.document import ChangeFeed
from holdfast.definitions.selectors import selector
from holdfast.errors import PageUnreadable
from holdfast.sources.answers import refusal
from holdfast.sources.client import Client
from holdfast.sources.exchange import Answer, Request, asking
from holdfast.sources.judging import equals
from holdfast.sources.listing import Listing
from holdfast.sources.origins import raw_bytes
from holdfast.sources.page import CursorExpired, Page, Parent, Position
from holdfast.sources.paging import beside_selectors, token_of
from holdfast.sources.splitter import Split, Splitter, decode_leniently, utf8
from holdfast.sources.targets import Targets
from holdfast.sources.walking import Course, charset, named, walk

__all__ = ["Changes"]


class Changes:
    """The feed of one endpoint, for any parent."""

    def __init__(self, feed: ChangeFeed, listing: Listing, targets: Targets, client: Client) -> None:
        self._feed = feed
        self._listing = listing
        self._targets = targets
        self._client = client
        beside = [*beside_selectors(feed.listing.paging), feed.next, *([feed.gap] if feed.gap else [])]
        # Feeds leave out an empty list more often than not; that there is a cursor shows that it is a page at all.
        self._splitter = Splitter(feed.listing.records, beside, may_lack=True)

    async def start(self, parent: Parent | None) -> str:
        """The cursor of this moment. Raises SourceError."""
        feed = self._feed
        what = f"{self._listing.name(parent)}, the first cursor of its changes"
        request = Request(self._targets.single(feed.start, feed.start_query, parent), self._targets.headers({}))
        with asking(request):
            answer = await self._client.fetch(request, what=what, judge=self._listing.judge)
            if not answer.is_success:
                raise refusal(answer.status, answer.body, what, answer.verdict)
            try:
                body = decode_leniently(utf8(answer.body, charset(answer)))
                token = token_of(selector(feed.start_token).find(body), feed.start_token)
                if token is None:
                    raise PageUnreadable(f"there is no cursor at {feed.start_token!r}")
            except PageUnreadable as error:
                raise named(error, what) from error
            return token

    async def pages(
        self, parent: Parent | None, cursor: str, position: Position | None
    ) -> AsyncGenerator[Page, None]:  # fmt: skip
        """See `Source.changes`."""
        feed, listing = self._feed, self._listing
        first, further = self._targets.beside(feed.listing, parent, cursor)
        course = Course(
            whose=f"{listing.name(parent)}, changes",
            url=first,
            further_url=further,
            headers=self._targets.headers({}),
            paging=feed.listing.paging,
            judge=listing.judge,
            read=self._read,
            is_delta=True,
            is_child=parent is not None,
            expired_on=feed.expired_on,
            finish=self._finish,
        )
        async with aclosing(walk(self._client, course, position)) as pages:
            async for page in pages:
                yield page

    def _read(self, answer: Answer) -> tuple[Page, Split]:
        body = utf8(answer.body, charset(answer))
        split = self._splitter.split(body)
        feed = self._feed
        if feed.gap is not None and split.find(feed.gap) not in (None, False):
            raise CursorExpired("the feed of changes has left something out")
        token = token_of(split.find(feed.next), feed.next)
        # A record may be changed again and again, also deleted and made anew: what comes last holds.
        changed: dict[str, tuple[bytes, bool]] = {}
        for index, raw in enumerate(split.raws):
            try:
                for record_id, record, is_deleted in self._entry(raw):
                    changed.pop(record_id, None)
                    changed[record_id] = record, is_deleted
            except PageUnreadable as error:
                raise PageUnreadable(f"entry {index + 1}: {error}", hint=error.hint) from error
        raws, deleted = [record for record, _ in changed.values()], [gone for _, gone in changed.values()]
        return Page(0, raws, list(changed), deleted, token, None, 0, 0), split

    def _finish(self, page: Page, answer: Answer, split: Split) -> Page:  # noqa: ARG002
        if page.next is None and page.cursor is None:
            raise PageUnreadable(f"the last page of the changes has no cursor at {self._feed.next!r}")
        return page

    def _entry(self, raw: bytes) -> list[tuple[str, bytes, bool]]:
        """(id, bytes or empty, is deleted) of each record that an entry names."""
        feed = self._feed
        entry = decode_leniently(raw)
        ids = self._ids(entry)
        gone = feed.tombstones
        if gone is not None and equals(selector(gone.field).find(entry), gone.equals):
            return [(record_id, b"", True) for record_id in ids]
        record = selector(feed.record).find(entry) if feed.record else None
        if record is None:
            return [(record_id, b"", False) for record_id in ids]
        (found,) = raw_bytes(raw, entry, [record])
        if found is None:
            raise PageUnreadable(f"{feed.record!r} selects no object as it was sent")
        own_id, is_deleted = self._listing.identify(found)
        if own_id not in ids:
            raise PageUnreadable(f"it names {', '.join(ids)}, but holds the record {own_id}")
        return [
            (record_id, found if record_id == own_id and not is_deleted else b"", is_deleted and record_id == own_id)
            for record_id in ids
        ]

    def _ids(self, entry: Any) -> list[str]:
        selectors = [selector(text) for text in self._feed.id]
        if len(selectors) == 1:
            value = selectors[0].find(entry)
            if isinstance(value, list):
                return list(dict.fromkeys(identity.part(one) for one in value if one is not None))
            return [identity.part(value)]
        return [identity.join([identity.part(one.find(entry)) for one in selectors])]
