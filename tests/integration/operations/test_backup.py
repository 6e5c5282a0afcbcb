"""What a backup does with what a source shows it: the promises, one test each."""

import json

import pytest

from holdfast.catalog import packs
from tests.support.documents import CHILDREN, CONFIRMED_ITEMS, DELTA_ITEMS, ITEMS, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, make_record, make_records
from tests.support.installation import Installation


def fill(source: HostileSource, collection: str, count: int, start: int = 1) -> None:
    source.collections.setdefault(collection, {})
    for record in make_records(count, start):
        source.put(collection, record)


def stored_packs(installation: Installation, run_id: int) -> int:
    with installation.services.database.read() as connection:
        return len(packs.of_run(connection, run_id))


def test_every_record_is_stored_byte_for_byte(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", 35)
    odd = b'{ "id" : "a/b~c%", "n": 1.00, "big": 123456789012345678901234567890, "e": 1e400,\n "s": "\\ud800\\u00e9" }'
    source.put("items", odd)
    instance = installation.instance(document(source.url, ITEMS))
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    assert installation.records(instance, "items") == source.collections["items"]
    assert installation.records(instance, "items")["a/b~c%"] == odd


def test_an_unchanged_source_costs_no_pack_and_no_version(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", 200)
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    run = installation.backup(instance)
    assert (run.status, run.counters["unchanged"], stored_packs(installation, run.id)) == ("successful", 200, 0)
    assert run.counters["new"] == run.counters["changed"] == run.counters["deleted"] == 0


def test_one_changed_record_writes_one_version(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", 200)
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    before = source.collections["items"]["77"]
    source.put("items", make_record(77, title="edited"))
    run = installation.backup(instance)
    assert (run.counters["changed"], run.counters["unchanged"], stored_packs(installation, run.id)) == (1, 199, 1)
    assert installation.records(instance, "items", 1)["77"] == before
    assert installation.records(instance, "items", 2)["77"] == source.collections["items"]["77"]


@pytest.mark.parametrize(
    ("spelled", "changed"),
    [
        (b'{"b": [1, {"y": 2, "x": 1}], "id": 1}', 0),
        (b'{\n  "id": 1,\n  "b": [1, {"x": 1, "y": 2}]\n}', 0),
        (b'{"id": 1, "b": [1.0, {"x": 1, "y": 2}]}', 1),
        (b'{"id": 1, "b": [{"x": 1, "y": 2}, 1]}', 1),
        (b'{"id": 1, "b": [1, {"x": 2, "y": 1}]}', 1),
    ],
)
def test_key_order_and_white_space_are_no_change(
    installation: Installation, source: HostileSource, spelled: bytes, changed: int
) -> None:
    source.put("items", b'{"id": 1, "b": [1, {"x": 1, "y": 2}]}')
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    source.put("items", spelled)
    run = installation.backup(instance)
    assert (run.counters["changed"], run.counters["unchanged"]) == (changed, 1 - changed)


def test_volatile_fields_are_stored_but_not_compared(installation: Installation, source: HostileSource) -> None:
    source.put("items", {"id": 1, "seen": 1, "deep": {"at": 1, "kept": 1}})
    instance = installation.instance(document(source.url, ITEMS + "volatile: [seen, deep.at]\n"))
    installation.backup(instance)
    source.put("items", {"id": 1, "seen": 2, "deep": {"at": 2, "kept": 1}})
    assert installation.backup(instance).counters["unchanged"] == 1
    source.put("items", {"id": 1, "seen": 3, "deep": {"at": 3, "kept": 2}})
    assert installation.backup(instance).counters["changed"] == 1
    assert json.loads(installation.records(instance, "items")["1"])["seen"] == 3


def test_a_failing_page_keeps_what_was_read_and_deletes_nothing(
    installation: Installation, source: HostileSource
) -> None:
    fill(source, "items", 200)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    source.switches.fail_page = 7
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [(one["endpoint"], one["page"], one["code"]) for one in run.failures] == [("items", 7, "source_failed")]
    assert len(installation.records(instance, "items")) == 60
    source.remove("items", 3)
    assert installation.backup(instance).status == "failed"
    assert "3" in installation.records(instance, "items")
    source.switches.fail_page = None
    run = installation.backup(instance)
    assert run.status == "successful"
    assert installation.records(instance, "items") == source.collections["items"]


def test_a_failing_delta_leaves_the_cursor_where_it_was(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", 30)
    instance = installation.instance(document(source.url, DELTA_ITEMS))
    assert installation.backup(instance).status == "successful"
    fill(source, "items", 40, start=31)
    source.switches.fail_page = 3
    assert installation.backup(instance).status == "failed"
    source.switches.fail_page = None
    run = installation.backup(instance)
    assert run.status == "successful"
    assert installation.records(instance, "items") == source.collections["items"]
    asked = [path for path in source.log if "since=" in path and "cursor" not in path.partition("?")[2]]
    assert len(set(asked)) == 1, "the delta after the failed one asks since the same moment"


def test_deleted_records_stay_in_older_backups(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", 50)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    for record_id in (1, 25, 50):
        source.remove("items", record_id)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 3)
    assert installation.records(instance, "items") == source.collections["items"]
    assert len(installation.records(instance, "items", 1)) == 50


def test_a_delta_deletes_nothing(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", 50)
    instance = installation.instance(document(source.url, DELTA_ITEMS))
    installation.backup(instance)
    source.remove("items", 7)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 0)
    assert "7" in installation.records(instance, "items")
    assert installation.backup(instance, full=True).counters["deleted"] == 1


def test_absence_in_an_unstable_listing_is_confirmed_by_id(installation: Installation, source: HostileSource) -> None:
    fill(source, "items", 50)
    instance = installation.instance(document(source.url, CONFIRMED_ITEMS))
    installation.backup(instance)
    source.remove("items", 7)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 1)
    assert source.requests["/record/items/7"] == 1


def test_absence_in_an_unstable_listing_is_confirmed_by_listing_again(
    installation: Installation, source: HostileSource
) -> None:
    fill(source, "items", 50)
    instance = installation.instance(document(source.url, ITEMS))
    installation.backup(instance)
    source.remove("items", 7)
    source.log.clear()
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 1)
    assert len(source.log) == 10, "five pages, twice"


@pytest.mark.parametrize("endpoint", [STABLE_ITEMS, ITEMS, CONFIRMED_ITEMS])
def test_a_source_that_turns_empty_loses_nothing(
    installation: Installation, source: HostileSource, endpoint: str
) -> None:
    fill(source, "items", 150)
    instance = installation.instance(document(source.url, endpoint))
    installation.backup(instance)
    source.switches.empty = True
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [one["code"] for one in run.failures] == ["deletions_held"]
    assert "deletions held" in run.failures[0]["message"]
    assert len(installation.records(instance, "items")) == 150
    run = installation.backup(instance, accept_deletions=True)
    assert (run.status, run.counters["deleted"]) == ("successful", 150)
    assert installation.records(instance, "items") == {}


def test_an_implausible_share_is_held_and_the_rest_of_the_run_stands(
    installation: Installation, source: HostileSource
) -> None:
    fill(source, "items", 400)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    for number in range(1, 151):
        source.remove("items", number)
    source.put("items", make_record(999))
    run = installation.backup(instance)
    assert (run.status, run.counters["held"], run.counters["new"]) == ("failed", 150, 1)
    assert len(installation.records(instance, "items")) == 401
    for number in range(1, 151):
        source.put("items", make_record(number))
    assert installation.backup(instance).status == "successful"


def test_a_new_parent_has_all_its_old_children_backed_up(installation: Installation, source: HostileSource) -> None:
    source.put("parents", {"id": 1})
    fill(source, "parents/1/children", 25)
    delta = CHILDREN + 'incremental: {field: updated_at, query: {since: "{{ cursor }}"}}\n'
    instance = installation.instance(document(source.url, PARENTS, delta))
    assert installation.backup(instance).status == "successful"
    source.put("parents", {"id": 2})
    fill(source, "parents/2/children", 15)
    run = installation.backup(instance)
    assert (run.status, run.counters["new"]) == ("successful", 16)
    assert set(installation.records(instance, "children")) == {f"1~{n}" for n in range(1, 26)} | {
        f"2~{n}" for n in range(1, 16)
    }


def test_children_of_a_deleted_parent_are_deleted_with_it(installation: Installation, source: HostileSource) -> None:
    for parent in (1, 2):
        source.put("parents", {"id": parent})
        fill(source, f"parents/{parent}/children", 5)
    instance = installation.instance(document(source.url, PARENTS, CHILDREN))
    installation.backup(instance)
    source.remove("parents", 2)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 6)
    assert len(installation.records(instance, "children")) == 5
    assert len(installation.records(instance, "children", 1)) == 10


def test_one_failing_parent_leaves_the_others_alone(installation: Installation, source: HostileSource) -> None:
    for parent in range(1, 6):
        source.put("parents", {"id": parent})
        if parent != 3:
            fill(source, f"parents/{parent}/children", 5)
    instance = installation.instance(document(source.url, PARENTS, CHILDREN))
    run = installation.backup(instance)
    assert run.status == "failed"
    assert [(one["endpoint"], one["parent"], one["page"]) for one in run.failures] == [("children", "3", 1)]
    assert len(installation.records(instance, "children")) == 20


def test_an_optional_list_that_is_absent_is_skipped(installation: Installation, source: HostileSource) -> None:
    source.put("parents", {"id": 1})
    instance = installation.instance(document(source.url, PARENTS, CHILDREN + "optional: {on: [404]}\n"))
    run = installation.backup(instance)
    assert (run.status, run.counters["absent"]) == ("successful", 1)


def test_a_refused_credential_fails_the_run_and_stops_asking(installation: Installation, source: HostileSource) -> None:
    for parent in range(1, 40):
        source.put("parents", {"id": parent})
        fill(source, f"parents/{parent}/children", 1)
    instance = installation.instance(document(source.url, PARENTS, CHILDREN))
    installation.backup(instance)
    source.switches.token = "another"
    source.log.clear()
    run = installation.backup(instance)
    assert run.status == "failed"
    assert run.failures[0]["code"] == "credential_refused"
    assert len(source.log) < 10
    assert len(installation.records(instance, "children")) == 39


def test_a_record_that_moves_between_pages_is_counted_and_its_later_reading_wins(
    installation: Installation, source: HostileSource
) -> None:
    fill(source, "items", 20)
    later = make_record(5, title="later")
    source.switches.bodies[2] = json.dumps({"items": [later, make_record(11)], "next_cursor": None}).encode()
    instance = installation.instance(document(source.url, ITEMS))
    run = installation.backup(instance)
    assert (run.status, run.counters["moved"], run.counters["new"]) == ("successful", 1, 11)
    assert json.loads(installation.records(instance, "items")["5"])["title"] == "later"


def test_a_missing_variable_is_named(installation: Installation, source: HostileSource) -> None:
    text = document(source.url, ITEMS).replace(", optional: true", "")
    instance = installation.instance(text)
    run = installation.backup(instance)
    assert run.status == "failed"
    assert run.failures[0]["code"] == "missing_variable"
    assert "token" in run.failures[0]["message"]


GLOBAL_CHILDREN = CHILDREN.replace("id: id", "id: id\nglobal_id: true")


def test_a_record_of_two_parents_is_stored_once_and_stays_unchanged(
    installation: Installation, source: HostileSource
) -> None:
    for parent in (1, 2):
        source.put("parents", {"id": parent})
        source.put(f"parents/{parent}/children", make_record(7))
    instance = installation.instance(document(source.url, PARENTS, GLOBAL_CHILDREN))
    installation.backup(instance)
    for _ in range(3):
        run = installation.backup(instance)
        assert (run.status, run.counters["changed"], run.counters["packs"]) == ("successful", 0, 0), run.failures
    assert list(installation.records(instance, "children")) == ["7"]


def test_a_record_that_moves_to_another_parent_is_not_deleted(
    installation: Installation, source: HostileSource
) -> None:
    for parent in (1, 2):
        source.put("parents", {"id": parent})
        source.put(f"parents/{parent}/children", make_record(parent))
    instance = installation.instance(document(source.url, PARENTS, GLOBAL_CHILDREN))
    installation.backup(instance)
    source.remove("parents/1/children", 1)
    source.put("parents/2/children", make_record(1))
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"], run.counters["changed"]) == ("successful", 0, 1), run.failures
    assert sorted(installation.records(instance, "children")) == ["1", "2"]
    source.remove("parents", 1)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 1), "only the parent itself"
    assert sorted(installation.records(instance, "children")) == ["1", "2"]
