"""Servers of docs/definitions: credentials, logins, OAuth 2, rate limits, errors."""

import base64
import json
import time
from typing import Any, ClassVar
from urllib.parse import parse_qs

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.docs.guide.api import Notes, Record, Records, keyed, paged, reply, tells
from tests.support.scripted_source import Asked


@tells("limits.md", "Rate limits")
class TooMany(Notes):
    """The first request of all is refused; the next must not come within the second that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.until = 0, 0.0

    def answer(self, asked: Asked) -> Any:
        self.asked += 1
        if self.asked == 1:
            self.until = time.monotonic() + 0.9
            return reply({"error": "slow down"}, 429, Retry_After="1")
        assert time.monotonic() >= self.until
        return {"notes": self.listed()}


@tells("limits.md", "The headers have other names")
class Quota(Notes):
    """Once it says that one request is left, which belongs to others; who sends another is locked out."""

    def __init__(self) -> None:
        super().__init__()
        self.until = 0.0

    def answer(self, asked: Asked) -> Any:
        if time.monotonic() < self.until:
            return 403, {"error": "you were told"}
        page = paged(asked, self.listed())
        if asked.query.get("cursor") == "10" and not self.until:
            self.until = time.monotonic() + 0.9
            return reply(page, X_Calls_Left="1", X_Calls_Reset="1")
        return reply(page, X_Calls_Left="50", X_Calls_Reset="60")


@tells("limits.md", "A throttle that looks like something else")
class OddThrottle(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.throttles = [(403, {"message": "API rate limit exceeded"}), (200, {"error": "too_many"})]

    def answer(self, asked: Asked) -> Any:
        if self.throttles and asked.query.get("cursor") == "10":
            status, content = self.throttles.pop()
            return reply(content, status, X_Try_Again="0", Retry_After="0")
        return paged(asked, self.listed())


@tells("errors.md", "Errors in an answer 200")
class OkFalse(Notes):
    refuses: ClassVar[dict[str, str]] = {"token": "revoked"}

    def __init__(self) -> None:
        super().__init__()
        self.errors = ["ratelimited", "internal"]

    def is_allowed(self, asked: Asked) -> bool:
        return True

    def answer(self, asked: Asked) -> Any:
        if asked.credential != "Bearer t0ken":
            return {"ok": False, "error": "token_revoked"}
        if self.errors and asked.query.get("cursor") == "10":
            return reply({"ok": False, "error": self.errors.pop()}, Retry_After="0")
        return paged(asked, self.listed()) | {"ok": True}


@tells("errors.md", "A login page with status 200")
class LoginPage(Notes):
    refuses: ClassVar[dict[str, str]] = {"token": "expired"}

    def is_allowed(self, asked: Asked) -> bool:
        return True

    def answer(self, asked: Asked) -> Any:
        if asked.credential != "Bearer t0ken":
            return web.Response(text="<h1>Please log in</h1>", content_type="text/html", charset="utf-8")
        return {"notes": self.listed()}


@tells("errors.md", "Something is never to be had")
class LegalHold(Notes):
    def answer(self, asked: Asked) -> Any:
        if asked.path == "/notes":
            return {"notes": [{"id": note["id"], "rev": note["rev"]} for note in self.listed()]}
        if asked.path == "/notes/4":
            return 403, {"code": "legal_hold"}
        found = self.one(asked)
        return found and found["note"]

    def truth(self) -> dict[str, Records]:
        return {"notes": keyed(note for note in self.listed() if note["id"] != 4)}


@tells("errors.md", "Some parents have no such list")
class NoSuchList(Notes):
    folders = ({"id": 1}, {"id": 2}, {"id": 3})

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/folders":
            return {"folders": list(self.folders)}
        folder = int(asked.path.split("/")[2])
        return (410, {"error": "switched off"}) if folder == 2 else {"notes": self.listed()}

    def truth(self) -> dict[str, Records]:
        notes = keyed(self.listed(), above="1~") | keyed(self.listed(), above="3~")
        return {"folders": keyed(self.folders), "notes": notes}


@tells("errors.md", "The page token expires while the list is read")
class ExpiringPages(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.expires = True

    def answer(self, asked: Asked) -> Any:
        if self.expires and asked.query.get("cursor") == "20":
            self.expires = False
            return 400, {"error": "cursor_expired"}
        return paged(asked, self.listed())


class Guarded(Notes):
    """Its list and `/me` only for who is allowed."""

    def answer(self, asked: Asked) -> Any:
        return {"login": "ann"} if asked.path == "/me" else {"notes": self.listed()}


@tells("credentials.md", "A token in the Authorization header")
class Bearer(Guarded):
    refuses: ClassVar[dict[str, str]] = {"token": "wrong"}


@tells("credentials.md", "User and password, or a key as the user")
class Basic(Guarded):
    refuses: ClassVar[dict[str, str]] = {"token": "wrong"}

    def is_allowed(self, asked: Asked) -> bool:
        return asked.credential == f"Basic {base64.b64encode(b't0ken:').decode()}"


@tells("credentials.md", "A key in a header, or in the address")
class Key(Guarded):
    refuses: ClassVar[dict[str, str]] = {"token": "wrong"}

    def is_allowed(self, asked: Asked) -> bool:
        return asked.headers.get("X-Api-Key") == "t0ken"


@tells("credentials.md", "Several headers together")
class Headers(Key):
    def is_allowed(self, asked: Asked) -> bool:
        return super().is_allowed(asked) and asked.headers.get("X-Application") == "holdfast"


@tells("credentials.md", "A bad token is answered with public data")
class Public(Guarded):
    refuses: ClassVar[dict[str, str]] = {"token": "wrong"}

    def is_allowed(self, asked: Asked) -> bool:
        return asked.path == "/notes" or super().is_allowed(asked)

    def answer(self, asked: Asked) -> Any:
        if asked.credential != "Bearer t0ken":
            return {"notes": self.listed()[:2]}
        return super().answer(asked)


class Session(Guarded):
    """Each login gives another token, good for three requests; then it is refused, whatever was said."""

    given: ClassVar[dict[str, str]] = {"user": "ann", "password": "s3cret"}
    refuses: ClassVar[dict[str, str]] = {"password": "wrong"}

    def __init__(self) -> None:
        super().__init__()
        self.logins, self.left = 0, 0

    def login(self, asked: Asked) -> bool:
        self.logins, self.left = self.logins + 1, 3
        return bool(self.credentials(asked) == {"user": "ann", "password": "s3cret"})

    def credentials(self, asked: Asked) -> Any:
        return asked.json

    def sent(self, asked: Asked) -> str | None:
        return asked.credential

    def expected(self) -> str:
        return f"Bearer session-{self.logins}"

    def is_allowed(self, asked: Asked) -> bool:
        if asked.path == "/login":
            return self.login(asked)
        self.left -= 1
        return self.left >= 0 and self.sent(asked) == self.expected()

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/login":
            return {"id": f"session-{self.logins}", "session": {"token": f"session-{self.logins}", "seconds": 3600}}
        return super().answer(asked)


@tells("login.md", "A login gives a token")
class Login(Session):
    pass


@tells("login.md", "The session goes elsewhere")
class Cookie(Session):
    def credentials(self, asked: Asked) -> Any:
        return asked.form

    def sent(self, asked: Asked) -> str | None:
        return asked.headers.get("Cookie")

    def expected(self) -> str:
        return f"session=session-{self.logins}"


class OAuth(Guarded):
    """Every access token is good for three requests."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.left = 0, 0

    def granted(self, asked: Asked, form: dict[str, str]) -> bool:
        raise NotImplementedError

    def more(self) -> Record:
        return {}

    def is_allowed(self, asked: Asked) -> bool:
        if asked.path == "/oauth2/token":
            return True
        self.left -= 1
        return self.left >= 0 and asked.credential == f"Bearer access-{self.tokens}"

    def answer(self, asked: Asked) -> Any:
        if asked.path != "/oauth2/token":
            return super().answer(asked)
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if not self.granted(asked, form):
            return 400, {"error": "invalid_grant"}
        self.tokens, self.left = self.tokens + 1, 3
        return {"access_token": f"access-{self.tokens}", "token_type": "Bearer", "expires_in": 3600} | self.more()


