"""Blobs that come without a download of their own, or only after a second call."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hostile_source import in_thread
from tests.support.installation import Installation
from tests.support.scripted_source import Asked, ScriptedSource, document

ENDPOINTS = """
- {name: pictures, path: /pictures, id: id, stable: true, blob: {inline: data, version: sha}}
- name: letters
  path: /letters
  id: id
  stable: true
  blob: {lookup: {path: "/letters/{{ record.id }}", query: {format: raw}}, inline: raw, version: id}
"""


@pytest.fixture
def api() -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(lambda asked: None)) as served:
        yield served


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def test_they_are_stored_like_downloads(installation: Installation, api: ScriptedSource) -> None:
    pictures: list[dict[str, Any]] = [{"id": 1, "data": packed(b"one" * 1000), "sha": "a"}, {"id": 2, "data": None}]

    def script(asked: Asked) -> Any:
        if asked.path == "/pictures":
            return pictures
        if asked.path == "/letters":
            return [{"id": 1}, {"id": 2}]
        return {"raw": packed(b"letter " + asked.path.encode())} if asked.path == "/letters/1" else {}

    def blob(endpoint: str, sequence: int | None = None) -> bytes:
        state = installation.state(instance, sequence)
        return b"".join(
            installation.browser.blob(state, installation.browser.record(state, endpoint, "1")).read()
        )  # fmt: skip

    api.script = script
    instance = installation.instance(document(api, endpoints=ENDPOINTS))
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"], run.counters["absent"]) == ("successful", 2, 1), run.failures
    assert (blob("pictures"), blob("letters")) == (b"one" * 1000, b"letter /letters/1")
    run = installation.backup(instance)
    assert (run.counters["blobs"], run.counters["packs"]) == (0, 0)
    pictures[0] = {"id": 1, "data": packed(b"two"), "sha": "b"}
    run = installation.backup(instance)
    assert (run.status, run.counters["blobs"]) == ("successful", 1), run.failures
    assert (blob("pictures"), blob("pictures", 1)) == (b"two", b"one" * 1000)
