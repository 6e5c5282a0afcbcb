"""Puts a record's blob back, piece by piece out of the vault, and reads it back: has the source the same bytes?"""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from holdfast.catalog.restore_records import BLOB
from holdfast.definitions.document import Endpoint
from holdfast.definitions.expressions import template
from holdfast.definitions.filters import json_text
from holdfast.definitions.restoring import Write
from holdfast.definitions.selectors import selector
from holdfast.errors import (
    CredentialRefused,
    Damaged,
    DefinitionError,
    ObjectMissing,
    PageUnreadable,
    SourceError,
    SourceRefused,
)
from holdfast.operations.browsing import StoredBlob, StoredRecord
from holdfast.operations.restore.comparing import UNEXPECTED
from holdfast.operations.restore.context import Context
from holdfast.sources.multipart import UploadedFile
from holdfast.sources.page import Parent

__all__ = [
    "NO_FILE", "Lent", "as_text", "carries", "is_missing", "is_read_back", "is_same", "put_back", "puts_back",
    "requests", "takes_file", "takes_text", "what_differs",
]  # fmt: skip


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


NO_FILE = UploadedFile(0, _nothing, "application/octet-stream", "file")
"""Stands for any blob where a request is made that nobody sends."""
_LARGEST_TEXT = 256 * 1024 * 1024
"""A blob that a write carries in its body is held in memory, as text."""


def as_text(context: Context, stored: StoredRecord) -> str:
    """A record's blob in base64, with the alphabet for URLs. Raises SourceRefused for one that is too large."""
    blob = context.browser.blob(context.given.state, stored)
    if blob.descriptor.size_bytes > _LARGEST_TEXT:
        raise SourceRefused(f"its blob of {blob.descriptor.size_bytes:,} bytes is larger than a body can carry")
    return base64.urlsafe_b64encode(b"".join(blob.read())).decode()


class Lent:
    """A record's blob on its way to the source. One that is damaged in the vault is refused like one that the source
    refuses, so that the rest goes on: the client tells that a request was broken off, not why."""

    def __init__(self, context: Context, stored: StoredRecord) -> None:
        self._blob = context.browser.blob(context.given.state, stored)
        self._damage: Damaged | ObjectMissing | None = None
        descriptor = self._blob.descriptor
        content_type = descriptor.content_type or "application/octet-stream"
        self.file = UploadedFile(descriptor.size_bytes, self._read, content_type, descriptor.name or stored.key)

    async def _read(self) -> AsyncIterator[bytes]:
        try:
            async for piece in _pieces(self._blob):
                yield piece
        except (Damaged, ObjectMissing) as error:
            self._damage = error
            raise

    @contextmanager
    def sent(self) -> Iterator[None]:
        """While it is sent. Raises SourceRefused where it could not be read."""
        try:
            yield
        finally:
            if self._damage is not None:
                raise SourceRefused(f"its blob cannot be read: {self._damage}", hint=self._damage.hint)


async def put_back(
    context: Context, endpoint: Endpoint, parent: Parent | None, fields: Mapping[str, Any], stored: StoredRecord,
    key: str,
) -> None:  # fmt: skip
    """Send the blob of a record whose `fields` are those at the target. Raises SourceError."""
    lent = Lent(context, stored)
    with lent.sent():
        await context.source.upload(endpoint.name, parent, fields, lent.file, key=key, about=stored.key)


async def what_differs(
    context: Context, endpoint: Endpoint, parent: Parent | None, fields: Mapping[str, Any], stored: StoredRecord
) -> dict[str, Any] | None:
    """The blob of the record with these `fields` at the target, held against the stored one; None: the same bytes.

    One that cannot be had is another one. Raises CredentialRefused.
    """
    blob = context.browser.blob(context.given.state, stored)
    digest, size = blob.empty_digest(), 0
    try:
        async with context.source.blob(endpoint.name, parent, fields) as served:
            async for piece in served:
                digest.update(piece)
                size += len(piece)
        found = f"{size:,} bytes"
    except CredentialRefused:
        raise
    except SourceError as error:
        found = str(error)
    if digest.digest() == blob.descriptor.digest:
        return None
    return {"field": BLOB, "why": UNEXPECTED, "stored": f"{blob.descriptor.size_bytes:,} bytes", "found": found}


