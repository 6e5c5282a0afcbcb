"""What a request sends: the keys `json`, `form` and `graphql`."""

from holdfast.definitions import document
from holdfast.definitions.kinds import JsonTemplate, TemplateText, Text
from holdfast.definitions.shapes import Field, MapOf, Shape

__all__ = ["request_body"]


def request_body(name: str, *offers: str) -> Shape[document.RequestBody]:
    """A body whose texts may use the names offered and the variables."""
    return Shape(
        name,
        [
            Field("json", JsonTemplate(*offers), "Sent as JSON; its texts may have expressions."),
            Field("form", MapOf(TemplateText(*offers), "form field"), "Sent as a form."),
            Field("graphql", Text(longest=50_000), "The text of a GraphQL query, sent as it is."),
            Field("variables", JsonTemplate(*offers), "The variables of that query; its texts may have expressions."),
        ],
        document.RequestBody,
        exactly_one=[("json", "form", "graphql")],
        needs={"variables": "graphql"},
    )
