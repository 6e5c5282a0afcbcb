"""One customer's account at a SaaS application, as its definition describes it: the only door of this package.

`Source` wires targets, client, listings and blobs together; what is read is returned, nothing is stored.
"""

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, quote_plus

from holdfast.definitions.document import Auth, Blob, Definition
from holdfast.definitions.selectors import selector
from holdfast.errors import InputError, SourceError, SourceRefused
from holdfast.sources.answers import refusal
from holdfast.sources.asides import Removals, Sweeping
from holdfast.sources.auth import Credential, Fixed, Keeper, credential
from holdfast.sources.blobs import BlobDownload, BlobMark, BlobReference, reference
from holdfast.sources.changes import Changes
from holdfast.sources.client import Client
from holdfast.sources.counting import ask_count
from holdfast.sources.exchange import Exchange, Request, asking
from holdfast.sources.inline import BlobStream, InlineBlob, LookedUpBlob
from holdfast.sources.ledger import Ask, Share
from holdfast.sources.listing import Listing
from holdfast.sources.multipart import UploadedFile
from holdfast.sources.page import Page, Parent, Position
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.sessions import Session, TokenRotated
from holdfast.sources.shared_throttle import SharedThrottle
from holdfast.sources.targets import Targets
from holdfast.sources.throttle import Throttle
from holdfast.sources.tokens import Grant, LoginGrant, OAuth2Grant, refresh_token
from holdfast.sources.writing import WriteKind, Writer, Written

__all__ = ["Source"]

_TELLING_LETTERS = 6
"""So many letters of the beginning of a secret are hidden like the whole."""
_ESCAPE = re.compile("%[0-9A-F]{2}")
_LONGEST_ASKED = 300
"""Of a URL in messages."""
_CHECK_ATTEMPTS = 2
"""Somebody is waiting for the result of a check."""


