"""The change feed: everything that happened, in order, from any cursor, and what is new in the records' shape."""

import json

import pytest

from holdfast.catalog import fields
from holdfast.catalog.instances import Instance
from holdfast.errors import InputError
from holdfast.operations.feed.cursors import START, Cursor
from holdfast.operations.feed.reading import FeedEvent, latest, read_feed
from tests.support.documents import CHILDREN, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, StoredBlob
from tests.support.installation import Installation


def events(
    installation: Installation, instance: Instance, after: Cursor = START, limit: int = 1_000
) -> list[FeedEvent]:
    found: list[FeedEvent] = []
    while True:
        page = read_feed(installation.services, instance, after, limit=limit)
        found += page.events
        after = page.next
        if not page.has_more:
            return found


def told(found: list[FeedEvent]) -> list[tuple[object, ...]]:
    return [
        (one.run, one.kind, one.endpoint, one.key) if one.field is None else (one.run, one.kind, *one.field)
        for one in found
    ]


@pytest.fixture
def instance(installation: Installation, source: HostileSource) -> Instance:
    """Four backups with children."""
    instance = installation.instance(document(source.url, PARENTS, CHILDREN))
    source.put("parents", {"id": 1, "name": "one"})
    source.put("parents", {"id": 2, "name": None})
    source.put("parents/1/children", {"id": 1})
    source.collections["parents/2/children"] = {}
    installation.backup(instance)
    source.put("parents", {"id": 2, "name": "two", "tags": [{"label": "x"}]})
    source.put("parents/2/children", {"id": 9, "size": 1.5})
    installation.backup(instance)
    installation.backup(instance)
    source.remove("parents", 1)
    source.put("parents", {"id": 2, "name": "two", "tags": []})
    installation.backup(instance)
    return instance


EVERYTHING = [
    (1, "field", "id", "number"),
    (1, "created", "children", "1~1"),
    (1, "field", "id", "number"),
    (1, "field", "name", "text"),
    (1, "created", "parents", "1"),
    (1, "field", "name", "null"),
    (1, "created", "parents", "2"),
    (2, "field", "size", "number"),
    (2, "created", "children", "2~9"),
    (2, "field", "tags", "list"),
    (2, "field", "tags[]", "object"),
    (2, "field", "tags[].label", "text"),
    (2, "changed", "parents", "2"),
    (4, "deleted", "children", "1~1"),
    (4, "deleted", "parents", "1"),
    (4, "changed", "parents", "2"),
]


@pytest.mark.parametrize("limit", [1, 2, 3, 1_000])
def test_everything_that_happened_is_told_in_order(installation: Installation, instance: Instance, limit: int) -> None:
    assert told(events(installation, instance, limit=limit)) == EVERYTHING
    assert told(events(installation, instance)) == EVERYTHING, "a second reader is told the same"


def test_it_goes_on_from_any_cursor(installation: Installation, instance: Instance) -> None:
    whole = events(installation, instance)
    for index, one in enumerate(whole):
        cursor = Cursor.parse(one.cursor.text())
        rest = told(events(installation, instance, cursor, limit=2))
        assert rest[-len(EVERYTHING[index + 1 :]) or len(rest) :] == EVERYTHING[index + 1 :]
        if one.kind != "field":
            assert rest == EVERYTHING[index + 1 :]


def test_reading_from_the_middle_first_knows_what_was_there_before(
    installation: Installation, instance: Instance
) -> None:
    assert told(events(installation, instance, Cursor(4))) == EVERYTHING[13:]
    assert told(events(installation, instance, Cursor(2))) == EVERYTHING[7:]
    assert told(events(installation, instance)) == EVERYTHING


def test_events_have_the_record_and_what_changed(installation: Installation, instance: Instance) -> None:
    changed = [one for one in events(installation, instance) if one.kind == "changed"]
    assert [json.loads(one.raw or b"")["tags"] for one in changed] == [[{"label": "x"}], []]
    assert [list(one.changed) for one in changed] == [["name", "tags"], ["tags"]]
    assert all(one.raw is None for one in events(installation, instance) if one.kind == "deleted")


