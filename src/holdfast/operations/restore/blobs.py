"""Puts a record's blob back, piece by piece out of the vault, and reads it back: has the source the same bytes?"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

from holdfast.catalog.restore_records import BLOB
from holdfast.definitions.document import Endpoint
from holdfast.errors import CredentialRefused, Damaged, ObjectMissing, SourceError, SourceRefused
from holdfast.operations.browsing import StoredBlob, StoredRecord
from holdfast.operations.restore.comparing import UNEXPECTED
from holdfast.operations.restore.context import Context
from holdfast.sources.page import Parent
from holdfast.sources.writing import UploadedFile

__all__ = ["as_text", "put_back", "requests", "what_differs"]

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

    Not looked at where the definition says that the source changes it. One that cannot be had is another one. Raises
    CredentialRefused.
    """
    if not requests(endpoint):
        return None
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


def requests(endpoint: Endpoint) -> int:
    """The requests that reading a blob back takes once it was put back; none where the source may have changed it."""
    upload = endpoint.restore.blob if endpoint.restore is not None else None
    if upload is None or endpoint.blob is None or BLOB in upload.changes or endpoint.blob.inline is not None:
        return 0
    return 1 + (endpoint.blob.lookup is not None)


async def _pieces(blob: StoredBlob) -> AsyncIterator[bytes]:
    """Read beside the event loop: the vault may be far away."""
    reading = blob.read()
    while (piece := await asyncio.to_thread(next, reading, None)) is not None:
        yield piece
