"""Tokens from OAuth 2 and logins against a real server: got once, renewed in time, never lost, never shown."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from holdfast.errors import CredentialRefused, InputError, SourceError, SourceFailed, SourceRefused
from holdfast.sources.page import Page
from holdfast.sources.source import Source
from tests.support.fake_time import FakeTime
from tests.support.scripted_source import Asked, ScriptedSource, open_source
from tests.unit.sources.test_assertions import RSA, pem

CLIENT = "client_id: me, client_secret: 'p:ss wörd'"
REFRESH = f"auth: {{type: oauth2_refresh_token, token_url: URL/token, {CLIENT}, refresh_token: token}}"
CLIENT_CREDENTIALS = (
    f"auth: {{type: oauth2_client_credentials, token_url: URL/token, {CLIENT}, scope: 'a b', parameters: {{aud: x}}}}"
)
JWT = (
    'auth: {type: oauth2_jwt, token_url: URL/token, private_key: "{{ token }}", claims: {iss: me, aud: URL/token}}'
)  # fmt: skip
LOGIN = 'auth: {type: login, path: /login, json: {user: me, password: "{{ token }}"}, token: data.sid, expires_in: ttl}'


class Tokens:
    """A source that wants the newest token of its own, and gives them at /token and /login."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer
        self.issued = 0
        self.good: set[str] = set()
        self.refresh: str | None = None
        self.fails: list[Any] = []

    def __call__(self, asked: Asked) -> Any:
        if asked.path in {"/token", "/login"}:
            if self.fails:
                return self.fails.pop(0)
            if self.refresh is not None and asked.form.get("refresh_token") != self.refresh:
                return 400, {"error": "invalid_grant", "error_description": "used up"}
            self.issued += 1
            token = f"access-{self.issued}-secret"
            self.good = {f"Bearer {token}"}
            if self.refresh is not None:
                self.refresh = f"refresh-{self.issued}-secret"
                return {"access_token": token, "refresh_token": self.refresh, **self.answer}
            return {"access_token": token, "data": {"sid": token}, **self.answer}
        if asked.credential not in self.good:
            return 401, {"error": f"bad credential {asked.credential}"}
        return {"items": [{"id": len(self.good)}]}


async def pages(source: Source) -> list[Page]:
    return [page async for page in source.pages("items")]


def opened(api: ScriptedSource, auth: str, **more: Any) -> Source:
    return open_source(api, auth.replace("URL", api.url), **more)


async def test_client_credentials_are_sent_as_the_standard_says() -> None:
    tokens = Tokens(expires_in=3600, token_type="bearer")
    async with ScriptedSource(tokens) as api, opened(api, CLIENT_CREDENTIALS) as source:
        await pages(source)
        await pages(source)
    asked = api.log[0]
    assert asked.form == {"grant_type": "client_credentials", "scope": "a b", "aud": "x"}
    pair = base64.b64decode((asked.credential or "").removeprefix("Basic ")).decode()
    assert pair == "me:p%3Ass+w%C3%B6rd"
    assert api.paths == ["/token", "/items", "/items"]
    assert source.requests == 3


async def test_a_client_can_be_sent_in_the_body() -> None:
    auth = CLIENT_CREDENTIALS.replace("scope:", "client_auth: body, scope:")
    async with ScriptedSource(Tokens()) as api, opened(api, auth) as source:
        await pages(source)
    assert api.log[0].form["client_secret"] == "p:ss wörd"
    assert api.log[0].credential is None


async def test_a_service_account_signs_a_jwt() -> None:
    async with ScriptedSource(Tokens()) as api, opened(api, JWT, variables={"token": pem(RSA)}) as source:
        await pages(source)
    assert api.log[0].form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert api.log[0].form["assertion"].count(".") == 2


async def test_a_jwt_that_our_clock_made_useless_is_made_again_by_the_sources_clock() -> None:
    tokens = Tokens()
    late = {"Date": "Tue, 24 Nov 2020 12:00:00 GMT"}
    tokens.fails = [web.json_response({"error": "invalid_grant"}, status=400, headers=late)]
    async with ScriptedSource(tokens) as api, opened(api, JWT, variables={"token": pem(RSA)}) as source:
        await pages(source)
    issued = [
        json.loads(base64.urlsafe_b64decode(asked.form["assertion"].split(".")[1] + "==")) for asked in api.log[:2]
    ]
    assert issued[0]["iat"] - issued[1]["iat"] > 5 * 365 * 86400


async def test_a_token_is_renewed_before_it_expires() -> None:
    time = FakeTime()
    async with ScriptedSource(Tokens(expires_in=3600)) as api, opened(api, CLIENT_CREDENTIALS, time=time) as source:
        await pages(source)
        time.now_s += 3500
        await pages(source)
        assert api.paths.count("/token") == 1
        time.now_s += 50
        await pages(source)
        assert api.paths == ["/token", "/items", "/items", "/token", "/items"]


