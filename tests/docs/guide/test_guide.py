"""Every example of docs/definitions reads everything that a server as its section describes has: first, after nothing
has changed, after changes, and once more in full."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog.instances import Instance
from holdfast.operations import instances
from tests.docs.guide import access, changes, paging, shapes
from tests.docs.guide.api import SERVERS, Api
from tests.docs.guide.pages import FOLDER, sections
from tests.support.hostile_source import in_thread
from tests.support.installation import Installation, installed
from tests.support.scripted_source import Asked, ScriptedSource

MODULES = (access, changes, paging, shapes)
"""Imported for the servers that they mark."""
SECTIONS = sections()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made


def assert_same(installation: Installation, instance: Instance, api: Api) -> None:
    for endpoint, records in api.truth().items():
        stored = {key: json.loads(raw) for key, raw in installation.records(instance, endpoint).items()}
        expected = {key: api.compared(record) for key, record in records.items()}
        assert {key: api.compared(record) for key, record in stored.items()} == expected, endpoint
    for endpoint, raws in api.raws().items():
        assert installation.records(instance, endpoint) == raws
    state = installation.state(instance)
    for (endpoint, key), data in api.blobs().items():
        record = installation.browser.record(state, endpoint, key)
        assert b"".join(installation.browser.blob(state, record).read()) == data, (endpoint, key)


def back_up(installation: Installation, instance: Instance, api: Api, **options: Any) -> Mapping[str, Any]:
    """The counters of a good backup after which everything is as the source has it."""
    api.requests = 0
    run = installation.backup(instance, **options)
    assert run.status == "successful" and not run.failures, run.failures
    assert_same(installation, instance, api)
    return run.counters


def test_every_section_has_its_server_and_every_server_its_section() -> None:
    assert set(SERVERS) == set(SECTIONS)


@pytest.mark.parametrize(("page", "title"), SECTIONS, ids=lambda text: text.removesuffix(".md"))
def test_an_example_reads_everything(installation: Installation, page: str, title: str) -> None:
    api = SERVERS[page, title]()

    def files(asked: Asked) -> Any:
        assert asked.credential is None, "the credential belongs to the API alone"
        return api.file(asked)

    with ExitStack() as stack:
        main, other = (stack.enter_context(in_thread(ScriptedSource(script))) for script in (api, files))
        api.url, api.files_url = main.url, other.url
        document = SECTIONS[page, title].document(api=main.url, login=main.url, files=other.url)
        instance = installation.instance(document, token="t0ken", **api.given)

        first = back_up(installation, instance, api)
        assert first["new"] == sum(map(len, api.truth().values()))
        unchanged = back_up(installation, instance, api)
        assert {unchanged[name] for name in ("new", "changed", "deleted", "blobs", "packs")} == {0}
        assert api.idle_requests in (None, api.requests)
        api.change()
        back_up(installation, instance, api)
        again = back_up(installation, instance, api, full=True)
        assert again["packs"] == 0
        if api.refuses:
            instances.set_variables(installation.services, instance, api.refuses)
            run = installation.backup(instance)
            assert (run.status, [one["code"] for one in run.failures]) == ("failed", ["credential_refused"])
            assert_same(installation, instance, api)


def test_every_page_is_asked_as_a_question_in_the_guide() -> None:
    guide = (FOLDER.parent / "definitions.md").read_text(encoding="utf-8")
    for page in FOLDER.glob("*.md"):
        assert f"](definitions/{page.name})" in guide, page.name
