"""How records are given back: the key `restore` of an endpoint."""

from typing import Any

from holdfast.definitions import restoring
from holdfast.definitions.document import RequestBody
from holdfast.definitions.kinds import Boolean, Choice, JsonTemplate, Kind, SelectorText, TemplateText, Text
from holdfast.definitions.language.changes import TOMBSTONES
from holdfast.definitions.language.lists import ID_PARTS
from holdfast.definitions.language.paging import PAGING
from holdfast.definitions.language.texts import PARAMETER_NAME, headers, path, query
from holdfast.definitions.restoring import KEY
from holdfast.definitions.shapes import Converted, Either, Field, ListOf, MapOf, OneOrMore, Shape

__all__ = ["RESTORE"]

_OFFERED = ("record", "parent", KEY)
_WITH_BLOB = (*_OFFERED, "blob")
_METHODS = ["POST", "PUT", "PATCH", "DELETE"]
_ENCODING = Choice(["json", "form", "repeated_form"])
_ENDPOINT_NAME = Text("the name of an endpoint")
_DOTTED = SelectorText(plain=True)

_FIELDS: Kind[dict[str, str]] = Either(
    Converted(ListOf(_DOTTED, shortest=1), lambda names: dict(zip(names, names, strict=True))),
    MapOf(SelectorText(), "field"),
)


_CHANGES = Field("changes", MapOf(Text(), "field"), "Fields that the source changes by it, each with why.")


PART = Shape(
    "part",
    [
        Field("name", PARAMETER_NAME, "The name of the form field."),
        Field("text", TemplateText(*_OFFERED), "A text. Where it renders to nothing, the part is left out."),
        Field("json", JsonTemplate(*_OFFERED), "JSON; its texts may have expressions."),
        Field("file", Choice(["blob"]), "The record's blob. Where it has none, the part is left out."),
        Field("filename", TemplateText(*_OFFERED), "What the file is called. Default: as the endpoint's `blob` says."),
    ],
    lambda file="", **rest: restoring.Part(is_file=bool(file), **rest),
    exactly_one=[("text", "json", "file")],
    needs={"filename": "file"},
)

MULTIPART: Kind[restoring.Multipart] = Shape(
    "multipart",
    [
        Field("parts", ListOf(PART, shortest=1), "What it is made of, in this order.", required=True),
        Field("type", Choice(["form-data", "related"]), "A form, or parts known by their order. Default: form-data."),
    ],
    restoring.Multipart,
)


def _write(name: str, default: str) -> Shape[restoring.Write]:
    def make(
        json: object = None, form: Any = None, graphql: str | None = None, variables: object = None, **rest: Any
    ) -> restoring.Write:  # fmt: skip
        if json is not None or form is not None or graphql is not None:
            rest["body"] = RequestBody(json=json, form=form, graphql=graphql, variables=variables)
        return restoring.Write(**{"method": default, **rest})

    return Shape(
        name,
        [
            Field("path", path(*_OFFERED), "Where it is sent.", required=True),
            Field("method", Choice(_METHODS), f"How. Default: {default}."),
            Field("query", query(*_OFFERED), "Query parameters of that request."),
            Field("headers", headers(*_OFFERED), "Headers of that request."),
            Field("fields", _FIELDS, "What is sent: fields of the record, or names with a selector over it for each."),
            Field(
                "as",
                _ENCODING,
                "How `fields` are sent. Default: json.",
                attribute="encoding",
            ),
            Field("json", JsonTemplate(*_WITH_BLOB), "What is sent, as JSON; its texts may have expressions."),
            Field("form", MapOf(TemplateText(*_WITH_BLOB), "form field"), "What is sent, as a form."),
            Field("graphql", Text(longest=50_000), "The text of a GraphQL mutation, sent as it is."),
            Field("variables", JsonTemplate(*_WITH_BLOB), "The variables of that mutation."),
            Field("multipart", MULTIPART, "What is sent, in several parts, of which one may be the record's blob."),
            Field("select", SelectorText(), "Where the record stands in the answer. Default: the answer is it."),
            _CHANGES,
            Field("id", ID_PARTS, "Where the answer has the id, if its record does not tell it as listed ones do."),
        ],
        make,
        needs={"as": "fields", "variables": "graphql"},
    )


