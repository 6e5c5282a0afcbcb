"""One kind of record: an element of `endpoints`."""

from dataclasses import dataclass
from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import Boolean, Choice, Integer, Kind, SelectorText, Text
from holdfast.definitions.language.blobs import BLOB
from holdfast.definitions.language.changes import INCREMENTAL, TOMBSTONES
from holdfast.definitions.language.paging import PAGING
from holdfast.definitions.language.texts import headers, path, query
from holdfast.definitions.shapes import Converted, Either, Field, ListOf, OneOrMore, Shape

__all__ = ["ENDPOINT"]


@dataclass(frozen=True)
class _Id:
    fields: tuple[str, ...]
    is_global: bool = False


ID: Kind[_Id] = Either(
    Converted(OneOrMore(SelectorText()), _Id),
    Shape(
        "id",
        [
            Field("fields", OneOrMore(SelectorText()), "The selectors of the id's parts.", required=True),
            Field("global", Boolean(), "The same as `global_id` of the endpoint.", attribute="is_global"),
        ],
        _Id,
    ),
)


@dataclass(frozen=True)
class _Record:
    path: str
    select: str = ""


RECORD = Shape(
    "record",
    [
        Field("path", path("record", "parent"), "Its path, with `record` for the record's fields.", required=True),
        Field("select", SelectorText(), "Where the record stands in the body. Default: the body is the record."),
    ],
    _Record,
)


OPTIONAL = Shape(
    "optional",
    [
        Field(
            "on",
            Converted(OneOrMore(Integer(400, 499)), frozenset),
            "Statuses that mean: there is no such list here.",
            required=True,
        )
    ],
    lambda on: on,
)


def _endpoint(id: _Id, global_id: bool = False, record: _Record | None = None, **rest: Any) -> document.Endpoint:
    if record is not None:
        rest |= {"record_path": record.path, "record_select": record.select}
    return document.Endpoint(id=id.fields, global_id=global_id or id.is_global, **rest)


ENDPOINT = Shape(
    "endpoint",
    [
        Field(
            "name",
            Text("a name of lower-case letters, digits, _ and -", pattern=r"[a-z][a-z0-9_-]{0,63}"),
            "What the endpoint is called, here and in the API. A new name is a new endpoint.",
            required=True,
        ),
        Field("description", Text(), "What its records are."),
        Field("for_each", Text("the name of an endpoint"), "The parent: list this once for each of its records."),
        Field("path", path("parent"), "Where the list is, appended to `base_url`.", required=True),
        Field("method", Choice(["GET"]), "How the list is asked for. Default: GET."),
        Field("query", query("parent"), "Query parameters of each page."),
        Field("headers", headers("parent"), "Headers of each page's request."),
        Field(
            "records", SelectorText(), "Where the list of records stands in the body. Default: the body is the list."
        ),
        Field("id", ID, "What identifies a record: a selector, or a list of them.", required=True),
        Field("global_id", Boolean(), "The id is unique over all parents. Default: false."),
        Field("paging", PAGING, "How the next page is found. Default: none."),
        Field("stable", Boolean(), "Records keep their order while they are listed. Default: false."),
        Field("incremental", INCREMENTAL, "How only what has changed is asked for."),
        Field("tombstones", TOMBSTONES, "How a listed record says that it is deleted."),
        Field("record", RECORD, "Where one record can be asked for."),
        Field(
            "volatile",
            Converted(ListOf(SelectorText(plain=True)), tuple),
            "Fields that change without the record changing: stored, not compared.",
        ),
        Field("optional", OPTIONAL, "When it is no failure that the list is missing.", attribute="optional_on"),
        Field("blob", BLOB, "The binary that belongs to each record."),
    ],
    _endpoint,
)
