"""The binary that belongs to a record: the key `blob`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import Boolean, Choice, Duration, Kind, Reading, Schema, SelectorText, TemplateText
from holdfast.definitions.language.answers import ANSWERS
from holdfast.definitions.language.texts import headers, path, query
from holdfast.definitions.shapes import Converted, Either, Field, OneOrMore, Shape
from holdfast.definitions.yaml_tree import Node

__all__ = ["BLOB"]


class _Recheck(Kind[timedelta | None]):
    """A duration, or `never` for None."""

    expected = "a duration such as `30d`, or `never`"

    def read(self, node: Node, reading: Reading) -> timedelta | None:
        if node.text == "never":
            return None
        return Duration(expected=self.expected).read(node, reading)

    def schema(self) -> Schema:
        return {"anyOf": [Duration().schema(), {"enum": ["never"]}]}


@dataclass(frozen=True)
class _Lookup:
    path: str
    query: Mapping[str, str] = field(default_factory=dict)


LOOKUP: Kind[_Lookup] = Either(
    Converted(path("record", "parent"), _Lookup),
    Shape(
        "lookup",
        [
            Field("path", path("record", "parent"), "The path, where it has query parameters.", required=True),
            Field("query", query("record", "parent"), "Query parameters of that request."),
        ],
        _Lookup,
    ),
)


def _blob(url: str = "", lookup: _Lookup | None = None, **rest: Any) -> document.Blob:
    if lookup is not None:
        rest |= {"lookup": lookup.path, "lookup_query": lookup.query}
    return document.Blob(url, **rest)


BLOB = Shape(
    "blob",
    [
        Field(
            "url",
            TemplateText("record", "parent", "answer", expected="a URL or path, with {{ expressions }}"),
            "Where the binary is; a record in which a field of it is missing or null has none.",
        ),
        Field(
            "inline",
            SelectorText(),
            "Instead of a URL: where the record, or the answer of `lookup`, has the binary as text.",
            feature="inline_blob",
        ),
        Field(
            "encoding",
            Choice(["base64", "text"]),
            "How `inline` is encoded: base64 (either alphabet) or text. Default: base64.",
            feature="inline_blob",
        ),
        Field(
            "lookup",
            LOOKUP,
            "A path that is asked for first; its JSON is `answer` in `url`, or holds `inline`.",
            feature="inline_blob",
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
        Field(
            "checksum",
            SelectorText(),
            "Where the record has a checksum, MD5 or SHA, in hex or base64; a download with another fails.",
        ),
        Field("headers", headers("parent"), "Headers of the request for the binary."),
        Field(
            "send_credential", Boolean(), "False: not even to the API's own origin. Never to another. Default: true."
        ),
        Field(
            "answers",
            ANSWERS,
            "What answers to the requests for the binary mean that is not what their status says.",
            feature="errors",
        ),
    ],
    _blob,
    exactly_one=[("url", "inline"), ("version", "recheck")],
    needs={"encoding": "inline"},
)
