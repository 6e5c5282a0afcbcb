"""Puts a record's blob back, piece by piece out of the vault, and reads it back: has the source the same bytes?"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

from holdfast.catalog.restore_records import BLOB
from holdfast.definitions.document import Endpoint
from holdfast.definitions.expressions import template
from holdfast.errors import CredentialRefused, Damaged, ObjectMissing, SourceError, SourceRefused
from holdfast.operations.browsing import StoredBlob, StoredRecord
from holdfast.operations.restore.comparing import UNEXPECTED
from holdfast.operations.restore.context import Context
from holdfast.sources.page import Parent
from holdfast.sources.writing import UploadedFile

__all__ = ["as_text", "carries", "is_read_back", "put_back", "puts_back", "requests", "what_differs"]

_LARGEST_TEXT = 256 * 1024 * 1024
"""A blob that a write carries in its body is held in memory, as text."""


def as_text(context: Context, stored: StoredRecord) -> str:
    """A record's blob in base64, with the alphabet for URLs. Raises SourceRefused for one that is too large."""
    blob = context.browser.blob(context.given.state, stored)
    if blob.descriptor.size_bytes > _LARGEST_TEXT:
        raise SourceRefused(f"its blob of {blob.descriptor.size_bytes:,} bytes is larger than a body can carry")
    return base64.urlsafe_b64encode(b"".join(blob.read())).decode()


async def put_back(
    context: Context, endpoint: Endpoint, parent: Parent | None, fields: Mapping[str, Any], stored: StoredRecord,
    key: str,
) -> None:  # fmt: skip
    """Send the blob of a record whose `fields` are those at the target. Raises SourceError.

    A blob that is damaged in the vault is refused like one that the source refuses: the rest goes on.
    """
    blob = context.browser.blob(context.given.state, stored)
    damage: list[Damaged | ObjectMissing] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            async for piece in _pieces(blob):
                yield piece
        except (Damaged, ObjectMissing) as error:
            damage.append(error)  # the client tells that the request was broken off, not why
            raise

    name, content_type = blob.descriptor.name or stored.key, blob.descriptor.content_type
    file = UploadedFile(blob.descriptor.size_bytes, pieces, content_type or "application/octet-stream", name)
    try:
        await context.source.upload(endpoint.name, parent, fields, file, key=key, about=stored.key)
    finally:
        if damage:
            raise SourceRefused(f"its blob cannot be read: {damage[0]}", hint=damage[0].hint)


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
    write = endpoint.restore.writes().get(action) if endpoint.restore is not None else None
    return write is not None and any("blob" in template(text).names for text in write.templates())


def is_read_back(endpoint: Endpoint, action: str) -> bool:
    """Whether the blob is held against the stored one after this write: one that was uploaded, unless the source
    changes it; and one of a record that was there before, if this write does not touch it."""
    if endpoint.blob is None or endpoint.restore is None:
        return False
    if endpoint.restore.blob is not None:
        return BLOB not in endpoint.restore.blob.changes
    return action != "create" and not carries(endpoint, action)


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
