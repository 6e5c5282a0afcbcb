"""URLs and headers as definitions describe them."""

from typing import Any

import pytest

from holdfast.definitions.document import Blob, Connection, Definition, Endpoint, Incremental, Variable
from holdfast.errors import InputError, SourceRefused
from holdfast.sources.page import Parent
from holdfast.sources.targets import Targets, with_parameter


def _targets(variables: dict[str, str] | None = None, **connection: Any) -> Targets:
    definition = Definition(
        name="x",
        connection=Connection(**{"base_url": "{{ base_url }}", **connection}),
        endpoints=(),
        variables=(
            Variable("base_url", "Address", default="https://api.example/v1/"),
            Variable("token", "Token", secret=True, optional=True),
            Variable("team", "Team", optional=True),
        ),
    )
    return Targets(definition, variables or {})


def _endpoint(path: str, **settings: Any) -> Endpoint:
    return Endpoint(name="items", path=path, id=("id",), **settings)


def test_a_listing_has_the_connections_and_its_own_query() -> None:
    targets = _targets({"team": "a b"}, query={"team": "{{ team }}", "v": "2"})
    endpoint = _endpoint("/items", query={"v": "3", "fields": "id,name", "page": "9"})
    assert targets.listing(endpoint, None, None, "page") == (
        "https://api.example/v1/items?team=a%20b&v=3&fields=id,name"
    )


def test_a_query_parameter_whose_variable_is_not_set_is_left_out() -> None:
    targets = _targets(query={"team": "{{ team }}", "flag": ""})
    assert targets.url("/items", {}, {}) == "https://api.example/v1/items?flag="


def test_parents_fields_are_encoded_in_paths() -> None:
    parent = Parent("k", {"name": "a/b ?é", "id": 7})
    endpoint = _endpoint("/repos/{{ parent.name }}/{{ parent.id }}")
    assert _targets().listing(endpoint, parent, None, None) == "https://api.example/v1/repos/a%2Fb%20%3F%C3%A9/7"
    with pytest.raises(SourceRefused, match="segments"):
        _targets().listing(endpoint, Parent("k", {"name": "..", "id": 7}), None, None)
    with pytest.raises(SourceRefused, match="name"):
        _targets().listing(endpoint, Parent("k", {"id": 7}), None, None)
    by_name = _endpoint("/repos", query={"name": "{{ parent.name }}"})
    with pytest.raises(SourceRefused, match="surrogate"):
        _targets().listing(by_name, Parent("k", {"name": "\ud83d"}), None, None)


def test_a_cursor_brings_the_incremental_query() -> None:
    endpoint = _endpoint("/items", query={"sort": "up"}, incremental=Incremental("u", {"since": "{{ cursor }}"}))
    assert _targets().listing(endpoint, None, None, None) == "https://api.example/v1/items?sort=up"
    assert _targets().listing(endpoint, None, "2026-01-01T00:00:00+01:00", None) == (
        "https://api.example/v1/items?sort=up&since=2026-01-01T00:00:00%2B01:00"
    )


def test_one_more_parameter_is_appended_encoded() -> None:
    assert with_parameter("https://x/i", ("after", "a&b=")) == "https://x/i?after=a%26b%3D"
    assert with_parameter("https://x/i?a=1", ("page", "2")) == "https://x/i?a=1&page=2"
    assert with_parameter("https://x/i", None) == "https://x/i"


def test_headers_of_the_endpoint_win_whatever_their_case() -> None:
    targets = _targets(
        {"token": "t"}, headers={"accept": "application/x", "X-Team": "{{ team }}", "X-T": "{{ token }}"}
    )
    assert targets.headers({"x-t": "other"}) == {"accept": "application/x", "x-t": "other"}
    assert targets.headers({}, of_blob=True)["Accept"] == "*/*"
    assert targets.headers({"Accept": "image/png"}, of_blob=True)["Accept"] == "image/png"
    with pytest.raises(InputError, match="the header X-T has a line break"):
        _targets({"token": "a\r\nX: y"}, headers={"X-T": "{{ token }}"}).headers({})


def test_it_is_known_whether_headers_or_query_hold_a_secret() -> None:
    assert _targets({"token": "t0k"}, headers={"X-T": "Key {{ token }}"}).has_secrets
    targets = _targets({"token": "t0k", "team": "a"}, query={"key": "{{ token }}", "team": "{{ team }}"})
    assert targets.secret_query == {"key": "t0k"}
    assert targets.url("/items", {}, {}) == "https://api.example/v1/items?team=a"
    assert targets.secrets() == ["t0k"]
    assert targets.has_secrets
    assert not _targets({"team": "a"}, query={"team": "{{ team }}"}).has_secrets


def test_a_blob_is_where_its_record_says() -> None:
    def blob(url: str, **record: Any) -> str | None:
        return _targets().blob(Blob(url), None, record)

    assert blob("{{ record.file.url }}", file={"url": "https://cdn.example/a%20b?sig=x"}) == (
        "https://cdn.example/a%20b?sig=x"
    )
    assert blob("/files/{{ record.id }}/content", id="a/b") == "https://api.example/v1/files/a%2Fb/content"
    assert blob("{{ record.file.url }}", file=None) is None
    assert blob("{{ record.file.url }}", file={"url": ""}) is None
    assert blob("/files/{{ record.id }}") is None
