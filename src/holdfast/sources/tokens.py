"""Credentials that have to be asked for: what an OAuth 2 token endpoint or a login is sent, and what its answer means.
No I/O: `sessions` asks, keeps and renews.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

from holdfast.definitions.document import Login, OAuth2
from holdfast.definitions.expressions import template
from holdfast.definitions.selectors import selector
from holdfast.errors import CredentialRefused, InputError, PageUnreadable, SourceError, SourceRefused
from holdfast.sources.answers import refusal
from holdfast.sources.assertions import assertion
from holdfast.sources.bodies import Content
from holdfast.sources.exchange import Answer, Request
from holdfast.sources.splitter import decode_leniently

__all__ = ["Grant", "LoginGrant", "OAuth2Grant", "Token", "refresh_token"]

Render = Callable[[str], str]
"""Renders a template that knows the variables."""
RenderOptional = Callable[[str], str | None]
"""The same; None where a variable has no value."""
_REFUSED = frozenset({400, 401, 403})


@dataclass(frozen=True)
class Token:
    """What an answer gives. No text of it may get into a message."""

    access: str = field(repr=False)
    lifetime_s: float | None
    """None: the answer does not say."""
    refresh: str | None = field(default=None, repr=False)
    """The refresh token to use from now on, where the answer has one."""


class Grant(Protocol):
    """One way to get a token."""

    what: str
    """The request, in messages."""
    variable: str | None
    """The key of the variable that holds the refresh token; None: there is none."""

    def request(self, now: datetime, refresh_token: str | None) -> Request:
        """What to send; `now` by the source's clock. Raises InputError for variables that cannot be right."""

    def read(self, answer: Answer) -> Token:
        """The token in an answer. Raises CredentialRefused, SourceRefused, PageUnreadable."""

    def headers(self, token: Token) -> Mapping[str, str]:
        """The headers that carry it."""


class OAuth2Grant:
    """A token endpoint (RFC 6749, RFC 7523)."""

    def __init__(self, settings: OAuth2, render: Render, optional: RenderOptional) -> None:
        self._settings = settings
        self._render = render
        self._optional = optional
        self.variable = settings.refresh_token or None
        self.what = "the request for a token"

    def request(self, now: datetime, refresh_token: str | None) -> Request:
        settings, render = self._settings, self._render
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        form: dict[str, str] = {}
        if settings.grant == "jwt_bearer":
            form["grant_type"] = "urn:ietf:params:oauth:grant-type:jwt-bearer"
            form["assertion"] = assertion(
                self._given(settings.claims),
                render(settings.private_key), now, algorithm=settings.algorithm, key_id=render(settings.key_id),
            )  # fmt: skip
        else:
            form["grant_type"] = settings.grant
            if settings.grant == "refresh_token":
                form["refresh_token"] = refresh_token or ""
            client_id, client_secret = render(settings.client_id), render(settings.client_secret)
            if settings.client_auth == "basic" and client_secret:
                # RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
                pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
                headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            else:
                form["client_id"] = client_id
                if client_secret:
                    form["client_secret"] = client_secret
        form |= self._given({**({"scope": settings.scope} if settings.scope else {}), **settings.parameters})
        return Request(render(settings.token_url), headers, "POST", urlencode(form).encode())

    def _given(self, templates: Mapping[str, str]) -> dict[str, str]:
        """Rendered, without those whose variable has no value."""
        rendered = ((name, self._optional(text)) for name, text in templates.items())
        return {name: text for name, text in rendered if text is not None}

    def read(self, answer: Answer) -> Token:
        content = _content(answer, self.what)
        access, lifetime, refresh = (content.get(key) for key in ("access_token", "expires_in", "refresh_token"))
        if not isinstance(access, str) or not access:
            raise _without_token(answer, content, self.what, "access_token")
        return Token(access, _seconds(lifetime), refresh if isinstance(refresh, str) and refresh else None)

    def headers(self, token: Token) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token.access}"}


