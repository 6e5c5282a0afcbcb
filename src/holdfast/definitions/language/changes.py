"""How only what has changed is asked for, and how deletions show: `incremental` and `tombstones`."""

from datetime import timedelta

from holdfast.definitions import document
from holdfast.definitions.kinds import Duration, Scalar, SelectorText
from holdfast.definitions.language.texts import query
from holdfast.definitions.shapes import Field, Shape

__all__ = ["INCREMENTAL", "TOMBSTONES"]


INCREMENTAL = Shape(
    "incremental",
    [
        Field(
            "field",
            SelectorText(),
            "What the cursor is taken from: a time, number or text that grows whenever a record changes.",
            required=True,
        ),
        Field(
            "query", query("cursor", "parent"), "Query parameters that ask for changes since `cursor`.", required=True
        ),
        Field("overlap", Duration(timedelta(0)), "How far before the cursor a delta begins. Default: 0s."),
        Field("full_every", Duration(), "How often everything is listed nevertheless, to see deletions. Default: 7d."),
    ],
    document.Incremental,
)

TOMBSTONES = Shape(
    "tombstones",
    [
        Field("field", SelectorText(), "Where a listed record says that it is deleted.", required=True),
        Field("equals", Scalar(), "The value that says so, typed as in JSON. Default: true."),
    ],
    document.Tombstones,
)