def test_what_is_newer_comes_behind_the_latest_cursor(
    installation: Installation, instance: Instance, source: HostileSource
) -> None:
    cursor = latest(installation.services, instance)
    page = read_feed(installation.services, instance, cursor, limit=10)
    assert (page.events, page.next, page.has_more) == ([], cursor, False)
    source.put("parents", {"id": 2, "name": "two", "tags": [], "color": "red"})
    installation.backup(instance)
    assert told(events(installation, instance, cursor)) == [
        (5, "field", "color", "text"), (5, "changed", "parents", "2"),
    ]  # fmt: skip


def test_names_that_are_data_are_no_fields(installation: Installation, source: HostileSource) -> None:
    for number in range(100):
        source.put("items", {"id": f"{number:03}", "by_mail": {f"{number}-{one}@x": one for one in range(3)}})
    source.put("items", {"id": "200", "wide": {f"{one}": {"a": one} for one in range(65)}})
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    found = [one.field.path for one in events(installation, instance, limit=7) if one.field is not None]
    assert found[:4] == ["id", "by_mail", "by_mail.0-0@x", "by_mail.0-1@x"]
    assert [path for path in found if "*" in path] == ["by_mail.*", "wide.*", "wide.*.a"]
    assert len(found) == 2 + 256 + 1 + 1 + 2
    assert [one.field.path for one in events(installation, instance) if one.field is not None] == found


def test_a_field_of_another_kind_is_new(installation: Installation, source: HostileSource) -> None:
    source.put("items", {"id": 1, "size": 1})
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    source.put("items", {"id": 1, "size": "one"})
    installation.backup(instance)
    assert told(events(installation, instance))[-2:] == [(2, "field", "size", "text"), (2, "changed", "items", "1")]


def test_another_blob_is_a_change_without_fields(installation: Installation, source: HostileSource) -> None:
    blob = 'blob: {url: "{{ record.file }}", version: file}\n'
    source.put("items", {"id": 1, "file": f"{source.url}/blob/b"})
    instance = installation.instance(document(source.url, STABLE_ITEMS + blob))
    installation.backup(instance)
    source.blobs["b"] = StoredBlob(b"late")
    installation.backup(instance)
    (changed,) = [one for one in events(installation, instance) if one.kind == "changed"]
    assert (changed.run, changed.has_blob, list(changed.changed)) == (2, True, [])


def test_names_of_fields_stand_nowhere_in_the_catalog(installation: Installation, source: HostileSource) -> None:
    source.put("items", {"id": 1, "verysecretname": {"alice@example.org": 1}})
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    assert len(events(installation, instance)) == 4
    with installation.services.database.read() as connection:
        stream = connection.exec_driver_sql("SELECT id FROM endpoint_streams").scalar_one()
        assert len(fields.known(connection, stream)) == 3
    for file in installation.services.settings.home.glob("catalog.db*"):
        assert b"verysecretname" not in file.read_bytes() and b"alice@example" not in file.read_bytes()


@pytest.mark.parametrize("text", ["", "x", "WzFd", "W10", "WyJhIiwiYiIsImMiXQ", "é", "WzEsIngiLDFd"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Cursor.parse(text)


def test_a_page_that_ends_with_a_backup_goes_on_with_the_next(
    installation: Installation, source: HostileSource
) -> None:
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    for number in range(3):
        source.put("items", {"id": number})
    installation.backup(instance)
    source.put("items", {"id": 1, "name": "changed"})
    installation.backup(instance)
    assert read_feed(installation.services, instance, START, limit=3).has_more
    assert [one.run for one in events(installation, instance, limit=3) if one.kind == "changed"] == [2]
    assert not read_feed(installation.services, instance, START, limit=4).has_more
