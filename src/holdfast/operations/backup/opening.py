"""Opens the listings of an endpoint's scopes: in full or from a cursor, as an earlier process left them, or none."""

from collections.abc import Sequence

from holdfast.catalog import scopes
from holdfast.catalog.scopes import Scope
from holdfast.definitions.selectors import selector
from holdfast.operations.backup.due import (
    FEED_START,
    MADE_UNDER,
    has_cursor,
    is_full_due,
    is_sweep_due,
    reads_changes_first,
)
from holdfast.operations.backup.parents import ParentRecord
from holdfast.operations.backup.state import Listing, RunContext, Stream
from holdfast.operations.backup.writing import RunWriter
from holdfast.sources.page import Parent


def open_listings(writer: RunWriter, stream: Stream, parents: Sequence[Parent | None]) -> list[Listing]:
    """The listings of these parents' scopes that this run has yet to complete, as an earlier process left them."""
    context = writer.context
    if stream.endpoint.where is not None:
        parents = _wanted(context, stream, parents)
    keys = ["" if parent is None else parent.key for parent in parents]
    with writer.transaction() as connection:
        found = scopes.ensure(connection, stream.id, keys)
    listings = []
    for key, parent in zip(keys, parents, strict=True):
        scope = found[key]
        if scope.last_complete_run == context.sequence or _stands_as_it_was(context, stream, scope, parent):
            continue
        listing = _opened(context, stream, scope, parent)
        if scope.run_id == context.run_id and scope.checkpoint is not None:
            listing.restore(scope.checkpoint)
            listing.was_skipped = scope.state == "skipped"
        listings.append(listing)
    return listings


def _opened(context: RunContext, stream: Stream, scope: Scope, parent: Parent | None) -> Listing:
    """A scope's listing before its first page."""
    forced = context.options.full or stream.lists_all
    memory = scope.memory or {}
    if memory.get(MADE_UNDER) != stream.fingerprint:
        memory = {}
    cursor = None
    if has_cursor(stream, scope, full=forced):
        cursor, full_due = scope.cursor, is_full_due(stream, scope)
    else:
        # A full listing that an earlier run began and did not end goes on with what has changed since then.
        cursor, full_due = None if forced else memory.get(FEED_START), True
    full = cursor is None or (full_due and not reads_changes_first(stream))
    listing = Listing(
        stream, scope.id, parent, full, None if full else cursor, then_full=full_due and not full, asks_all=forced,
        memory=memory,
    )  # fmt: skip
    listing.sweeps = is_sweep_due(listing)
    listing.awaits_proof = listing.sweeps or stream.endpoint.count is not None
    return listing


def _wanted(context: RunContext, stream: Stream, parents: Sequence[Parent | None]) -> list[Parent | None]:
    """Those parents for which the endpoint's `where` gives something, and those with records from when it did."""
    wanted = selector(stream.endpoint.where or "")
    others = [one.key for one in parents if one is not None and not wanted.find(one.fields)]
    with context.services.database.read() as connection:
        filled = scopes.filled(connection, stream.id, others)
    left_out = set(others) - filled
    return [one for one in parents if one is None or one.key not in left_out]


def _stands_as_it_was(context: RunContext, stream: Stream, scope: Scope, parent: Parent | None) -> bool:
    """Whether records that only change with their parent were read at the version of it that is the newest."""
    return (
        (stream.endpoint.within is not None or stream.endpoint.only_changed)
        and isinstance(parent, ParentRecord)
        and scope.last_complete_run is not None
        and parent.changed_in <= scope.last_complete_run
        and scope.fingerprint == stream.fingerprint
        and not (context.options.full or stream.lists_all)
    )
