"""How the next page of a list is found: the key `paging`."""

from collections.abc import Sequence

from holdfast.definitions import document
from holdfast.definitions.kinds import Choice, Integer, SelectorText
from holdfast.definitions.language.texts import HEADER_NAME, PARAMETER_NAME
from holdfast.definitions.shapes import Converted, Field, Shape, Variants

__all__ = ["PAGING"]


_PAGE_BODY = Field("body", SelectorText(), "Where it stands in the page's body; null or nothing there is the end.")
_PAGE_HEADER = Field("header", HEADER_NAME, "The response header it stands in; its absence is the end.")
_HAS_MORE = Field("has_more", SelectorText(), "Where the body says whether another page follows (true or false).")
_TOTAL = Field("total", SelectorText(), "Where the body counts the records of the whole list; fewer are a failure.")


_INTO = Converted(SelectorText(plain=True), lambda text: tuple(text.split(".")))
_SENT = ("query", "into")
_TOLD = ("body", "header")


def _paging(kind: str, doc: str, *fields: Field, exactly_one: Sequence[tuple[str, ...]] = ()) -> Shape[document.Paging]:
    known = [Field("type", Choice([kind]), doc, required=True), *fields]
    return Shape(f"paging_{kind}", known, document.Paging, exactly_one=exactly_one)


def _sends(what: str) -> tuple[Field, Field]:
    return (
        Field("query", PARAMETER_NAME, f"The query parameter that sends {what}."),
        Field("into", _INTO, f"Where the request's body sends {what}, as `variables.after`.", feature="request_body"),
    )


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
            exactly_one=[_TOLD],
        ),
        "cursor": _paging(
            "cursor",
            "A token that is sent back to get the next page.",
            *_sends("it back"),
            _PAGE_BODY,
            _PAGE_HEADER,
            _HAS_MORE,
            _TOTAL,
            exactly_one=[_TOLD, _SENT],
        ),
        "page": _paging(
            "page",
            "A page number.",
            *_sends("it"),
            Field("start", Integer(0, 1), "The first page's number. Default: 1."),
            Field("total_pages", SelectorText(), "Where the body says how many pages there are."),
            _HAS_MORE,
            _TOTAL,
            exactly_one=[_SENT],
        ),
        "offset": _paging(
            "offset",
            "The number of records received so far.",
            *_sends("it"),
            Field("start", Integer(0, 1), "What is sent for the first page. Default: 0.", attribute="first_offset"),
            _HAS_MORE,
            _TOTAL,
            exactly_one=[_SENT],
        ),
    },
    bare=["none", "link_header"],
)
