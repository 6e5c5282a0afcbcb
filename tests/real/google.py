"""What the tests of Google's APIs share: an account that has consented, as an OAuth 2 client gets it."""

import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from tests.support.real_sources import Api, Emulate

ACCOUNT = "testuser@example.com"
_REDIRECT = "http://localhost:3000/cb"


def refresh_token(emulate: Emulate, account: str = ACCOUNT) -> str:
    """Consent as a person does in a browser, and exchange the code."""
    form = {"email": account, "redirect_uri": _REDIRECT, "scope": "openid email", "client_id": "the-client"}
    code = urllib.parse.parse_qs(_redirected(f"{emulate.url('google')}/o/oauth2/v2/auth/callback", form))["code"][0]
    answer = Api(emulate.url("google")).form(
        "/oauth2/token", grant_type="authorization_code", code=code, redirect_uri=_REDIRECT, client_id="the-client",
        client_secret="GOCSPX-secret",
    )  # fmt: skip
    token: str = answer["refresh_token"]
    return token


def given(emulate: Emulate, account: str = ACCOUNT) -> dict[str, str]:
    """The values of a Google definition's variables."""
    url = emulate.url("google")
    return {
        "client_id": "the-client", "client_secret": "GOCSPX-secret", "refresh_token": refresh_token(emulate, account),
        "base_url": url, "token_url": f"{url}/oauth2/token",
    }  # fmt: skip


def everything(api: Api, path: str, name: str, **query: Any) -> list[dict[str, Any]]:
    """All elements of a list with page tokens."""
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(path, **query)
        found += page.get(name, [])
        if not page.get("nextPageToken"):
            return found
        query["pageToken"] = page["nextPageToken"]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _redirected(url: str, form: dict[str, str]) -> str:
    """The query of where a form leads."""
    try:
        urllib.request.build_opener(_NoRedirect).open(url, urllib.parse.urlencode(form).encode())
    except urllib.error.HTTPError as error:
        return urllib.parse.urlsplit(error.headers["Location"]).query
    raise AssertionError("the form leads nowhere")
