"""A source that gives a new refresh token with every access token, and takes the old one back at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import app
from holdfast.operations import instances, variables
from holdfast.operations.rebuild import rebuild
from holdfast.operations.rehearsal import rehearsed
from tests.integration.operations.test_rebuild import forget_catalog
from tests.support.hostile_source import in_thread
from tests.support.installation import Installation, installed
from tests.support.scripted_source import Asked, ScriptedSource, document

AUTH = "auth: {{type: oauth2_refresh_token, token_url: {url}/token, client_id: me, refresh_token: token}}"
ENDPOINT = """
- name: items
  path: /items
  id: id
  stable: true
  incremental: {field: id, query: {since: "{{ cursor }}"}}
"""


class Rotating:
    """Access tokens are good for three requests."""

    def __init__(self) -> None:
        self.refresh = "first"
        self.access = ""
        self.left = 0
        self.issued = 0
        self.during: Any = None

    def __call__(self, asked: Asked) -> Any:
        if asked.path == "/token":
            if asked.form["refresh_token"] != self.refresh:
                return 400, {"error": "invalid_grant"}
            self.issued += 1
            self.refresh, self.access, self.left = f"refresh-{self.issued}", f"access-{self.issued}", 3
            return {"access_token": self.access, "refresh_token": self.refresh, "expires_in": 3600}
        if asked.credential != f"Bearer {self.access}" or not self.left:
            return 401, {}
        self.left -= 1
        if self.during:
            self.during()
        return [{"id": 1}]


@pytest.fixture
def rotating() -> Rotating:
    return Rotating()


@pytest.fixture
def api(rotating: Rotating) -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(rotating)) as served:
        yield served


def the_definition(api: ScriptedSource) -> str:
    return document(api, AUTH.format(url=api.url), ENDPOINT)


def test_every_run_finds_the_token_that_the_last_one_was_given(
    installation: Installation, api: ScriptedSource, rotating: Rotating
) -> None:
    instance = installation.instance(the_definition(api), token="first")
    for issued in range(1, 4):
        run = installation.backup(instance)
        assert (run.status, rotating.issued) == ("successful", issued), run.failures
        assert variables.stored(installation.services, instance) == {"token": rotating.refresh}
    assert "since=" not in str(api.log[1].query)
    assert api.log[-1].query == {"since": "1"}, "the cursor does not depend on the token"


def test_a_catalog_made_again_from_the_vault_has_the_newest_token(
    tmp_path: Path, api: ScriptedSource, rotating: Rotating
) -> None:
    with installed(tmp_path / "home") as before:
        instance = before.instance(the_definition(api), token="first")
        before.backup(instance)
    forget_catalog(tmp_path / "home")
    with app.opened(before.services.settings) as services:
        rebuild(services)
        assert variables.stored(services, instance) == {"token": "refresh-1"}
        run = Installation(services).backup(instance)
        assert run.status == "successful", run.failures


def test_a_value_that_is_set_meanwhile_stands_and_its_cursors_are_void(
    installation: Installation, api: ScriptedSource, rotating: Rotating
) -> None:
    instance = installation.instance(the_definition(api), token="first")
    rotating.left = 0
    rotating.during = lambda: instances.set_variables(installation.services, instance, {"token": "by hand"})
    installation.backup(instance)
    rotating.during = None
    assert variables.stored(installation.services, instance) == {"token": "by hand"}
    rotating.refresh = "by hand"
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    assert api.log[-1].query == {}, "another token may be another account's"


def test_comparing_with_the_source_keeps_the_token_that_it_was_given(
    installation: Installation, api: ScriptedSource, rotating: Rotating
) -> None:
    instance = installation.instance(the_definition(api), token="first")
    with rehearsed(installation.services, instance) as rehearsal:
        assert rehearsal.is_complete, rehearsal.failures
        assert [change.key for change in rehearsal.changes()] == ["1"]
    assert variables.stored(installation.services, instance) == {"token": "refresh-1"}
    assert installation.backup(instance).status == "successful"
