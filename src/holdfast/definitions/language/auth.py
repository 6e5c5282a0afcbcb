"""How a request proves who asks: the key `auth`."""

from holdfast.definitions import document
from holdfast.definitions.kinds import Choice, TemplateText
from holdfast.definitions.language.texts import HEADER_NAME, PARAMETER_NAME
from holdfast.definitions.shapes import Field, Shape, Variants

__all__ = ["AUTH"]


AUTH = Variants(
    "auth",
    {
        "none": Shape("auth_none", [Field("type", Choice(["none"]), "No credential.", required=True)], document.Auth),
        "basic": Shape(
            "auth_basic",
            [
                Field("type", Choice(["basic"]), "HTTP Basic: a name and a password.", required=True),
                Field("username", TemplateText(), "The name.", required=True),
                Field("password", TemplateText(), "The password; empty where it is left out."),
            ],
            document.Auth,
        ),
        "bearer": Shape(
            "auth_bearer",
            [
                Field("type", Choice(["bearer"]), "`Authorization: Bearer TOKEN`.", required=True),
                Field("token", TemplateText(), "The token.", required=True),
            ],
            document.Auth,
        ),
        "api_key": Shape(
            "auth_api_key",
            [
                Field("type", Choice(["api_key"]), "A key in a header or a query parameter.", required=True),
                Field("key", TemplateText(), "The header's or parameter's whole value.", required=True),
                Field("header", HEADER_NAME, "The header that carries it."),
                Field("query", PARAMETER_NAME, "The query parameter that carries it."),
            ],
            document.Auth,
            exactly_one=[("header", "query")],
        ),
    },
    bare=["none"],
)