@pytest.mark.parametrize("auth", [CLIENT_CREDENTIALS, LOGIN])
async def test_a_token_that_is_refused_is_renewed_once_for_everybody(auth: str) -> None:
    tokens = Tokens()
    async with ScriptedSource(tokens) as api, opened(api, auth) as source:
        await pages(source)
        tokens.good.clear()
        await asyncio.gather(*(pages(source) for _ in range(4)))
        assert tokens.issued == 2
        assert all(len(page.ids) == 1 for page in await pages(source))


async def test_a_source_that_refuses_every_token_is_a_refused_credential() -> None:
    tokens = Tokens()
    async with ScriptedSource(tokens) as api, opened(api, CLIENT_CREDENTIALS) as source:
        api.script = lambda asked: tokens(asked) if asked.path == "/token" else (401, {"said": asked.credential})
        with pytest.raises(CredentialRefused, match=r"answered 401: .*\*\*\*") as caught:
            await pages(source)
    assert "secret" not in str(caught.value)
    assert api.paths == ["/token", "/items", "/token", "/items"]


async def test_a_new_refresh_token_is_stored_before_anything_is_done_with_it() -> None:
    tokens = Tokens(expires_in=600)
    tokens.refresh = "t0ken-secret"
    stored: list[tuple[str, str, int]] = []
    time = FakeTime()
    async with ScriptedSource(tokens) as api:
        keep: Callable[[str, str], None] = lambda key, value: stored.append((key, value, len(api.log)))  # noqa: E731
        async with opened(api, REFRESH, token_rotated=keep, time=time) as source:
            await pages(source)
            time.now_s += 600
            await pages(source)
    assert stored == [("token", "refresh-1-secret", 1), ("token", "refresh-2-secret", 3)]
    assert api.log[2].form["refresh_token"] == "refresh-1-secret"
    assert [asked.path for asked in api.log] == ["/token", "/items", "/token", "/items"]


async def test_a_refresh_token_that_cannot_be_stored_ends_everything() -> None:
    tokens = Tokens()
    tokens.refresh = "t0ken-secret"

    def fail(key: str, value: str) -> None:
        raise OSError("no space left")

    async with ScriptedSource(tokens) as api, opened(api, REFRESH, token_rotated=fail) as source:
        with pytest.raises(OSError, match="no space left"):
            await pages(source)
    assert api.paths == ["/token"]


async def test_the_same_refresh_token_again_is_stored_by_nobody() -> None:
    answer = {"access_token": "a", "refresh_token": "t0ken-secret"}
    stored: list[str] = []
    script = lambda asked: answer if asked.path == "/token" else {"items": []}  # noqa: E731
    async with (
        ScriptedSource(script) as api,
        opened(api, REFRESH, token_rotated=lambda key, value: stored.append(value)) as source,
    ):
        await pages(source)
    assert not stored


async def test_a_refresh_token_is_not_used_where_nobody_would_store_the_next_one() -> None:
    async with ScriptedSource(Tokens()) as api:
        with pytest.raises(InputError, match="nobody is there to store the new one"):
            opened(api, REFRESH)
        with pytest.raises(InputError, match="the variable token must be set"):
            opened(api, REFRESH, token_rotated=lambda key, value: None, variables={"token": ""})


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ((400, {"error": "invalid_grant"}), CredentialRefused, "the request for a token: the source answered 400"),
        ((401, {"error": "invalid_client"}), CredentialRefused, "invalid_client"),
        ({"error": "bad_refresh_token"}, CredentialRefused, "answered 200: bad_refresh_token"),
        ({"token": "x-hush-hush"}, SourceRefused, "the answer has no token at `access_token`, but `token`"),
        (web.Response(text="<html>"), SourceRefused, "the answer is no JSON"),
        ([], SourceRefused, "no JSON object"),
        ((404, {}), SourceRefused, "answered 404"),
    ],
)
async def test_an_answer_without_a_token_says_why(answer: Any, kind: type[SourceError], message: str) -> None:
    tokens = Tokens()
    tokens.fails = [answer]
    async with ScriptedSource(tokens) as api, opened(api, CLIENT_CREDENTIALS) as source:
        with pytest.raises(kind, match=message) as caught:
            await pages(source)
    assert "hush" not in str(caught.value)


