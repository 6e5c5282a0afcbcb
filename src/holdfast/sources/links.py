"""Reading a `Link` header (RFC 8288): only the one question, where a relation such as `rel="next"` points to."""

import re
from collections.abc import Iterable

__all__ = ["link_to", "next_link"]

_PARAMETER = r'\s*;\s*([^\s=;,"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?'
_LINK = re.compile(rf"\s*,?\s*<([^>]*)>((?:{_PARAMETER})*)\s*")
_EACH_PARAMETER = re.compile(_PARAMETER)


def next_link(values: Iterable[str]) -> str | None:
    """The target of the first link whose relation is `next`, from all `Link` header values; None: there is none."""
    return link_to(values, "next")


def link_to(values: Iterable[str], relation: str) -> str | None:
    """The same for any relation, in lower case."""
    for value in values:
        if relation not in value.lower():
            continue
        for link in _LINK.finditer(value):
            for parameter in _EACH_PARAMETER.finditer(link[2]):
                if parameter[1].lower() == "rel" and relation in (parameter[2] or parameter[3] or "").lower().split():
                    return link[1].strip()
    return None
