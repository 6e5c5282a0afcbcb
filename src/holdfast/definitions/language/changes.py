"""How only what has changed is asked for, and how deletions show: `incremental` and `tombstones`."""

from datetime import timedelta
from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import Duration, Integer, Scalar, SelectorText
from holdfast.definitions.language.texts import query
from holdfast.definitions.shapes import Converted, Field, OneOrMore, Shape

__all__ = ["INCREMENTAL", "TOMBSTONES"]


def _incremental(field: str = "", **rest: Any) -> document.Incremental:
    return document.Incremental(field, **rest)


INCREMENTAL = Shape(
    "incremental",
    [
        Field(
            "field",
            SelectorText(),
            "What the cursor is taken from: a time, number or text that grows whenever a record changes.",
        ),
        Field("token", SelectorText(), "Where the last page has the cursor.", feature="sync_token"),
        Field(
            "query", query("cursor", "parent"), "Query parameters that ask for changes since `cursor`.", required=True
        ),
        Field("overlap", Duration(timedelta(0)), "How far before the cursor a delta begins. Default: 0s."),
        Field("full_every", Duration(), "How often everything is listed nevertheless, to see deletions. Default: 7d."),
        Field(
            "expired_on",
            Converted(OneOrMore(Integer(400, 499)), frozenset),
            "Statuses that mean: this cursor is too old, list everything.",
            feature="sync_token",
        ),
    ],
    _incremental,
    exactly_one=[("field", "token")],
    needs={"overlap": "field", "expired_on": "token"},
)

TOMBSTONES = Shape(
    "tombstones",
    [
        Field("field", SelectorText(), "Where a listed record says that it is deleted.", required=True),
        Field("equals", Scalar(), "The value that says so, typed as in JSON. Default: true."),
    ],
    document.Tombstones,
)
