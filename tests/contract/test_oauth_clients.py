"""OAuth libraries get a token and use it, as they are."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests.contract.client import Client, Service


@pytest.fixture
def strict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A vendor of a service with the token type that OAuth libraries insist on."""
    monkeypatch.setitem(os.environ, "OAUTHLIB_INSECURE_TRANSPORT", "1")
    with Service.started(tmp_path, works=False, token_type="bearer") as service:
        yield service.new_vendor()


@pytest.mark.parametrize("in_header", [True, False], ids=["basic", "body"])
def test_oauthlib(strict: Client, in_header: bool) -> None:
    session = OAuth2Session(client=BackendApplicationClient(client_id=strict.client_id, scope=["write"]))
    token = session.fetch_token(
        f"{strict.url}/oauth/token",
        **(
            {"auth": HTTPBasicAuth(strict.client_id, strict.client_secret)}
            if in_header
            else {"client_id": strict.client_id, "client_secret": strict.client_secret, "include_client_id": True}
        ),
    )
    assert token["token_type"] == "bearer"
    assert session.get(f"{strict.url}/v1/authenticate_vendor").json() == {}


def test_gos_oauth2_encodes_what_it_puts_into_the_basic_header(strict: Client) -> None:
    """golang.org/x/oauth2 first tries HTTP Basic with url-encoded parts, then form fields."""
    session = strict.session
    answer = session.post(
        f"{strict.url}/oauth/token",
        auth=(quote(strict.client_id, safe=""), quote(strict.client_secret, safe="")),
        data={"grant_type": "client_credentials", "scope": "write"},
        timeout=10,
    )
    assert answer.json()["token_type"] == "bearer"
