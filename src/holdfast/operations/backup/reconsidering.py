"""Lets records that are as they were owe their blobs, where the definition says something else about blobs than before:
nothing else looks at an unchanged record, and what a new or mended `blob` asks for would never be fetched.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from functools import partial

from holdfast.catalog import records, scopes, streams
from holdfast.catalog.records import RecordRow
from holdfast.definitions.document import Blob
from holdfast.errors import NotFound, SourceError
from holdfast.operations.backup.attaching import BlobCommitter
from holdfast.operations.backup.endpoint import Reading
from holdfast.operations.backup.parents import Parents, fields_of, place_of
from holdfast.operations.backup.state import Stream

__all__ = ["declaration", "reconsider"]

_AT_ONCE = 1_000
NONE = ""
"""The declaration of an endpoint without blobs."""


def declaration(blob: Blob | None) -> str:
    """A short text that changes with everything that decides which bytes are fetched, and when."""
    if blob is None:
        return NONE
    said = [
        blob.url, blob.inline, blob.encoding, blob.lookup, _plain(blob.lookup_query), list(blob.version),
        _plain(blob.headers),
    ]  # fmt: skip
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


async def reconsider(reading: Reading, stream: Stream, parents: Parents) -> None:
    """Compare what the definition says about the stream's blobs with what it said when they were last fetched.

    Costs nothing where it says the same. Otherwise every record is read from the vault once; those that have a blob
    owe it anew, or, where nobody knows what was said before, those of them that have none yet. May be interrupted.
    """
    committer, run = BlobCommitter(reading.writer), reading.collector.run
    wanted = declaration(stream.endpoint.blob)
    with reading.context.services.database.read() as connection:
        before, first_run = streams.blob_declaration(connection, stream.id)
    if before == wanted or (before is None and wanted == NONE):
        return
    if wanted != NONE and first_run != reading.context.sequence:
        after: str | None = None
        while rows := await asyncio.to_thread(_rows, reading, stream, after):
            considered = rows if before is not None else [row for row in rows if row.blob is None]
            due = await asyncio.to_thread(_with_blobs, reading, stream, parents, considered)
            if due:
                await run(partial(committer.owe, stream, due))
            after = rows[-1].record_key
    await run(partial(committer.note_declaration, stream, wanted))


def _rows(reading: Reading, stream: Stream, after: str | None) -> list[RecordRow]:
    with reading.context.services.database.read() as connection:
        return records.page(connection, stream.id, after=after, limit=_AT_ONCE)


def _with_blobs(
    reading: Reading, stream: Stream, parents: Parents, rows: list[RecordRow]
) -> list[tuple[str, int | None]]:  # fmt: skip
    """Key and scope of those of these records that have a blob."""
    with reading.context.services.database.read() as connection:
        of_rows = {row.scope for row in rows if row.scope is not None}
        above = {scope: scopes.get(connection, scope).parent_key for scope in of_rows}
    found = []
    for row in rows:
        fields = fields_of(reading.context.customer.read(place_of(reading.context, row)))
        try:
            parent = parents.get(above[row.scope]) if parents and row.scope is not None else None
        except NotFound:  # it goes with its parent
            continue
        try:
            has_blob = reading.source.blob_reference(stream.name, parent, fields) is not None
        except SourceError:
            has_blob = True  # whoever fetches it says what is wrong with it
        if has_blob:
            found.append((row.record_key, row.scope))
    return found


def _plain(templates: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(templates.items()))
