"""One kind of record: an element of `endpoints`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.definitions import document
from holdfast.definitions.features import READ
from holdfast.definitions.kinds import Boolean, Choice, Integer, Kind, Reading, Rejected, Schema, SelectorText, Text
from holdfast.definitions.language.answers import ANSWERS
from holdfast.definitions.language.blobs import BLOB
from holdfast.definitions.language.bodies import request_body
from holdfast.definitions.language.changes import INCREMENTAL, TOMBSTONES
from holdfast.definitions.language.deletions import CHANGES, DELETIONS, SWEEP
from holdfast.definitions.language.paging import PAGING
from holdfast.definitions.language.restoring import RESTORE
from holdfast.definitions.language.texts import HEADER_NAME, headers, path, query
from holdfast.definitions.shapes import Converted, Either, Field, ListOf, OneOrMore, Shape
from holdfast.definitions.yaml_tree import Node

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


class _Parents(Kind[tuple[str, ...]]):
    """The name of an endpoint, or several where records of several endpoints have such a list."""

    expected = "the name of an endpoint"

    def read(self, node: Node, reading: Reading) -> tuple[str, ...]:
        if node.type == "list" and not reading.allows("several_parents"):
            reading.not_yet(node, "a list", "several_parents")
            raise Rejected()
        return OneOrMore(Text(self.expected)).read(node, reading)

    def schema(self) -> Schema:
        return (OneOrMore(Text()) if "several_parents" in READ else Text()).schema()


@dataclass(frozen=True)
class _Record:
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    select: str = ""


RECORD = Shape(
    "record",
    [
        Field("path", path("record", "parent"), "Its path, with `record` for the record's fields.", required=True),
        Field("query", query("record", "parent"), "Query parameters of that request."),
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


DETAIL = Shape(
    "detail",
    [
        Field(
            "path", path("record", "parent"), "Where the whole record is, with `record` for the stub.", required=True
        ),
        Field("query", query("record", "parent"), "Query parameters of that request."),
        Field("select", SelectorText(), "Where the record stands in the body. Default: the body is the record."),
        Field("version", OneOrMore(SelectorText()), "Where a stub says that its record has changed.", required=True),
    ],
    document.Detail,
)

COUNT = Shape(
    "count",
    [
        Field("path", path("parent"), "Where it is asked for. Default: the list's own first page tells it."),
        Field("method", Choice(["GET", "HEAD"]), "How it is asked for. Default: GET."),
        Field("query", query("parent"), "Query parameters of that request."),
        Field("header", HEADER_NAME, "The response header that holds it."),
        Field("select", SelectorText(), "Where the body holds it."),
    ],
    document.Count,
    exactly_one=[("header", "select")],
    needs={"method": "path", "query": "path"},
)


FIELD_NAME = Text("the name of a field: letters, digits and _", pattern=r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _endpoint(
    id: _Id,
    path: str = "",
    for_each: tuple[str, ...] = (),
    within: str | None = None,
    global_id: bool = False,
    record: _Record | None = None,
    **rest: Any,
) -> document.Endpoint:
    if record is not None:
        rest |= {"record_path": record.path, "record_query": record.query, "record_select": record.select}
    parents = [within] if within else [*for_each]
    return document.Endpoint(
        path=path,
        id=id.fields,
        global_id=global_id or id.is_global,
        for_each=parents[0] if parents else None,
        for_each_also=tuple(parents[1:]),
        within=within,
        **rest,
    )


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
        Field("for_each", _Parents(), "The parent: list this once for each of its records."),
        Field("within", Text("the name of an endpoint"), "The parent whose records hold these.", feature="nested"),
        Field("where", SelectorText(), "Over a parent's record: list only for those where this gives something."),
        Field("only_changed", Boolean(), "List only for parents whose record has changed since. Default: false."),
        Field("path", path("parent"), "Where the list is, appended to `base_url`."),
        Field(
            "method",
            Choice(["GET", "POST"], features={"POST": "request_body"}),
            "How the list is asked for. Default: GET.",
        ),
        Field("body", request_body("body", "parent", "cursor"), "What is sent with POST.", feature="request_body"),
        Field("query", query("parent"), "Query parameters of each page."),
        Field("headers", headers("parent"), "Headers of each page's request."),
        Field(
            "records", SelectorText(), "Where the list of records stands in the body. Default: the body is the list."
        ),
        Field("keys", FIELD_NAME, "The list is an object, each member a record: the field that its key becomes."),
        Field("values", FIELD_NAME, "The list has plain values: the one field of the records that they become."),
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
        Field("detail", DETAIL, "Where the whole of a record is that is listed as a stub.", feature="detail"),
        Field("changes", CHANGES, "A feed of changes, read instead of the list.", feature="change_feed"),
        Field("sweep", SWEEP, "A cheap list of ids: what it does not have is deleted.", feature="sweep"),
        Field("deletions", DELETIONS, "A list of what was deleted.", feature="deletions"),
        Field("count", COUNT, "The source's own count of the list.", feature="count"),
        Field("answers", ANSWERS, "What answers mean that is not what their status says.", feature="errors"),
        Field("blob", BLOB, "The binary that belongs to each record."),
        Field("restore", RESTORE, "How its records are given back."),
    ],
    _endpoint,
    exactly_one=[("path", "within")],
    needs={"where": "for_each", "only_changed": "for_each"},
)