CREATE = _write("create", "POST")
UPDATE = _write("update", "PATCH")
UNDELETE = _write("undelete", "POST")

UPLOAD = Shape(
    "upload",
    [
        Field("path", path(*_OFFERED), "Where the file is sent.", required=True),
        Field("method", Choice(_METHODS), "How. Default: POST."),
        Field("query", query(*_OFFERED), "Query parameters of that request."),
        Field("headers", headers(*_OFFERED), "Headers of that request."),
        _CHANGES,
        Field("part", PARAMETER_NAME, "The part of a multipart form that is the file. Default: it is the whole body."),
    ],
    restoring.Upload,
)

FIND: Kind[restoring.Find] = Either(
    Converted(OneOrMore(SelectorText()), restoring.Find),
    Shape(
        "find",
        [
            Field("by", OneOrMore(SelectorText()), "What is equal in both: selectors over a record.", required=True),
            Field("path", path(*_OFFERED), "Where to look for it. Default: in the endpoint's own list."),
            Field("query", query(*_OFFERED), "Query parameters of that request."),
            Field("records", SelectorText(), "Where the list stands in the body. Default: the body is the list."),
            Field("paging", PAGING, "How the next page is found. Default: none."),
        ],
        restoring.Find,
        needs={"query": "path", "records": "path", "paging": "path"},
    ),
)

REFERENCE: Kind[restoring.Reference] = Either(
    Converted(_ENDPOINT_NAME, restoring.Reference),
    Shape(
        "reference",
        [
            Field("endpoint", _ENDPOINT_NAME, "Whose records are referred to.", required=True),
            Field("field", _DOTTED, "The field of theirs that stands there. Default: the id."),
            Field("required", Boolean(), "Without what it refers to a record is impossible. Default: true."),
            Field("otherwise", Text(), "What is put where what it refers to is not at the target."),
        ],
        restoring.Reference,
    ),
)

EXCEPTION = Shape(
    "restore_exception",
    [
        Field("when", SelectorText(), "Over a record: where this gives something.", required=True),
        Field("because", Text(), "Why it cannot be restored, for people.", required=True),
    ],
    lambda when, because: restoring.Impossible(because, when),
)


def _restore(impossible: str = "", exceptions: tuple[restoring.Impossible, ...] = (), **rest: Any) -> restoring.Restore:
    always = (restoring.Impossible(impossible),) if impossible else ()
    if rest.get("comes_with"):
        rest["keeps_id"] = True
    return restoring.Restore(impossible=always + exceptions, **rest)


RESTORE = Shape(
    "restore",
    [
        Field("create", CREATE, "The request that makes a record that is gone."),
        Field("update", UPDATE, "The request that makes a record that has changed as it was."),
        Field(
            "undelete",
            UNDELETE,
            "The request that takes a record out of the source's own trash. An `update` follows where it then differs.",
        ),
        Field("trashed", TOMBSTONES, "How a record says that it is in the trash, or that nothing is left of it."),
        Field("comes_with", _ENDPOINT_NAME, "The endpoint whose records bring about these, to which they belong."),
        Field("keeps_id", Boolean(), "A created record has the id that it had. Default: false."),
        Field("then_update", SelectorText(), "Over a record: where this gives something, the update follows `create`."),
        Field("find", FIND, "How a record is known again whose id is another."),
        Field("ignored", MapOf(Text(), "field"), "Fields that the source sets itself, each with why."),
        Field("references", MapOf(REFERENCE, "field"), "Fields that refer to other records, each with their endpoint."),
        Field("after", OneOrMore(_ENDPOINT_NAME), "Endpoints that are restored before this one."),
        Field("order", OneOrMore(SelectorText()), "Over a record: the order of writing. Default: by their ids."),
        Field("rename", OneOrMore(_DOTTED), "Fields that tell a duplicate from the original."),
        Field("blob", UPLOAD, "The request that puts a record's blob back."),
        Field("except", ListOf(EXCEPTION, shortest=1), "Records that cannot be restored.", attribute="exceptions"),
        Field("impossible", Text(), "Why none of the endpoint's records can be restored."),
    ],
    _restore,
    needs={"undelete": "trashed", "then_update": "update", "keeps_id": "create"},
)
