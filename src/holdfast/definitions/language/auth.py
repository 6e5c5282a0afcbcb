"""How a request proves who asks: the key `auth`."""

from typing import Any, cast

from holdfast.definitions import document
from holdfast.definitions.kinds import Choice, JsonTemplate, SelectorText, TemplateText, Text
from holdfast.definitions.language.texts import HEADER_NAME, PARAMETER_NAME, headers, path
from holdfast.definitions.shapes import Field, MapOf, Shape, Variants

__all__ = ["AUTH"]


_TOKEN_URL = Field("token_url", TemplateText(), "Where tokens come from.", required=True)
_SCOPE = Field("scope", TemplateText(), "The scopes asked for.")
_PARAMETERS = Field("parameters", MapOf(TemplateText(), "form field"), "More form fields of the token request.")
_CLIENT = [
    Field("client_id", TemplateText(), "The client's id.", required=True),
    Field("client_secret", TemplateText(), "The client's secret."),
    Field("client_auth", Choice(["basic", "body"]), "How both are sent: HTTP Basic, or in the body. Default: basic."),
]


def _oauth2(word: str, grant: str, doc: str, *fields: Field) -> Shape[document.Auth]:
    def make(**given: Any) -> document.Auth:
        rest = {key: value for key, value in given.items() if key != "type"}
        return document.Auth("oauth2", oauth2=document.OAuth2(cast(Any, grant), **rest))

    return Shape(f"auth_{word}", [Field("type", Choice([word]), doc, required=True), *fields], make, feature="oauth2")


def _login(type: Any, json: object = None, form: dict[str, str] | None = None, **rest: Any) -> document.Auth:
    return document.Auth(type, login=document.Login(body=document.RequestBody(json=json, form=form), **rest))


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
        "headers": Shape(
            "auth_headers",
            [
                Field("type", Choice(["headers"]), "Several headers that are the credential together.", required=True),
                Field("headers", headers(), "The headers.", required=True),
            ],
            document.Auth,
            feature="header_credentials",
        ),
        "oauth2_refresh_token": _oauth2(
            "oauth2_refresh_token",
            "refresh_token",
            "OAuth 2 with a refresh token, which may rotate.",
            _TOKEN_URL,
            *_CLIENT,
            Field("refresh_token", Text(), "The key of the variable that holds it.", required=True),
            _SCOPE,
            _PARAMETERS,
        ),
        "oauth2_client_credentials": _oauth2(
            "oauth2_client_credentials",
            "client_credentials",
            "OAuth 2 with a client id and secret alone.",
            _TOKEN_URL,
            *_CLIENT,
            _SCOPE,
            _PARAMETERS,
        ),
        "oauth2_jwt": _oauth2(
            "oauth2_jwt",
            "jwt_bearer",
            "OAuth 2 with a signed JWT, as service accounts have.",
            _TOKEN_URL,
            Field("private_key", TemplateText(), "The key that signs, in PEM.", required=True),
            Field("key_id", TemplateText(), "The key's id, for the header of the JWT."),
            Field("algorithm", Choice(["RS256", "ES256"]), "How it signs. Default: RS256."),
            Field("claims", MapOf(TemplateText(), "claim"), "Claims: iss, sub, aud, scope ...", required=True),
            _PARAMETERS,
        ),
        "login": Shape(
            "auth_login",
            [
                Field("type", Choice(["login"]), "A request that gives a session token.", required=True),
                Field("path", path(), "Where to log in; asked with POST.", required=True),
                Field("json", JsonTemplate(), "What is sent, as JSON."),
                Field("form", MapOf(TemplateText(), "form field"), "What is sent, as a form."),
                Field("token", SelectorText(), "Where the answer has the token."),
                Field("token_header", HEADER_NAME, "The response header that has it; of Set-Cookie, the cookies."),
                Field("expires_in", SelectorText(), "Where the answer says how many seconds the token is good for."),
                Field("header", HEADER_NAME, "The header that carries the token. Default: Authorization."),
                Field("value", TemplateText("session"), "What that header says. Default: Bearer {{ session }}."),
            ],
            _login,
            exactly_one=[("json", "form"), ("token", "token_header")],
            feature="login",
        ),
    },
    bare=["none"],
)
