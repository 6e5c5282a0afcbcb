"""Reading a `Link` header (RFC 8288): only the one question, where `rel="next"` points to."""

import re
from collections.abc import Iterable

__all__ = ["next_link"]

_PARAMETER = r'\s*;\s*([^\s=;,"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?'
_LINK = re.compile(rf"\s*,?\s*<([^>]*)>((?:{_PARAMETER})*)\s*")
_EACH_PARAMETER = re.compile(_PARAMETER)


def next_link(values: Iterable[str]) -> str | None:
    """The target of the first link whose relation is `next`, from all `Link` header values; None: there is none."""
    for value in values:
        if "next" not in value.lower():
            continue
        for link in _LINK.finditer(value):
            for parameter in _EACH_PARAMETER.finditer(link[2]):
                if parameter[1].lower() == "rel" and "next" in (parameter[2] or parameter[3] or "").lower().split():
                    return link[1].strip()
    return None
