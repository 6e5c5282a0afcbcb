"""Comparing with the live source: what a backup would change, and nothing is changed by asking."""

from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import runs
from holdfast.catalog.instances import Instance
from holdfast.errors import Conflict, NotFound
from holdfast.operations import rehearsal as operation
from holdfast.operations.rehearsal import drop_old, keep, kept, rehearsed
from tests.support.documents import CHILDREN, ITEMS, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread, make_record
from tests.support.installation import Installation
from tests.support.scripted_source import Asked, ScriptedSource
from tests.support.scripted_source import document as scripted_document


def fill(source: HostileSource, collection: str, *numbers: int, **fields: object) -> None:
    for number in numbers:
        source.put(collection, make_record(number, **fields))


def everything_stored(installation: Installation) -> dict[str, bytes]:
    storage = installation.services.storage
    return {info.name: storage.get(info.name) for info in storage.list("")}


def said(installation: Installation, instance: Instance) -> list[tuple[str, str, str]]:
    with rehearsed(installation.services, instance) as rehearsal:
        assert rehearsal.is_complete, rehearsal.failures
        return [(change.kind, change.endpoint, change.key) for change in rehearsal.changes()]


def test_what_a_backup_would_change_is_what_it_then_changes(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", *range(1, 60))
    instance = installation.instance(document(source.url, ITEMS + "volatile: [seen]\n"))
    first = installation.backup(instance)
    fill(source, "items", 7, title="edited")
    fill(source, "items", 8, seen=1)
    fill(source, "items", 200, 201)
    source.remove("items", 9)
    before = everything_stored(installation)
    with rehearsed(installation.services, instance) as rehearsal:
        assert rehearsal.before is not None and rehearsal.before.run.id == first.id
        changes = list(rehearsal.changes())
    assert [(change.kind, change.key) for change in changes] == [
        ("added", "200"), ("added", "201"), ("changed", "7"), ("deleted", "9"),
    ]  # fmt: skip
    fields = changes[2].fields()
    assert fields is not None and [(one.path, one.after) for one in fields] == [("title", "edited")]
    assert everything_stored(installation) == before
    with installation.services.database.read() as connection:
        assert len(runs.all_of_instance(connection, instance.id)) == 1
    assert not list(Path(installation.services.settings.home).glob("rehearsal-*"))
    run = installation.backup(instance)
    assert (run.sequence, run.counters["new"], run.counters["changed"], run.counters["deleted"]) == (2, 2, 1, 1)
    assert said(installation, instance) == []


def test_new_parents_show_their_children(installation: Installation, source: HostileSource) -> None:
    source.put("parents", {"id": 1})
    fill(source, "parents/1/children", 1, 2)
    instance = installation.instance(document(source.url, PARENTS, CHILDREN))
    assert said(installation, instance) == [
        ("added", "parents", "1"), ("added", "children", "1~1"), ("added", "children", "1~2"),
    ]  # fmt: skip
    installation.backup(instance)
    source.put("parents", {"id": 2})
    fill(source, "parents/2/children", 5)
    source.remove("parents/1/children", 2)
    assert said(installation, instance) == [
        ("added", "parents", "2"), ("deleted", "children", "1~2"), ("added", "children", "2~5"),
    ]  # fmt: skip


def test_blobs_are_not_fetched(installation: Installation, source: HostileSource) -> None:
    blob = 'blob: {url: "{{ record.file }}", version: [etag]}\n'
    source.blobs["b"] = StoredBlob(b"one")
    fill(source, "items", 1, 2, file=f"{source.url}/blob/b", etag="1")
    instance = installation.instance(document(source.url, STABLE_ITEMS + blob))
    installation.backup(instance)
    fetched = source.requests["/blob/b"]
    fill(source, "items", 1, file=f"{source.url}/blob/b", etag="2")
    fill(source, "items", 2, file=f"{source.url}/blob/b", etag="1", title="edited")
    with rehearsed(installation.services, instance) as rehearsal:
        assert [(one.key, one.blob_changed) for one in rehearsal.changes()] == [("1", True), ("2", False)]
    assert source.requests["/blob/b"] == fetched


def test_what_a_backup_would_hold_back_is_told(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", *range(1, 151))
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    source.switches.empty = True
    with rehearsed(installation.services, instance) as rehearsal:
        assert not rehearsal.is_complete
        assert [one["code"] for one in rehearsal.failures] == ["deletions_held"]
        assert list(rehearsal.changes()) == []


def test_a_source_that_fails_is_told(installation: Installation, source: HostileSource) -> None:
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    source.switches.fail_page = 1
    with rehearsed(installation.services, instance) as rehearsal:
        assert [one["code"] for one in rehearsal.failures] == ["source_failed"]


def test_a_source_that_has_no_end_is_read_only_so_long(installation: Installation) -> None:
    def script(asked: Asked) -> Any:
        number = int(asked.query.get("after", 0))
        return {"items": [{"id": number}], "next": number + 1}

    items = "- {name: items, path: /items, records: items, id: id, paging: {type: cursor, body: next, query: after}}"
    with in_thread(ScriptedSource(script)) as api:
        instance = installation.instance(scripted_document(api, endpoints=items))
        with rehearsed(installation.services, instance, longest_s=0.2) as rehearsal:
            assert [one["code"] for one in rehearsal.failures] == ["timed_out"]
            assert not rehearsal.is_complete
    assert list(installation.services.settings.home.glob("rehearsal-*")) == []


def test_not_while_a_backup_is_under_way(installation: Installation, source: HostileSource) -> None:
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    with installation.services.database.write() as connection:
        runs.queue(connection, instance.id)
    with pytest.raises(Conflict), rehearsed(installation.services, instance):
        pass


def test_a_kept_one_is_read_again_and_dropped_when_nobody_has_for_long(
    installation: Installation, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(source, "items", 1, 2, 3)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    fill(source, "items", 4)
    tokens = [keep(installation.services, instance) for _ in range(3)]
    for token in tokens:
        with kept(installation.services, instance, token) as rehearsal:
            assert [(one.kind, one.key) for one in rehearsal.changes()] == [("added", "4")]
    folder = installation.services.settings.home / "rehearsals"
    unfinished = folder / "still being made, or left by a dead process"
    unfinished.mkdir()
    monkeypatch.setattr(operation, "_MOST_KEPT", 2)
    drop_old(installation.services)
    assert unfinished.exists() and len(list(folder.iterdir())) == 2 + 1
    monkeypatch.setattr(operation, "KEPT_S", -1.0)
    drop_old(installation.services)
    assert list(folder.iterdir()) == []
    with pytest.raises(NotFound, match="no longer kept"), kept(installation.services, instance, tokens[0]):
        pass
