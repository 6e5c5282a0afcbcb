"""Other ways in which an API tells what was changed or deleted: the keys `changes`, `sweep` and `deletions`."""

from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import Duration, Integer, SelectorText
from holdfast.definitions.language.changes import TOMBSTONES
from holdfast.definitions.language.lists import ID_PARTS, list_fields, split_listing
from holdfast.definitions.language.texts import path, query
from holdfast.definitions.shapes import Converted, Field, OneOrMore, Shape

__all__ = ["CHANGES", "DELETIONS", "EXPIRED_ON", "SWEEP"]

EXPIRED_ON = Converted(OneOrMore(Integer(400, 499)), frozenset)
"""Statuses that tell that a cursor is too old."""

_START: Shape[dict[str, Any]] = Shape(
    "start",
    [
        Field("path", path("parent"), "The path that gives the first cursor.", required=True, attribute="start"),
        Field("query", query("parent"), "Query parameters of that request.", attribute="start_query"),
        Field("token", SelectorText(), "Where its answer has it.", required=True, attribute="start_token"),
    ],
    dict,
)


def _changes(start: dict[str, Any], **given: Any) -> document.ChangeFeed:
    listing, rest = split_listing(given)
    return document.ChangeFeed(listing, **start, **rest)


CHANGES = Shape(
    "changes",
    [
        *list_fields("cursor"),
        Field("id", ID_PARTS, "Where an entry names the record; a list there names several.", required=True),
        Field("record", SelectorText(), "Where an entry has the whole record. Default: it is asked for by its id."),
        Field("start", _START, "Where the first cursor comes from, taken before a full listing.", required=True),
        Field("next", SelectorText(), "Where a page has the cursor after it.", required=True),
        Field("tombstones", TOMBSTONES, "How an entry says that its record is deleted."),
        Field("gap", SelectorText(), "Where a page says that the feed has left something out."),
        Field("expired_on", EXPIRED_ON, "Statuses that mean: this cursor is too old, list everything."),
        Field("full_every", Duration(), "How often everything is listed nevertheless. Default: 7d."),
    ],
    _changes,
)


def _sweep(**given: Any) -> document.Sweep:
    listing, rest = split_listing(given)
    return document.Sweep(listing, **rest)


SWEEP = Shape(
    "sweep",
    [
        *list_fields(),
        Field("id", ID_PARTS, "Where an element has the record's id.", required=True),
        Field("every", Duration(), "How often it is read. Default: 1d."),
    ],
    _sweep,
)


def _deletions(**given: Any) -> document.Deletions:
    listing, rest = split_listing(given)
    return document.Deletions(listing, **rest)


DELETIONS = Shape(
    "deletions",
    [
        *list_fields("cursor"),
        Field("id", ID_PARTS, "Where an element has the record's id.", required=True),
        Field("field", SelectorText(), "What the cursor of this list is taken from.", required=True),
    ],
    _deletions,
)