@tells("oauth.md", "A refresh token")
class Rotating(OAuth):
    """Each refresh token is good once."""

    given: ClassVar[dict[str, str]] = {"client_id": "me", "client_secret": "s3cret", "refresh_token": "refresh-0"}
    refuses: ClassVar[dict[str, str]] = {"refresh_token": "revoked"}

    def granted(self, asked: Asked, form: dict[str, str]) -> bool:
        return form == {
            "grant_type": "refresh_token", "client_id": "me", "client_secret": "s3cret",
            "refresh_token": f"refresh-{self.tokens}",
        }  # fmt: skip

    def more(self) -> Record:
        return {"refresh_token": f"refresh-{self.tokens}"}


@tells("oauth.md", "Client credentials")
class ClientCredentials(OAuth):
    given: ClassVar[dict[str, str]] = {"client_id": "me", "client_secret": "s3cret"}
    refuses: ClassVar[dict[str, str]] = {"client_secret": "wrong"}

    def granted(self, asked: Asked, form: dict[str, str]) -> bool:
        return asked.credential == f"Basic {base64.b64encode(b'me:s3cret').decode()}" and form == {
            "grant_type": "client_credentials", "scope": "read", "audience": "notes",
        }  # fmt: skip


_KEY = ec.generate_private_key(ec.SECP256R1())


@tells("oauth.md", "A signed JWT")
class Jwt(OAuth):
    given: ClassVar[dict[str, str]] = {
        "email": "holdfast@example.com",
        "private_key": _KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    }

    def granted(self, asked: Asked, form: dict[str, str]) -> bool:
        signed, _, signature = form["assertion"].rpartition(".")
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        raw = _decoded(signature)
        numbers = (int.from_bytes(half) for half in (raw[:32], raw[32:]))
        _KEY.public_key().verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(hashes.SHA256()))
        said = {name: claims.get(name) for name in ("iss", "sub", "scope")}
        return header["alg"] == "ES256" and said == {"iss": "holdfast@example.com", "sub": None, "scope": "read"}


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
