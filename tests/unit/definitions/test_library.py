import pytest

from holdfast.definitions import library
from holdfast.definitions.expressions import template
from holdfast.definitions.selectors import selector
from holdfast.errors import NotFound


def test_the_built_in_definitions_are_listed() -> None:
    assert set(library.names()) == {
        "devpi", "github", "gmail", "google-calendar", "google-drive", "kinto", "linear", "matrix", "slack", "stripe",
    }  # fmt: skip
    assert list(library.names()) == sorted(library.names())


@pytest.mark.parametrize("name", library.names())
def test_each_loads_and_says_which_rights_it_needs_and_what_limits_it_keeps(name: str) -> None:
    definition = library.load(name)
    assert definition.description
    assert "Rights:" in (definition.documentation or "")
    assert "Limits:" in (definition.documentation or "")
    assert "Left out:" in (definition.documentation or "")


@pytest.mark.parametrize("name", library.names())
def test_each_says_against_what_it_was_tried_and_what_not(name: str) -> None:
    verified = library.load(name).verified or ""
    mark, _, compared = verified.partition("\n\n")
    assert mark.startswith("Against ")
    assert "; never against " in mark or (mark.startswith("Against a real ") and name in {"devpi", "kinto", "matrix"})
    assert compared.startswith("Compared")


@pytest.mark.parametrize("name", library.names())
def test_each_can_prove_its_credential_and_confirm_an_absence(name: str) -> None:
    definition = library.load(name)
    assert definition.connection.check is not None
    for endpoint in definition.endpoints:
        lists_again = (name == "matrix" and endpoint.name in {"rooms", "users"}) or name == "slack"
        assert endpoint.record_path or endpoint.detail or endpoint.stable or lists_again, endpoint.name


@pytest.mark.parametrize("name", library.names())
def test_the_credential_is_a_secret(name: str) -> None:
    definition = library.load(name)
    secrets = {variable.key for variable in definition.variables if variable.secret}
    auth = definition.connection.auth
    texts = [auth.password, auth.token, auth.key]
    if auth.oauth2 is not None:
        texts += [auth.oauth2.client_secret, f"{{{{ {auth.oauth2.refresh_token} }}}}"]
    if auth.login is not None:
        texts += [text for text in auth.login.body.templates() if "password" in text and "{{" in text]
    used = set().union(*(template(text).names for text in texts))
    assert used
    assert used <= secrets


def test_an_unknown_one_is_not_found_and_the_nearest_named() -> None:
    with pytest.raises(NotFound, match="Did you mean `kinto`"):
        library.read("kintoo")
    with pytest.raises(NotFound, match="There are: "):
        library.read("../../errors")


def test_github_asks_for_the_files_of_a_release_in_its_repository() -> None:
    assets = library.load("github").endpoint("release_assets")
    release = {"url": "https://api.github.com/repos/octo/hello world/releases/7"}
    path = template(assets.path).render_path(base_url="https://api.github.com", parent=release)
    assert path == "/repos/octo/hello%20world/releases/7/assets"


def test_kinto_has_no_file_where_a_record_has_no_attachment() -> None:
    blob = library.load("kinto").endpoint("records").blob
    assert blob is not None
    assert template(blob.url).render_url(record={"id": "a"}) == ""
    assert template(blob.url).render_url(record={"attachment": {"location": "http://x/y"}}) == "http://x/y"


def test_github_restores_nothing_that_was_said_in_a_pull_request() -> None:
    restore = library.load("github").endpoint("issue_comments").restore
    assert restore is not None
    (exception,) = restore.impossible
    assert selector(exception.when).find({"html_url": "https://github.com/o/r/pull/7#issuecomment-1"})
    assert not selector(exception.when).find({"html_url": "https://github.com/o/r/issues/7#issuecomment-1"})
