"""How a request proves who asks: from a definition's `auth` to headers and query parameters. No I/O; where the
credential may be sent is `client`'s matter, credentials that have to be got first are `sessions`'.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.definitions.document import Auth
from holdfast.errors import InputError
from holdfast.sources.exchange import Answer, Request

__all__ = ["Credential", "Fixed", "Keeper", "Send", "credential"]

Send = Callable[[Request, str], Awaitable[Answer]]
"""Sends a request as it is; the second argument names it in messages."""


@dataclass(frozen=True)
class Credential:
    """What goes with every request to the source's own origin, and nowhere else."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.headers or self.query)

    def __repr__(self) -> str:
        return f"Credential(headers={sorted(self.headers)}, query={sorted(self.query)})"


class Keeper(Protocol):
    """Who has the credential, whatever it takes to get one."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters of every credential it gives."""

    def secrets(self) -> Sequence[str]:
        """What must not be repeated in a message, as far as it is known."""

    async def credential(self, send: Send) -> Credential:
        """The credential for the next request."""

    async def renew(self, refused: Credential, send: Send) -> bool:
        """After the source has refused this one: see to another; False where there is none."""


@dataclass(frozen=True)
class Fixed:
    """A credential that is what it is."""

    value: Credential

    @property
    def query(self) -> Mapping[str, str]:
        return self.value.query

    def secrets(self) -> Sequence[str]:
        return [value.split()[-1] for value in self.value.headers.values() if value.split()]

    async def credential(self, send: Send) -> Credential:  # noqa: ARG002 - others have to ask for it
        return self.value

    async def renew(self, refused: Credential, send: Send) -> bool:  # noqa: ARG002
        return False


def credential(auth: Auth, render: Callable[[str], str]) -> Credential:
    """The credential that `auth` describes; `render` renders its templates.

    Raises InputError for values that no header can hold, without quoting them.
    """
    if auth.type == "basic":
        # RFC 7617 leaves the encoding to the server; UTF-8 is what it recommends.
        pair = f"{render(auth.username)}:{render(auth.password)}".encode()
        return Credential(headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"})
    if auth.type == "bearer":
        return Credential(headers={"Authorization": f"Bearer {_token(render(auth.token))}"})
    if auth.type == "api_key":
        key = _token(render(auth.key))
        if auth.query is not None:
            return Credential(query={auth.query: key})
        return Credential(headers={auth.header or "X-API-Key": key})
    if auth.type == "headers":
        return Credential(headers={name: _token(render(text)) for name, text in auth.headers.items()})
    return Credential()


def _token(text: str) -> str:
    if not text:
        raise InputError("the credential is empty", hint="Set the variable that holds the token or key.")
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise InputError(
            "the credential has characters that no token has (a line break, a blank at the end?)",
            hint="Set the variable again, without anything before or after the token.",
        )
    return text
