"""How a request proves who asks: from a definition's `auth` to headers and query parameters. No I/O; where the
credential may be sent is `client`'s matter.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from holdfast.definitions.document import Auth
from holdfast.errors import InputError

__all__ = ["Credential", "credential"]


@dataclass(frozen=True)
class Credential:
    """What goes with every request to the source's own origin, and nowhere else."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.headers or self.query)

    def __repr__(self) -> str:
        return f"Credential(headers={sorted(self.headers)}, query={sorted(self.query)})"


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
