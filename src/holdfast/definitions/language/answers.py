"""What an answer means that is not what its status says: the key `answers`."""

from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import Choice, Kind, Scalar, SelectorText, Text
from holdfast.definitions.language.texts import HEADER_NAME, STATUS, TIME_FORM
from holdfast.definitions.shapes import Field, ListOf, MapOf, OneOrMore, Shape

__all__ = ["ANSWERS"]

_MEANINGS = ["throttled", "credential", "gone", "retry", "skip", "failed", "expired"]

_WAIT: Shape[dict[str, Any]] = Shape(
    "wait",
    [
        Field("header", HEADER_NAME, "The response header.", required=True, attribute="wait"),
        Field("as", TIME_FORM, "How it tells the time: seconds, unix, unix_ms or time.", attribute="wait_as"),
    ],
    dict,
)


def _rule(wait: dict[str, Any] | None = None, **rest: Any) -> document.AnswerRule:
    return document.AnswerRule(**rest, **(wait or {}))


ANSWERS: Kind[tuple[document.AnswerRule, ...]] = ListOf(
    Shape(
        "answer",
        [
            Field("status", OneOrMore(STATUS), "The statuses it is about. Default: any.", attribute="statuses"),
            Field("headers", MapOf(Text(loose=True), "header"), "Headers that must have these values."),
            Field(
                "body",
                MapOf(Scalar(), "selector", key_pattern=r"[^\x00-\x1f]+"),
                "Selectors over the body that must have these values.",
            ),
            Field("contains", Text(), "Text that must stand somewhere in the body."),
            Field("means", Choice(_MEANINGS), "What such an answer means.", required=True),
            Field("because", Text(), "With `skip`: the permanent cause, for the report of the run."),
            Field("message", SelectorText(), "Where the body says for people what is wrong."),
            Field("wait", _WAIT, "The header that says how long to wait."),
        ],
        _rule,
    ),
    shortest=1,
)
