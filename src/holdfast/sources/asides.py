"""Reads the lists beside an endpoint's own that only name ids: sweeps of what exists, and of what was deleted."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from holdfast.definitions import identity
from holdfast.definitions.document import Deletions, Sweep
from holdfast.definitions.document import Listing as ListOfIds
from holdfast.definitions.selectors import selector
from holdfast.errors import PageUnreadable
from holdfast.sources.client import Client
from holdfast.sources.exchange import Answer
from holdfast.sources.listing import Listing
from holdfast.sources.page import Page, Parent
from holdfast.sources.paging import beside_selectors, token_of
from holdfast.sources.splitter import Split, Splitter, decode_leniently, utf8
from holdfast.sources.targets import Targets
from holdfast.sources.walking import Course, charset, walk

__all__ = ["Removals", "Sweeping"]


class _IdList:
    def __init__(
        self, ids: tuple[str, ...], asked: ListOfIds, which: str, listing: Listing, targets: Targets, client: Client
    ) -> None:  # fmt: skip
        self._ids = [selector(text) for text in ids]
        self._asked = asked
        self._which = which
        self._listing = listing
        self._targets = targets
        self._client = client
        self._splitter = Splitter(asked.records, beside_selectors(asked.paging))

    async def _pages(self, parent: Parent | None, cursor: str | None) -> AsyncGenerator[Page, None]:
        first, further = self._targets.beside(self._asked, parent, cursor)
        course = Course(
            whose=f"{self._listing.name(parent)}, {self._which}",
            url=first,
            further_url=further,
            headers=self._targets.headers({}),
            paging=self._asked.paging,
            judge=self._listing.judge,
            read=self._read,
            is_delta=cursor is not None,
            is_child=parent is not None,
        )
        async with aclosing(walk(self._client, course, None)) as pages:
            async for page in pages:
                yield page

    def _read(self, answer: Answer) -> tuple[Page, Split]:
        split = self._splitter.split(utf8(answer.body, charset(answer)))
        ids: list[str] = []
        for index, raw in enumerate(split.raws):
            try:
                element = decode_leniently(raw)
                ids.append(identity.join([identity.part(one.find(element)) for one in self._ids]))
            except PageUnreadable as error:
                raise PageUnreadable(f"element {index + 1}: {error}") from error
        return Page(0, split.raws, ids, None, None, None, 0, 0), split


class Sweeping(_IdList):
    """The cheap complete list of an endpoint's ids."""

    def __init__(self, sweep: Sweep, listing: Listing, targets: Targets, client: Client) -> None:
        super().__init__(sweep.id, sweep.listing, "sweep", listing, targets, client)

    async def ids(self, parent: Parent | None) -> AsyncGenerator[Page, None]:
        """The pages; of them only `ids`, `number` and `next` mean something. See `Source.pages` for the errors."""
        async with aclosing(self._pages(parent, None)) as pages:
            async for page in pages:
                yield page


class Removals(_IdList):
    """The list of what was deleted from an endpoint."""

    def __init__(self, deletions: Deletions, listing: Listing, targets: Targets, client: Client) -> None:
        super().__init__(deletions.id, deletions.listing, "deletions", listing, targets, client)
        self._field = deletions.field

    async def since(self, parent: Parent | None, cursor: str | None) -> AsyncGenerator[list[tuple[str, str]], None]:
        """A page at a time (id, value of the cursor's field) of what was deleted since; None: of all there is."""
        async with aclosing(self._pages(parent, cursor)) as pages:
            async for page in pages:
                yield list(zip(page.ids, map(self._moment, page.raws), strict=True))

    def _moment(self, raw: bytes) -> str:
        moment = token_of(selector(self._field).find(decode_leniently(raw)), self._field)
        if moment is None:
            raise PageUnreadable(f"{self._which}: an element has nothing at {self._field!r}")
        return moment
