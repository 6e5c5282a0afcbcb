"""The parts of the language that can be said before `sources` does them. A definition that uses one is refused.

`READ` grows with `sources`. What is not in it is neither in the JSON Schema nor in the documentation.
"""

from collections.abc import Mapping

__all__ = ["FEATURES", "READ"]

FEATURES: Mapping[str, str] = {
    "header_credentials": "a credential of several headers",
    "oauth2": "tokens from an OAuth 2 token endpoint",
    "login": "a login that gives a session token",
    "errors": "answers that mean something else than their status says",
    "quota": "headers that tell how many requests are left",
    "request_body": "lists that are asked for with POST, and GraphQL",
    "sync_token": "a cursor that the page gives instead of its records",
    "change_feed": "a feed of changes beside the list",
    "sweep": "a cheap list of ids that shows what was deleted",
    "deletions": "a list of what was deleted",
    "detail": "lists of stubs, whose records are asked for one by one",
    "nested": "records inside the records of another endpoint",
    "several_parents": "lists of the records of several endpoints",
    "count": "the source's own count of a list",
    "inline_blob": "a binary inside the record, or behind a second call",
}
"""Every part by its name, with what it is, in words for a message."""

READ: frozenset[str] = frozenset(FEATURES)
"""The parts that `sources` and `operations` do."""
