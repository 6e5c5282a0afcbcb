"""The definition language itself: every key a document may have, what it means, and which part of the model it becomes.

The one place that knows the keys. Messages, JSON Schema and the test of docs/definition-language.md all come from it.
"""

from typing import Any

from holdfast.definitions import document
from holdfast.definitions.kinds import Boolean, Integer, Text
from holdfast.definitions.language.connection import CONNECTION
from holdfast.definitions.language.endpoints import ENDPOINT
from holdfast.definitions.language.texts import RESERVED_NAMES
from holdfast.definitions.shapes import Field, ListOf, Shape

__all__ = ["DOCUMENT", "RESERVED_NAMES"]

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
        Field("verified", Text(longest=2_000), "How it was tried, honestly: against what, and what not."),
        Field("variables", ListOf(VARIABLE), "What each instance has to fill in."),
        Field("connection", CONNECTION, "Where the API is and how to speak to it.", required=True),
        Field(
            "endpoints", ListOf(ENDPOINT, shortest=1), "The kinds of records, each a list of the API.", required=True
        ),
    ],
    _definition,
)
"""A whole document."""
