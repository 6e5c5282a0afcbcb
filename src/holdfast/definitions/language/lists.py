"""Lists beside an endpoint's own: where they are and how they are paged."""

from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import SelectorText
from holdfast.definitions.language.paging import PAGING
from holdfast.definitions.language.texts import path, query
from holdfast.definitions.shapes import Field, OneOrMore

__all__ = ["ID_PARTS", "list_fields", "split_listing"]

ID_PARTS = OneOrMore(SelectorText())
"""The selectors of an id."""


def list_fields(*offers: str) -> list[Field]:
    """The keys that say where a list is; its templates may use `parent` and the names offered."""
    return [
        Field("path", path("parent", *offers), "Where the list is, appended to `base_url`.", required=True),
        Field("query", query("parent", *offers), "Query parameters of each page."),
        Field("records", SelectorText(), "Where the list stands in the body. Default: the body is the list."),
        Field("paging", PAGING, "How the next page is found. Default: none."),
    ]


def split_listing(given: dict[str, Any]) -> tuple[document.Listing, dict[str, Any]]:
    """The list that the values of `list_fields` make, and the other values."""
    own = {key: given[key] for key in ("path", "query", "records", "paging") if key in given}
    return document.Listing(**own), {key: value for key, value in given.items() if key not in own}
