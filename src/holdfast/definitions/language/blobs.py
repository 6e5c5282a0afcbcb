"""The binary that belongs to a record: the key `blob`."""

from datetime import timedelta

from holdfast.definitions import document
from holdfast.definitions.kinds import Boolean, Duration, Kind, Reading, Schema, SelectorText, TemplateText
from holdfast.definitions.language.texts import headers
from holdfast.definitions.shapes import Field, OneOrMore, Shape
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
        Field("headers", headers("parent"), "Headers of the request for the binary."),
        Field(
            "send_credential", Boolean(), "False: not even to the API's own origin. Never to another. Default: true."
        ),
    ],
    document.Blob,
    exactly_one=[("version", "recheck")],
)
