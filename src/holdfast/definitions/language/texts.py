"""The texts that several parts of the language share: paths, query parameters, headers, and their names."""

from holdfast.definitions.kinds import Choice, Integer, TemplateText, Text
from holdfast.definitions.shapes import MapOf

__all__ = ["HEADER_NAME", "PARAMETER_NAME", "RESERVED_NAMES", "STATUS", "TIME_FORM", "headers", "path", "query"]

RESERVED_NAMES = ("parent", "grandparent", "record", "cursor", "answer", "session", "idempotency_key", "blob")
"""What templates call the things that are no variables."""
STATUS = Integer(100, 599)
TIME_FORM = Choice(["seconds", "unix", "unix_ms", "time"])
"""See `document.TimeForm`."""
HEADER_NAME = Text("the name of a header", pattern=r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
PARAMETER_NAME = Text("the name of a query parameter", pattern=r"[^\s\x00-\x1f]+")

# Set by the HTTP client, or able to make one request look like two.
_OWN_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "range")


def headers(*offers: str) -> MapOf[str]:
    """Headers by their names; the values may use the names offered and the variables."""
    return MapOf(TemplateText(*offers), "header", key_pattern=HEADER_NAME.pattern or "", reserved=_OWN_HEADERS)


def query(*offers: str) -> MapOf[str]:
    """Query parameters by their names."""
    return MapOf(TemplateText(*offers), "query parameter")


def path(*offers: str) -> TemplateText:
    """A path below `base_url`. A query has a key of its own, so that its values are encoded as a query's."""
    expression = r"\{\{(?:[^}]|\}(?!\}))*\}\}"
    return TemplateText(
        *offers,
        expected="a path that begins with `/`, with neither `?`, `#` nor blanks, and braces only in {{ expressions }}",
        pattern=rf"(?=/|\{{\{{)(?:{expression}|[^?#\s{{])+",
    )