class Source:
    """Reads a source. An asynchronous context manager, to be used from one event loop; listings may run side by side,
    all within the definition's limits.
    """

    def __init__(
        self, definition: Definition, variables: Mapping[str, str], network: NetworkPolicy | None = None,
        *, token_rotated: TokenRotated | None = None, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, share: Callable[[Ask], Share] | None = None,
        observe: Callable[[Exchange], None] | None = None,
    ) -> None:  # fmt: skip
        """`variables` are the instance's, secrets included; defaults come from the definition. `token_rotated` stores a
        refresh token that the source has given in place of the old one; `observe` is shown every answer that is no
        blob's; `share` gives this source its share of limits that other workers keep too, without it they are kept
        here. Tests bring their own `clock` and `sleep`.

        Raises DefinitionError where a template needs a variable that is not set, InputError for a credential that no
        header can hold, or a refresh token while nobody stores new ones, SourceRefused where `base_url` is no address.
        """
        self._definition = definition
        self._targets = Targets(definition, variables)
        self._keeper = self._keeper_for(definition.connection.auth, token_rotated, clock)
        limits = definition.connection.limits
        self._shared = None if share is None else SharedThrottle(limits, share, clock=clock)
        self._client = Client(
            definition.connection, self._targets.base_url, self._keeper, network or NetworkPolicy(),
            self._shared or Throttle(limits, clock=clock, sleep=sleep),
            origins=[self._targets.text(text) for text in definition.connection.origins],
            confidential=definition.connection.auth.type != "none" or self._targets.has_secrets, sleep=sleep,
            observe=observe,
        )  # fmt: skip
        self._listings: dict[str, Listing] = {}

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        if self._shared is not None:
            await self._shared.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shared is not None:
            await self._shared.close()
        await self._client.__aexit__(kind, error, trace)

    @property
    def requests(self) -> int:
        """Requests sent so far, repeated attempts and redirects included."""
        return self._client.sent

    @property
    def answered_s(self) -> float:
        """Seconds from requests to the ends of their answers, summed; waits for limits are not in it."""
        return self._client.answered_s

    @property
    def waited_s(self) -> float:
        """Seconds waited for limits and for pauses the source asked for, summed over all requests."""
        return self._client.throttle.waited_s

    async def check(self) -> None:
        """Make sure that the source answers and takes the credential: by the definition's `check`, or else by the first
        page of its first endpoint without a parent. Raises SourceError.
        """
        check = self._definition.connection.check
        if check is None:
            first = next((one for one in self._definition.endpoints if one.for_each is None), None)
            if first is not None:
                async with aclosing(self.pages(first.name)) as pages:
                    await anext(pages)
            return
        url = self._targets.url(check.path, check.query, {})
        what = f"the check of {self._definition.name}"
        with self._hiding_secrets():
            request = Request(url, self._targets.headers({}))
            with asking(request):
                answer = await self._client.fetch(request, what=what, attempts=_CHECK_ATTEMPTS)
                if not answer.is_success:
                    raise refusal(answer.status, answer.body, what, answer.verdict)

    async def pages(
        self, endpoint: str, parent: Parent | None = None, cursor: str | None = None, position: Position | None = None
    ) -> AsyncGenerator[Page, None]:
        """The pages of an endpoint's listing, in order; to be read to the page whose `next` is None, which is its end.

        With `cursor` only what has changed since (the definition's `incremental.query`); None: the full listing. With
        `position`, from an earlier page's `next` with the same parent and cursor, from there on.

        Raises SourceError, naming endpoint, parent, page and reason: PageUnreadable where a page is not what the
        definition says; ListingAbsent where the parent has no such list; PositionExpired where the source no longer
        knows a position; CredentialRefused, SourceRefused, SourceThrottled, SourceFailed, SourceUnreachable.
        """
        with self._hiding_secrets():
            async with aclosing(self._listing(endpoint).pages(parent, cursor, position)) as pages:
                async for page in pages:
                    yield page

    def within(self, endpoint: str, parent: Parent, raw: bytes) -> Page:
        """The records that stand within a parent's bytes, as the only page of their listing; asks nobody.

        Raises PageUnreadable where what stands there is not what the definition says.
        """
        return self._listing(endpoint).within(parent, raw)

    async def record(
        self, endpoint: str, parent: Parent | None, fields: Mapping[str, Any], *, heeds_skips: bool = False
    ) -> bytes | None:  # fmt: skip
        """One record's bytes, asked for by `record_path` with `fields` (its last known content, decoded) as `record`.

        None: it is gone (404, 410, or a tombstone), whatever a rule that skips such answers says of the endpoint's
        lists and blobs, unless it `heeds_skips`: then Skipped is raised. Any other answer that is no success raises
        SourceError, as do an answer that is no such record and a definition without `record_path`.
        """
        with self._hiding_secrets():
            return await self._listing(endpoint).record(parent, fields, heeds_skips=heeds_skips)

    async def look(self, endpoint: str, parent: Parent | None, fields: Mapping[str, Any]) -> tuple[bytes, bool] | None:
        """One record's bytes by the id in `fields`, and whether it is a tombstone; None: there is no such record, or
        what is there has another id. Raises SourceError as `record` does.
        """
        with self._hiding_secrets():
            return await self._listing(endpoint).look(parent, fields)

    async def found(
        self, endpoint: str, parent: Parent | None, fields: Mapping[str, Any]
    ) -> AsyncGenerator[Page, None]:  # fmt: skip
        """The pages of the list in which the definition's `restore.find` looks for a record. Raises SourceError."""
        with self._hiding_secrets():
            async with aclosing(self._writer(endpoint).found(parent, fields)) as pages:
                async for page in pages:
                    yield page

    def prepare(
        self, endpoint: str, what: WriteKind, parent: Parent | None, fields: Mapping[str, Any], *, key: str,
        blob: str | None = None, file: UploadedFile | None = None,
    ) -> Request:  # fmt: skip
        """The request that creates, updates or undeletes a record with these fields; sends nothing. `key` is the
        idempotency key, `blob` the record's blob in base64, `file` the same as a part of its own. Raises
        DefinitionError where it cannot be made.
        """
        return self._writer(endpoint).prepare(what, parent, fields, key=key, blob=blob, file=file)

    def prepare_upload(
        self, endpoint: str, parent: Parent | None, fields: Mapping[str, Any], file: UploadedFile, *, key: str
    ) -> Request:  # fmt: skip
        """The request that puts a record's blob back; sends nothing. Raises DefinitionError where it cannot be made."""
        return self._writer(endpoint).prepare_upload(parent, fields, file, key=key)

    async def write(self, endpoint: str, what: WriteKind, request: Request, about: str) -> Written:
        """Send such a request, once; `about` names the record. Raises WriteUncertain where nobody knows whether it was
        done, and SourceError where it was not.
        """
        with self._hiding_secrets():
            return await self._writer(endpoint).send(what, request, about)

    async def upload(
        self, endpoint: str, parent: Parent | None, fields: Mapping[str, Any], file: UploadedFile, *, key: str,
        about: str,
    ) -> None:  # fmt: skip
        """Put a record's blob back. Raises as `write` does."""
        with self._hiding_secrets():
            await self._writer(endpoint).upload(parent, fields, file, key=key, about=about)

    def identify(self, endpoint: str, raw: bytes) -> str:
        """A record's id. Raises PageUnreadable."""
        return self._listing(endpoint).identify(raw)[0]

    async def detail(self, endpoint: str, parent: Parent | None, stub: bytes) -> bytes | None:
        """The whole record of which a list shows `stub`. None and errors as with `record`."""
        with self._hiding_secrets():
            return await self._listing(endpoint).detail(parent, stub)

    def version(self, endpoint: str, raw: bytes) -> bytes | None:
        """What the endpoint's `detail.version` selects of a stub or record; None: not all of it is there."""
        return self._listing(endpoint).version(raw)

    def fields_of_id(self, endpoint: str, record_id: str) -> dict[str, Any]:
        """A record of which only the id is known, decoded as far as that goes: ids are texts."""
        return self._listing(endpoint).fields_of_id(record_id)

    async def first_cursor(self, endpoint: str, parent: Parent | None) -> str:
        """Where the endpoint's feed of changes is now: to be asked for before a full listing. Raises SourceError."""
        with self._hiding_secrets():
            return await self._changes(endpoint).start(parent)

    async def changes(
        self, endpoint: str, parent: Parent | None, cursor: str, position: Position | None = None
    ) -> AsyncGenerator[Page, None]:
        """The pages of the feed of changes since `cursor`, each with the cursor behind it. Of a record named on a page
        either the bytes are there, or it is `deleted`, or it has to be asked for by its id (empty bytes).

        Raises what `pages` raises; CursorExpired where the feed is no longer whole.
        """
        with self._hiding_secrets():
            async with aclosing(self._changes(endpoint).pages(parent, cursor, position)) as pages:
                async for page in pages:
                    yield page

    async def sweep(self, endpoint: str, parent: Parent | None) -> AsyncGenerator[Page, None]:
        """The pages of the complete list of ids; only `ids`, `number` and `next` mean something. Raises SourceError."""
        sweep = self._definition.endpoint(endpoint).sweep
        assert sweep is not None, "the endpoint has a sweep"
        sweeping = Sweeping(sweep, self._listing(endpoint), self._targets, self._client)
        with self._hiding_secrets():
            async with aclosing(sweeping.ids(parent)) as pages:
                async for page in pages:
                    yield page

    async def removals(
        self, endpoint: str, parent: Parent | None, cursor: str | None
    ) -> AsyncGenerator[list[tuple[str, str]], None]:
        """Pages of (id, value of the cursor's field) of what was deleted since, or ever. Raises SourceError."""
        deletions = self._definition.endpoint(endpoint).deletions
        assert deletions is not None, "the endpoint has a list of deletions"
        removals = Removals(deletions, self._listing(endpoint), self._targets, self._client)
        with self._hiding_secrets():
            async with aclosing(removals.since(parent, cursor)) as pages:
                async for page in pages:
                    yield page

    async def count(self, endpoint: str, parent: Parent | None) -> int:
        """The source's own count of a list, where the definition says where to ask for it. Raises SourceError."""
        count = self._definition.endpoint(endpoint).count
        assert count is not None, "the endpoint has a count"
        with self._hiding_secrets():
            return await ask_count(count, self._listing(endpoint), self._targets, self._client, parent)

    def blob_reference(self, endpoint: str, parent: Parent | None, fields: Mapping[str, Any]) -> BlobReference | None:
        """What a record (decoded) says about its blob, without asking the source; None: it has none."""
        blob = self._definition.endpoint(endpoint).blob
        if blob is None:
            return None
        if blob.inline is not None and blob.lookup is None:
            return None if selector(blob.inline).find(fields) in (None, "") else reference(blob, "", fields)
        url = self._targets.blob(blob, parent, fields)
        return None if url is None else reference(blob, url, fields)

    def blob(
        self, endpoint: str, parent: Parent | None, fields: Mapping[str, Any], *, known: str | None = None,
        resume: tuple[int, BlobMark] | None = None,
    ) -> BlobStream:  # fmt: skip
        """A record's blob to be read: `async with source.blob(...) as blob: async for piece in blob: ...`.

        `known` is the version of an earlier download by HTTP's own rules: where it still is that one, `unchanged` is
        true and nothing comes. `resume`: so many bytes with this mark are there, only the rest is to come; BlobChanged
        where there is another blob now.

        Raises SourceRefused where the record has none (`blob_reference` tells); entering it Skipped where a lookup
        shows that there is none.
        """
        found = self.blob_reference(endpoint, parent, fields)
        what = f"{self._listing(endpoint).name(parent)}, blob"
        blob = self._definition.endpoint(endpoint).blob
        if blob is None or found is None:
            raise SourceRefused(f"{what}: the record has none")
        if blob.lookup is None:
            if blob.inline is not None:
                return InlineBlob(selector(blob.inline).find(fields), blob.encoding, found, what)
            return self._download(endpoint, blob, found, parent, what, known, resume)

        def open_url(answer: Mapping[str, Any]) -> BlobStream | None:
            url = self._targets.blob(blob, parent, fields, answer)
            if url is None:
                return None
            return self._download(endpoint, blob, reference(blob, url, fields), parent, what, known, resume)

        return LookedUpBlob(
            self._client, self._listing(endpoint).judge_of_blobs, blob, found, self._targets.headers({}), what,
            open_url, self._hiding_secrets,
        )  # fmt: skip

    def _download(
        self, endpoint: str, blob: Blob, found: BlobReference, parent: Parent | None, what: str, known: str | None,
        resume: tuple[int, BlobMark] | None,
    ) -> BlobDownload:  # fmt: skip
        headers = self._targets.headers(blob.headers, parent, of_blob=True)
        return BlobDownload(
            self._client, self._definition.connection.retry, self._listing(endpoint).judge_of_blobs, blob, found,
            headers, what, self._hiding_secrets, known=known, resume=resume,
        )  # fmt: skip

    def _keeper_for(self, auth: Auth, token_rotated: TokenRotated | None, clock: Callable[[], float]) -> Keeper:
        targets = self._targets
        grant: Grant
        if auth.oauth2 is not None:
            grant = OAuth2Grant(auth.oauth2, targets.text, targets.optional)
        elif auth.login is not None:
            url, headers = targets.url(auth.login.path, {}, {}), targets.headers({})
            grant = LoginGrant(auth.login, url, headers, targets.variables, targets.text)
        else:
            secret = credential(auth, targets.text)
            return Fixed(Credential(secret.headers, {**targets.secret_query, **secret.query}))
        if grant.variable is not None and token_rotated is None:
            raise InputError("the source may replace the refresh token, and nobody is there to store the new one")
        held = refresh_token(targets.variables, grant.variable)
        return Session(grant, held, targets.secret_query, token_rotated, monotonic=clock)

    @contextmanager
    def _hiding_secrets(self) -> Iterator[None]:
        """Take secrets out of the messages of errors that pass, and of those that caused them: sources repeat them."""
        try:
            yield
        except SourceError as error:
            known = {one for one in (*self._targets.secrets(), *self._keeper.secrets()) if len(one) > 3}
            hidden = sorted({form for one in known for form in _forms(one)}, key=len, reverse=True)
            cause: BaseException | None = error
            while isinstance(cause, SourceError):
                cause.args = (_without(str(cause), hidden),)
                cause.asked = None if cause.asked is None else _shown(cause.asked, hidden)
                cause = cause.__cause__
            raise

    def _writer(self, name: str) -> Writer:
        return Writer(self._definition.endpoint(name), self._definition.connection, self._listing(name), self._targets,
                      self._client)  # fmt: skip

    def _changes(self, name: str) -> Changes:
        feed = self._definition.endpoint(name).changes
        assert feed is not None, "the endpoint has a feed of changes"
        return Changes(feed, self._listing(name), self._targets, self._client)

    def _listing(self, name: str) -> Listing:
        listing = self._listings.get(name)
        if listing is None:
            endpoint, connection = self._definition.endpoint(name), self._definition.connection
            listing = Listing(endpoint, connection, self._targets, self._client)
            self._listings[name] = listing
        return listing


def _shown(asked: str, secrets: Sequence[str]) -> str:
    """What was asked, short enough to be read, without secrets."""
    shown = _without(asked, secrets)
    return shown if len(shown) <= _LONGEST_ASKED else f"{shown[:_LONGEST_ASKED]}..."


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as it stands in URLs, in JSON and in base64: sources repeat what they were sent."""
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    encoded |= {_ESCAPE.sub(lambda found: found[0].lower(), one) for one in encoded}
    quoted = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    # Without its end, which is another one where something follows.
    packed = base64.b64encode(secret.encode()).decode().rstrip("=")
    forms = {packed, packed.replace("+", "-").replace("/", "_"), *encoded, *quoted}
    return forms | {repr(form)[1:-1] for form in forms}  # messages quote what a source says


def _without(text: str, secrets: Sequence[str]) -> str:
    """The text without these, also where an excerpt ends in the middle of one."""
    for secret in secrets:
        text = text.replace(secret, "***")
    # Only now their beginnings: two tokens may begin alike, and the rest of one must not be left over.
    for secret in secrets:
        for length in range(len(secret) - 1, min(len(secret), _TELLING_LETTERS) - 1, -1):
            if secret[:length] in text:
                text = text.replace(secret[:length], "***")
                break
    return text
