"""Where an API is and how to speak to it: the key `connection`."""

from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import Duration, Integer, Size, TemplateText
from holdfast.definitions.language.answers import ANSWERS
from holdfast.definitions.language.auth import AUTH
from holdfast.definitions.language.texts import HEADER_NAME, STATUS, TIME_FORM, headers, path, query
from holdfast.definitions.shapes import Converted, Field, ListOf, OneOrMore, Shape

__all__ = ["CONNECTION"]


_URL = r"(?:https?://\S|\{\{).*"
_QUOTA = Shape(
    "quota",
    [
        Field("remaining", HEADER_NAME, "The response header that says how many requests are left.", required=True),
        Field("reset", HEADER_NAME, "The response header that says when there will be more.", required=True),
        Field("as", TIME_FORM, "How it tells the time: seconds, unix, unix_ms or time.", attribute="reset_as"),
        Field("reserve", Integer(0, 1_000_000), "How many are left to others. Default: 0."),
    ],
    document.Quota,
)


def _limits(**given: Any) -> document.Limits:
    return document.Limits(**given, concurrency_is_stated="concurrency" in given)


LIMITS = Shape(
    "limits",
    [
        Field("requests", Integer(1, 1_000_000), "How many requests may begin in each `per`. Default: no limit."),
        Field("per", Duration(), "The length of time that `requests` counts for. Default: 1s."),
        Field("concurrency", Integer(1, 256), "How many requests may be under way at once. Default: 4."),
        Field("quota", _QUOTA, "The headers that tell how many requests are left.", feature="quota"),
    ],
    _limits,
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
            Converted(ListOf(STATUS), tuple),
            "Statuses that are tried again. Default: 408, 425, 429, 500, 502, 503, 504.",
        ),
    ],
    document.Retry,
)

CHECK = Shape(
    "check",
    [
        Field("path", path(), "Asked for with GET.", required=True),
        Field("query", query(), "Query parameters of that request."),
    ],
    document.Check,
)

CONNECTION = Shape(
    "connection",
    [
        Field(
            "base_url",
            TemplateText(expected="a URL that begins with http:// or https://", pattern=_URL),
            "Where the API is; paths are appended to it. Its origin is sent the credential.",
            required=True,
        ),
        Field("auth", AUTH, "How a request proves who asks. Default: none."),
        Field(
            "origins",
            OneOrMore(TemplateText(expected="a URL that begins with http:// or https://", pattern=_URL)),
            "More origins of the API, such as that of its files: they are sent the credential as well.",
        ),
        Field("headers", headers(), "Headers of every request to the API."),
        Field("query", query(), "Query parameters of every request to the API."),
        Field("limits", LIMITS, "What the source can bear."),
        Field("retry", RETRY, "How failing requests are tried again."),
        Field("check", CHECK, "A cheap request that succeeds only with a good credential, sent before anything else."),
        Field("answers", ANSWERS, "What answers mean that is not what their status says.", feature="errors"),
        Field("timeout", Duration(), "How long the source may stay silent. Default: 60s."),
        Field("page_bytes", Size(), "A page larger than this, after decompression, is refused. Default: 64MiB."),
    ],
    document.Connection,
)