def puts_back(endpoint: Endpoint, action: str) -> bool:
    """Whether this write brings the record's blob back."""
    return endpoint.restore is not None and (endpoint.restore.blob is not None or carries(endpoint, action))


def carries(endpoint: Endpoint, action: str) -> bool:
    """Whether the write itself has the blob in its body."""
    return takes_text(endpoint, action) or takes_file(endpoint, action)


def takes_text(endpoint: Endpoint, action: str) -> bool:
    """Whether the write has it there as text."""
    write = _write(endpoint, action)
    return write is not None and any("blob" in template(text).names for text in write.templates())


def takes_file(endpoint: Endpoint, action: str) -> bool:
    """Whether the write has it there as a part of its own."""
    write = _write(endpoint, action)
    return write is not None and write.multipart is not None and write.multipart.has_file


def is_same(
    endpoint: Endpoint, stored: Mapping[str, Any], found: Mapping[str, Any], *, same_record: bool
) -> bool | None:  # fmt: skip
    """What two records say of their blobs without anybody fetching one: whether they are the same; None: nothing tells.

    A checksum tells; sizes tell what differs; the declared version tells what is the same, and of `same_record` the
    declaration that a blob never changes does.
    """
    blob = endpoint.blob
    if blob is None or (blob.inline is not None and blob.lookup is None):
        return True  # it stands in the record
    checksums = _values(blob.checksum, stored, found)
    if checksums is not None:
        return checksums[0] == checksums[1]
    sizes = _values(blob.size, stored, found)
    if sizes is not None and sizes[0] != sizes[1]:
        return False
    if not blob.version:
        return True if same_record and blob.recheck is None else None
    versions = [_values(one, stored, found) for one in blob.version]
    return True if all(one is not None and one[0] == one[1] for one in versions) else None


def _values(
    selected: str | None, stored: Mapping[str, Any], found: Mapping[str, Any]
) -> tuple[str, str] | None:  # fmt: skip
    """What a selector gives for both, where it does."""
    if selected is None:
        return None
    try:
        before, after = (selector(selected).find(one) for one in (stored, found))
    except PageUnreadable:
        return None
    return None if before in (None, "", []) or after in (None, "", []) else (json_text(before), json_text(after))


def is_missing(context: Context, endpoint: Endpoint, parent: Parent | None, fields: Mapping[str, Any]) -> bool:
    """Whether a record of which the backup has no blob seems to have one; where a `lookup` tells, nobody asks."""
    try:
        return context.source.blob_reference(endpoint.name, parent, fields) is not None
    except (DefinitionError, PageUnreadable, SourceRefused):
        return False  # its address needs what is not there yet


def is_read_back(endpoint: Endpoint, action: str) -> bool:
    """Whether the blob is held against the stored one after this write: one that was sent, unless the source changes
    it; and one of a record that was there before, if this write does not touch it."""
    if endpoint.blob is None or endpoint.restore is None:
        return False
    if endpoint.restore.blob is not None:
        return BLOB not in endpoint.restore.blob.changes
    if carries(endpoint, action):
        write = _write(endpoint, action)
        return write is not None and BLOB not in write.changes
    return action != "create"


def _write(endpoint: Endpoint, action: str) -> Write | None:
    return endpoint.restore.writes().get(action) if endpoint.restore is not None else None


def requests(endpoint: Endpoint, action: str) -> int:
    """The requests that reading the blob back takes after this write."""
    if not is_read_back(endpoint, action) or endpoint.blob is None:
        return 0
    return (endpoint.blob.inline is None) + (endpoint.blob.lookup is not None)


async def _pieces(blob: StoredBlob) -> AsyncIterator[bytes]:
    """Read beside the event loop: the vault may be far away."""
    reading = blob.read()
    while (piece := await asyncio.to_thread(next, reading, None)) is not None:
        yield piece
