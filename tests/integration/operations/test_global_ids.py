"""Children whose ids are global: they move between parents, and lose parents, without getting lost."""

import pytest

from tests.support.documents import CHILDREN, PARENTS, document
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation

MEMBERS = CHILDREN.replace("id: id", "id: id\nglobal_id: true")
DELTA_MEMBERS = MEMBERS + 'incremental: {field: updated_at, query: {since: "{{ cursor }}"}, full_every: 7d}\n'


@pytest.fixture(autouse=True)
def two_parents(source: HostileSource) -> None:
    for parent in (1, 2):
        source.put("parents", {"id": parent})
        for number in range(5):
            source.put(f"parents/{parent}/children", make_record(10 * parent + number))


def move(source: HostileSource, number: int, **fields: object) -> None:
    """From parent 1 to parent 2."""
    source.remove("parents/1/children", number)
    source.put("parents/2/children", make_record(number, **fields))


@pytest.mark.parametrize("members", [MEMBERS, DELTA_MEMBERS])
def test_a_child_outlives_the_parent_that_it_left(
    installation: Installation, source: HostileSource, members: str
) -> None:
    instance = installation.instance(document(source.url, PARENTS, members))
    installation.backup(instance)
    move(source, 10)
    source.remove("parents", 1)
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    assert "10" in installation.records(instance, "children")
    run = installation.backup(instance, full=True)
    assert run.status == "successful", run.failures
    assert installation.records(instance, "children") == source.collections["parents/2/children"]


def test_a_move_is_one_change(installation: Installation, source: HostileSource) -> None:
    instance = installation.instance(document(source.url, PARENTS, MEMBERS))
    installation.backup(instance)
    move(source, 10)
    move(source, 11, edited=True)
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"], run.counters["deleted"]) == ("successful", 2, 0)
    source.remove("parents", 1)
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"], run.counters["deleted"]) == ("successful", 0, 4)
    assert installation.backup(instance).counters["packs"] == 0


def test_children_of_a_lost_parent_are_deleted_where_all_lists_say_that_they_are_gone(
    installation: Installation, source: HostileSource
) -> None:
    instance = installation.instance(document(source.url, PARENTS, MEMBERS))
    installation.backup(instance)
    source.remove("parents", 1)
    del source.collections["parents/2/children"]
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("failed", 1)
    assert len(installation.records(instance, "children")) == 10
    source.collections["parents/2/children"] = {}
    for number in range(5):
        source.put("parents/2/children", make_record(20 + number))
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 5)


def test_a_child_of_two_parents_stays_where_it_is(installation: Installation, source: HostileSource) -> None:
    source.put("parents/2/children", make_record(10))
    instance = installation.instance(document(source.url, PARENTS, MEMBERS))
    installation.backup(instance)
    for _ in range(3):
        run = installation.backup(instance)
        assert (run.status, run.counters["packs"]) == ("successful", 0)
    source.put("parents/1/children", make_record(10, edited=True))
    source.put("parents/2/children", make_record(10, edited=True))
    run = installation.backup(instance)
    assert (run.status, run.counters["changed"]) == ("successful", 1)
    assert installation.backup(instance).counters["packs"] == 0


@pytest.mark.parametrize(
    "record", ["", "record: {path: '/parents/2/children/{{ record.id }}'}\n"], ids=["listed", "asked"]
)
def test_children_go_with_their_parent_though_only_changes_are_read(
    installation: Installation, source: HostileSource, record: str
) -> None:
    instance = installation.instance(document(source.url, PARENTS, DELTA_MEMBERS + record))
    installation.backup(instance)
    move(source, 10)
    source.remove("parents", 1)
    run = installation.backup(instance)
    assert run.status == "successful", run.failures
    assert sorted(installation.records(instance, "children")) == ["10", "20", "21", "22", "23", "24"]
    assert installation.backup(instance).counters["packs"] == 0