class LoginGrant:
    """A request to the API itself that gives a session token."""

    variable: str | None = None

    def __init__(
        self, login: Login, url: str, headers: Mapping[str, str], variables: Mapping[str, Any], render: Render
    ) -> None:
        """`url` and `headers` are rendered already."""
        self._login = login
        self._url = url
        self._headers = headers
        self._variables = variables
        self._render = render
        self.what = "the login"

    def request(self, now: datetime, refresh_token: str | None) -> Request:  # noqa: ARG002 - needs neither
        content = Content(self._login.body, self._variables)
        headers = {**self._headers, "Content-Type": content.content_type}
        return Request(self._url, headers, "POST", content.encoded())

    def read(self, answer: Answer) -> Token:
        login = self._login
        if login.token_header:
            return self._from_header(answer)
        content = _content(answer, self.what)
        token = selector(login.token).find(content)
        if isinstance(token, int) and not isinstance(token, bool):
            token = str(token)
        if not isinstance(token, str) or not token:
            raise _without_token(answer, content, self.what, login.token)
        return Token(token, _seconds(selector(login.expires_in).find(content)) if login.expires_in else None)

    def _from_header(self, answer: Answer) -> Token:
        """The token of an answer whose body need not be JSON. Raises SourceError."""
        login = self._login
        if not answer.is_success or login.expires_in:
            content = _content(answer, self.what)
            lifetime = _seconds(selector(login.expires_in).find(content)) if login.expires_in else None
        else:
            lifetime = None
        values = [value.strip() for value in answer.headers.getall(login.token_header, []) if value.strip()]
        if not values:
            raise SourceRefused(
                f"{self.what}: the answer has no header `{login.token_header}`", status=answer.status,
                hint="Does the source take the login? Some answer 200 with what is wrong in the body.",
            )  # fmt: skip
        if login.token_header.lower() == "set-cookie":
            return Token("; ".join(value.partition(";")[0].strip() for value in values), lifetime)
        return Token(values[-1], lifetime)

    def headers(self, token: Token) -> Mapping[str, str]:
        return {self._login.header: template(self._login.value).render(**self._variables, session=token.access)}


def _content(answer: Answer, what: str) -> Mapping[str, Any]:
    """The JSON object of a success. Raises SourceError for anything else."""
    if not answer.is_success:
        error: SourceError = refusal(answer.status, answer.body, what, answer.verdict)
        if answer.verdict is None and answer.status in _REFUSED:
            error = CredentialRefused(
                str(error), status=answer.status,
                hint="Client id, secret, token or key are wrong, or no longer valid: set the variables again.",
            )  # fmt: skip
        raise error
    try:
        content = decode_leniently(answer.body)
    except PageUnreadable as error:
        raise SourceRefused(f"{what}: the answer is no JSON", status=answer.status) from error
    if not isinstance(content, dict):
        raise SourceRefused(f"{what}: the answer is no JSON object", status=answer.status)
    return content


def _without_token(answer: Answer, content: Mapping[str, Any], what: str, where: str) -> SourceError:
    """Some say what is wrong in a 200. What else the answer has may be secret, so only its keys are shown."""
    said = [str(content[key])[:200] for key in ("error", "error_description", "message") if content.get(key)]
    if said:
        return CredentialRefused(
            f"{what}: the source answered {answer.status}: {', '.join(said)}", status=answer.status
        )
    keys = ", ".join(f"`{key}`" for key in list(content)[:20]) or "nothing"
    return SourceRefused(f"{what}: the answer has no token at `{where}`, but {keys}", status=answer.status)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return float(value)
    return float(value) if isinstance(value, int | float) and value > 0 else None


def refresh_token(variables: Mapping[str, str | None], key: str | None) -> str | None:
    """The refresh token in the variable `key`. Raises InputError where it is not set."""
    if key is None:
        return None
    token = variables.get(key)
    if not token:
        raise InputError(f"the variable {key} must be set", field=key, code="missing_variable")
    return token