async def test_a_token_endpoint_that_stumbles_is_asked_again() -> None:
    tokens = Tokens()
    tokens.fails = [(503, {}), (429, {})]
    async with ScriptedSource(tokens) as api, opened(api, CLIENT_CREDENTIALS) as source:
        assert len(await pages(source)) == 1
        tokens.good.clear()
        tokens.fails = [(500, {"error": "x"})] * 9
        with pytest.raises(SourceFailed, match="the request for a token: the source answered 500"):
            await pages(source)


async def test_the_credential_of_a_token_endpoint_follows_no_redirect() -> None:
    async with ScriptedSource(lambda asked: {"access_token": "x"}) as other:
        away = web.Response(status=307, headers={"Location": f"{other.url}/token"})
        async with ScriptedSource(lambda asked: away) as api, opened(api, CLIENT_CREDENTIALS) as source:
            with pytest.raises(SourceRefused, match="answered 307"):
                await pages(source)
        assert not other.log


async def test_a_token_endpoint_may_be_elsewhere_and_the_token_stays_at_home() -> None:
    tokens = Tokens()
    async with ScriptedSource(tokens) as issuer, ScriptedSource(tokens) as api:
        async with opened(api, CLIENT_CREDENTIALS.replace("URL", issuer.url)) as source:
            assert len(await pages(source)) == 1
        assert (issuer.paths, api.paths) == (["/token"], ["/items"])
        api.script = lambda asked: web.Response(status=302, headers={"Location": f"{issuer.url}/items"})
        async with opened(api, CLIENT_CREDENTIALS.replace("URL", issuer.url)) as source:
            with pytest.raises(SourceRefused, match="leads to another address"):
                await pages(source)


async def test_a_login_gives_a_token_for_the_header_the_definition_names() -> None:
    auth = LOGIN.replace("ttl}", 'ttl, header: X-Session, value: "sid={{ session }}"}')
    async with (
        ScriptedSource(lambda asked: {"data": {"sid": 7}} if asked.path == "/login" else {"items": []}) as api,
        opened(api, auth) as source,
    ):
        await pages(source)
    assert api.log[0].json == {"user": "me", "password": "t0ken-secret"}
    assert api.log[1].headers["X-Session"] == "sid=7"


@pytest.mark.parametrize(
    ("where", "header", "sent"),
    [
        ('token_header: X-Subject-Token, value: "Token {{ session }}"', "Authorization", "Token t1"),
        ('token_header: Set-Cookie, header: Cookie, value: "{{ session }}"', "Cookie", "sid=t1; region=eu"),
    ],
)
async def test_a_login_gives_its_token_in_a_header(where: str, header: str, sent: str) -> None:
    def script(asked: Asked) -> Any:
        if asked.path != "/login":
            return {"items": []} if asked.headers.get(header) == sent else (401, {})
        answer = web.Response(text="welcome", headers={"X-Subject-Token": "t1"})
        answer.headers.add("Set-Cookie", "sid=t1; Path=/; HttpOnly")
        answer.headers.add("Set-Cookie", "region=eu; Secure")
        return answer

    auth = f"auth: {{type: login, path: /login, form: {{p: x}}, {where}}}"
    async with ScriptedSource(script) as api, opened(api, auth) as source:
        await pages(source)
    assert api.log[1].headers[header] == sent


async def test_a_login_without_the_header_says_so() -> None:
    auth = "auth: {type: login, path: /login, form: {p: x}, token_header: X-Session}"
    async with ScriptedSource(lambda asked: {"ok": False}) as api, opened(api, auth) as source:
        with pytest.raises(SourceRefused, match="the answer has no header `X-Session`") as raised:
            await pages(source)
    assert raised.value.asked == f"POST {api.url}/login"


@pytest.mark.parametrize("rule", ["", "\nanswers: [{body: {ok: false}, means: credential, message: why}]"])
async def test_a_refused_login_is_a_refused_credential(rule: str) -> None:
    answer = (200, {"ok": False, "why": "wrong password"}) if rule else (403, {"error": "wrong password"})
    async with ScriptedSource(lambda asked: answer) as api, opened(api, LOGIN + rule) as source:
        with pytest.raises(CredentialRefused, match=r"the login: the source answered .*wrong password"):
            await pages(source)


async def test_a_blob_gets_a_new_token_too() -> None:
    endpoint = (
        '- {name: items, path: /items, id: id, records: items, blob: {url: "/files/{{ record.id }}", version: id}}'
    )
    tokens = Tokens()
    connection = CLIENT_CREDENTIALS + "\nlimits: {concurrency: 1}"
    async with ScriptedSource(tokens) as api, opened(api, connection, endpoints=endpoint) as source:
        for _ in range(2):
            async with source.blob("items", None, {"id": 1}) as blob:
                assert b"items" in b"".join([piece async for piece in blob])
            tokens.good.clear()
    assert api.paths == ["/token", "/files/1", "/files/1", "/token", "/files/1"]
