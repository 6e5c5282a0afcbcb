"""The definition language itself: every key a document may have, what it means, and which part of the model it becomes.

The one place that knows the keys. Messages, JSON Schema and the test of docs/definition-language.md all come from it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import (
    Boolean,
    Choice,
    Duration,
    Integer,
    Kind,
    Reading,
    Scalar,
    Schema,
    SelectorText,
    Size,
    TemplateText,
    Text,
)
from holdfast.definitions.shapes import Converted, Either, Field, ListOf, MapOf, OneOrMore, Shape, Variants
from holdfast.definitions.yaml_tree import Node

__all__ = ["DOCUMENT", "RESERVED_NAMES"]

RESERVED_NAMES = ("parent", "record", "cursor")
"""What templates call the things that are no variables."""

# Set by the HTTP client, or able to make one request look like two.
_OWN_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "range")
_STATUS = Integer(100, 599)
_HEADER_NAME = Text("the name of a header", pattern=r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PARAMETER_NAME = Text("the name of a query parameter", pattern=r"[^\s\x00-\x1f]+")


def _headers(*offers: str) -> MapOf[str]:
    return MapOf(TemplateText(*offers), "header", key_pattern=_HEADER_NAME.pattern or "", reserved=_OWN_HEADERS)


def _query(*offers: str) -> MapOf[str]:
    return MapOf(TemplateText(*offers), "query parameter")


def _path(*offers: str) -> TemplateText:
    expression = r"\{\{(?:[^}]|\}(?!\}))*\}\}"
    return TemplateText(
        *offers,
        expected="a path that begins with `/`, without `?` and `#`",
        pattern=rf"(?=/|\{{\{{)(?:{expression}|[^?#\s{{])+",
    )


VARIABLE = Shape(
    "variable",
    [
        Field(
            "key",
            Text("a name of letters, digits and _", pattern=r"[A-Za-z_][A-Za-z0-9_]*", longest=64),
            "What templates call it.",
            required=True,
        ),
        Field("name", Text(longest=200), "What people call it; the key where it is left out."),
        Field("description", Text(), "What it is, and where to find it."),
        Field("secret", Boolean(), "Sealed in storage, never shown, never in a message. Default: false."),
        Field("optional", Boolean(), "A backup runs without it. Default: false."),
        Field("default", Text(loose=True), "The value where an instance sets none."),
    ],
    lambda key, name=None, **rest: document.Variable(key, name or key, **rest),
)

AUTH = Variants(
    "auth",
    {
        "none": Shape("auth_none", [Field("type", Choice(["none"]), "No credential.", required=True)], document.Auth),
        "basic": Shape(
            "auth_basic",
            [
                Field("type", Choice(["basic"]), "HTTP Basic: a name and a password.", required=True),
                Field("username", TemplateText(), "The name.", required=True),
                Field("password", TemplateText(), "The password; empty where it is left out."),
            ],
            document.Auth,
        ),
        "bearer": Shape(
            "auth_bearer",
            [
                Field("type", Choice(["bearer"]), "`Authorization: Bearer TOKEN`.", required=True),
                Field("token", TemplateText(), "The token.", required=True),
            ],
            document.Auth,
        ),
        "api_key": Shape(
            "auth_api_key",
            [
                Field("type", Choice(["api_key"]), "A key in a header or a query parameter.", required=True),
                Field("key", TemplateText(), "The header's or parameter's whole value.", required=True),
                Field("header", _HEADER_NAME, "The header that carries it."),
                Field("query", _PARAMETER_NAME, "The query parameter that carries it."),
            ],
            document.Auth,
            exactly_one=[("header", "query")],
        ),
    },
    bare=["none"],
)

LIMITS = Shape(
    "limits",
    [
        Field("requests", Integer(1, 1_000_000), "How many requests may begin in each `per`. Default: no limit."),
        Field("per", Duration(), "The length of time that `requests` counts for. Default: 1s."),
        Field("concurrency", Integer(1, 256), "How many requests may be under way at once. Default: 4."),
    ],
    document.Limits,
    needs={"per": "requests"},
)

RETRY = Shape(
    "retry",
    [
        Field("attempts", Integer(1, 100), "How often a request is sent before its page counts as failed. Default: 6."),
        Field(
            "first_wait", Duration(), "The wait before the second attempt; each further one doubles. Default: 500ms."
        ),
        Field("longest_wait", Duration(), "No wait is longer, unless the source asks for it. Default: 60s."),
        Field(
            "statuses",
            Converted(ListOf(_STATUS), tuple),
            "Statuses that are tried again. Default: 408, 425, 429, 500, 502, 503, 504.",
        ),
    ],
    document.Retry,
)

CHECK = Shape(
    "check",
    [
        Field("path", _path(), "Asked for with GET.", required=True),
        Field("query", _query(), "Query parameters of that request."),
    ],
    document.Check,
)

CONNECTION = Shape(
    "connection",
    [
        Field(
            "base_url",
            TemplateText(expected="a URL that begins with http:// or https://", pattern=r"(?:https?://\S|\{\{).*"),
            "Where the API is; paths are appended to it. Its origin is the only one that is sent the credential.",
            required=True,
        ),
        Field("auth", AUTH, "How a request proves who asks. Default: none."),
        Field("headers", _headers(), "Headers of every request to the API."),
        Field("query", _query(), "Query parameters of every request to the API."),
        Field("limits", LIMITS, "What the source can bear."),
        Field("retry", RETRY, "How failing requests are tried again."),
        Field("check", CHECK, "A cheap request that succeeds only with a good credential, sent before anything else."),
        Field("timeout", Duration(), "How long the source may stay silent. Default: 60s."),
        Field("page_bytes", Size(), "A page larger than this, after decompression, is refused. Default: 64MiB."),
    ],
    document.Connection,
)

_PAGE_BODY = Field("body", SelectorText(), "Where it stands in the page's body; null or nothing there is the end.")
_PAGE_HEADER = Field("header", _HEADER_NAME, "The response header it stands in; its absence is the end.")
_HAS_MORE = Field("has_more", SelectorText(), "Where the body says whether another page follows (true or false).")
_TOTAL = Field("total", SelectorText(), "Where the body counts the records of the whole list; fewer are a failure.")


def _paging(kind: str, doc: str, *fields: Field, exactly_one: tuple[str, ...] | None = None) -> Shape[document.Paging]:
    return Shape(
        f"paging_{kind}",
        [Field("type", Choice([kind]), doc, required=True), *fields],
        document.Paging,
        exactly_one=[exactly_one] if exactly_one else [],
    )


def _paging_query(what: str) -> Field:
    return Field("query", _PARAMETER_NAME, f"The query parameter that sends {what}.", required=True)


PAGING = Variants(
    "paging",
    {
        "none": _paging("none", "One page."),
        "link_header": _paging("link_header", 'The `Link` header with rel="next".', _TOTAL),
        "next_url": _paging(
            "next_url",
            "The next page's URL.",
            _PAGE_BODY,
            _PAGE_HEADER,
            _HAS_MORE,
            _TOTAL,
            exactly_one=("body", "header"),
        ),
        "cursor": _paging(
            "cursor",
            "A token that is sent back to get the next page.",
            _paging_query("it back"),
            _PAGE_BODY,
            _PAGE_HEADER,
            _HAS_MORE,
            _TOTAL,
            exactly_one=("body", "header"),
        ),
        "page": _paging(
            "page",
            "A page number.",
            _paging_query("it"),
            Field("start", Integer(0, 1), "The first page's number. Default: 1."),
            Field("total_pages", SelectorText(), "Where the body says how many pages there are."),
            _HAS_MORE,
            _TOTAL,
        ),
        "offset": _paging(
            "offset",
            "The number of records received so far.",
            _paging_query("it"),
            Field("start", Integer(0, 1), "What is sent for the first page. Default: 0.", attribute="first_offset"),
            _HAS_MORE,
            _TOTAL,
        ),
    },
    bare=["none", "link_header"],
)


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
            "query", _query("cursor", "parent"), "Query parameters that ask for changes since `cursor`.", required=True
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


@dataclass(frozen=True)
class _Record:
    path: str
    select: str = ""


RECORD = Shape(
    "record",
    [
        Field("path", _path("record", "parent"), "Its path, with `record` for the record's fields.", required=True),
        Field("select", SelectorText(), "Where the record stands in the body. Default: the body is the record."),
    ],
    _Record,
)


class _Recheck(Kind[timedelta | None]):
    """A duration, or `never` for None."""

    expected = "a duration such as `30d`, or `never`"

    def read(self, node: Node, reading: Reading) -> timedelta | None:
        if node.text == "never":
            return None
        return Duration(expected=self.expected).read(node, reading)

    def schema(self) -> Schema:
        return {"anyOf": [Duration().schema(), {"enum": ["never"]}]}


BLOB = Shape(
    "blob",
    [
        Field(
            "url",
            TemplateText("record", "parent", expected="a URL or path, with {{ expressions }}"),
            "Where the binary is; a record in which a field of it is missing or null has none.",
            required=True,
        ),
        Field("version", OneOrMore(SelectorText()), "Selectors whose values change whenever the bytes do."),
        Field(
            "recheck",
            _Recheck(),
            "Without a version: how old a download may be before it is asked for again, or `never`.",
        ),
        Field("content_type", SelectorText(), "Where the record says the content type. Default: the response's."),
        Field("name", SelectorText(), "Where the record says the file's name. Default: the response's."),
        Field("size", SelectorText(), "Where the record says the size in bytes; a download of another size fails."),
        Field("headers", _headers("parent"), "Headers of the request for the binary."),
        Field(
            "send_credential", Boolean(), "False: not even to the API's own origin. Never to another. Default: true."
        ),
    ],
    document.Blob,
    exactly_one=[("version", "recheck")],
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
        Field("path", _path("parent"), "Where the list is, appended to `base_url`.", required=True),
        Field("method", Choice(["GET"]), "How the list is asked for. Default: GET."),
        Field("query", _query("parent"), "Query parameters of each page."),
        Field("headers", _headers("parent"), "Headers of each page's request."),
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


def _definition(holdfast: str, **rest: Any) -> document.Definition:  # noqa: ARG001 - the version has done its work
    return document.Definition(**rest)


DOCUMENT = Shape(
    "definition",
    [
        Field("holdfast", Integer(1, 1), "The version of the language: 1.", required=True),
        Field("name", Text(longest=200), "What the application is called.", required=True),
        Field("description", Text(), "One sentence: what is backed up."),
        Field(
            "documentation", Text(longest=50_000), "For its users: which rights a credential needs, what is left out."
        ),
        Field("variables", ListOf(VARIABLE), "What each instance has to fill in."),
        Field("connection", CONNECTION, "Where the API is and how to speak to it.", required=True),
        Field(
            "endpoints", ListOf(ENDPOINT, shortest=1), "The kinds of records, each a list of the API.", required=True
        ),
    ],
    _definition,
)
"""A whole document."""
