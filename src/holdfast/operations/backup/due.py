"""Whether a scope is listed in full in this run, or only what has changed since its cursor."""

from holdfast.catalog.scopes import Scope
from holdfast.clock import now, parse_time
from holdfast.operations.backup.state import Listing, Stream

SWEPT_AT = "swept_at"
"""What a scope remembers the time of its last sweep by."""
MADE_UNDER = "fingerprint"
"""The fingerprint that what a scope remembers was made under; under another one it means nothing."""
FEED_START = "feed_start"
"""What a scope remembers by where its feed of changes was when its first full listing began."""


def has_cursor(stream: Stream, scope: Scope, *, full: bool) -> bool:
    """Whether a delta is possible: there is a cursor, made under the same definition and account, and `full` is not
    wanted."""
    endpoint = stream.endpoint
    return (
        not full
        and (endpoint.incremental is not None or endpoint.changes is not None)
        and scope.cursor is not None
        and scope.fingerprint == stream.fingerprint
    )


def is_full_due(stream: Stream, scope: Scope) -> bool:
    """Whether the last full listing is so long ago that everything is to be listed, although a delta is possible."""
    endpoint = stream.endpoint
    asked = endpoint.incremental or endpoint.changes
    assert asked is not None, "a delta is possible"
    return scope.last_full_at is None or now() - scope.last_full_at >= asked.full_every


def reads_changes_first(stream: Stream) -> bool:
    """Whether a full listing that is due comes after the delta instead of replacing it: where it would not show all
    that has changed, since the stubs that it lists have versions which stay the same."""
    endpoint = stream.endpoint
    by_token = endpoint.incremental is not None and endpoint.incremental.token is not None
    return endpoint.changes is not None or (by_token and endpoint.detail is not None)


def is_sweep_due(listing: Listing) -> bool:
    """Whether the ids of a delta's scope are to be swept after it."""
    sweep = listing.stream.endpoint.sweep
    if sweep is None or listing.full:
        return False
    swept_at = listing.memory.get(SWEPT_AT)
    return swept_at is None or now() - parse_time(swept_at) >= sweep.every
