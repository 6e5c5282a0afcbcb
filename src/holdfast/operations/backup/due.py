"""Whether a scope is listed in full in this run, or only what has changed since its cursor."""

from holdfast.catalog.scopes import Scope
from holdfast.clock import now
from holdfast.operations.backup.state import Stream


def is_full_due(stream: Stream, scope: Scope, *, full: bool) -> bool:
    """A delta needs a cursor, made under the same definition and account, and a full listing that is recent enough."""
    incremental = stream.endpoint.incremental
    return (
        full
        or incremental is None
        or scope.cursor is None
        or scope.fingerprint != stream.fingerprint
        or scope.last_full_at is None
        or now() - scope.last_full_at >= incremental.full_every
    )
