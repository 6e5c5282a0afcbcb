"""Restores to a source that can be written to: in place and to another account, with every rule for conflicts."""

from collections.abc import Iterator

import pytest

from holdfast.catalog import restores
from holdfast.catalog.instances import Instance
from holdfast.definitions.loading import load
from holdfast.errors import Conflict, InputError
from holdfast.operations import instances, restore
from holdfast.operations.repair import repair
from holdfast.operations.restore.run import run_restore
from holdfast.operations.restore.ties import Ties
from holdfast.operations.verify import verify
from holdfast.sources.source import Source
from holdfast.vault import names
from tests.support.installation import Installation
from tests.support.restoring import asked, ended, journal, planned, report, restored
from tests.support.writable_source import DOCUMENT, WritableSource, writable


@pytest.fixture
def boards() -> Iterator[WritableSource]:
    """Three people, two boards, cards that refer to people and to each other."""
    with writable() as source:
        fill(source)
        yield source


def fill(source: WritableSource) -> None:
    people = [source.put("one/people", name=f"person {number}", born="1990-01-01") for number in range(3)]
    for board in range(2):
        made = source.put("one/boards", title=f"board {board}", owner=people[board])
        later = source.put(f"one/boards/{made}/cards", text=f"last of {board}", owner=people[2], blocks=None)
        for number in range(3):
            source.put(f"one/boards/{made}/cards", text=f"card {board}.{number}", owner=people[number], blocks=later)


@pytest.fixture
def instance(installation: Installation, boards: WritableSource) -> Instance:
    made = installation.instance(DOCUMENT.format(url=boards.url))
    assert installation.backup(made).status == "successful"
    return made


def cards_of(source: WritableSource, account: str) -> list[tuple[str, str, str, str | None]]:
    """(board's title, card's text, owner's name, blocked card's text), followed through the ids there are now."""
    people = {one["id"]: one["name"] for one in source.all(f"{account}/people")}
    found = []
    for board in source.all(f"{account}/boards"):
        cards = {one["id"]: one for one in source.all(f"{account}/boards/{board['id']}/cards")}
        for card in cards.values():
            blocked = None if card.get("blocks") is None else cards[card["blocks"]]["text"]
            found.append((board["title"], card["text"], people[card["owner"]], blocked))
    return sorted(found)


def test_what_was_wiped_is_restored_with_new_ids_and_holds_together(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    before = cards_of(boards, "one")
    boards.wipe("one/people")
    boards.wipe("one/boards")
    plan = planned(installation, instance)
    assert (plan.total("create"), plan.total("leave"), plan.total("impossible")) == (13, 0, 0)
    boards.log.clear()
    made = restored(installation, instance)
    assert (made.status, list(made.failures)) == ("successful", [])
    assert {name: made.counters[name] for name in ("created", "left_alone", "failed", "differ")} == {
        "created": 13, "left_alone": 0, "failed": 0, "differ": 0,
    }  # fmt: skip
    assert cards_of(boards, "one") == before
    assert made.counters["requests"] == plan.requests == len(boards.log)
    (first, *_) = journal(installation, made, "people")
    assert first.state == "verified"
    told = {one["field"]: one["why"] for one in first.differences or ()}
    assert told == {"id": "the source gave it a new id", "made_by": "the author is whoever restores"}
    assert report(installation, made)["counters"]["created"] == 13


def test_a_lost_report_is_missed_and_signed_anew(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    boards.wipe("one/people")
    boards.wipe("one/boards")
    made, services = restored(installation, instance), installation.services
    before = report(installation, made)
    assert verify(services).findings == []
    name = names.restore(instance.customer_id, made.id)
    for damaged in (None, services.storage.get(name)[:-1]):
        services.storage.delete(name)
        if damaged is not None:
            services.storage.put(name, damaged)
        assert [(one.object_name, one.severity) for one in verify(services).findings] == [(name, "error")]
        mended = repair(services)
        assert mended.is_whole and [one.object_name for one in mended.mended] == [name]
        after = report(installation, made)
        assert {key: value for key, value in after.items() if before[key] != value} == {}


def test_what_is_as_it_was_is_left_alone(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:  # fmt: skip
    made = restored(installation, instance)
    assert (made.status, made.counters["left_alone"], boards.writes) == ("successful", 13, [])


def test_a_duplicated_parent_gets_no_children_and_the_plan_says_so(
    installation: Installation, boards: WritableSource
) -> None:
    ways = DOCUMENT.format(url=boards.url).replace("      find: title\n", "      find: title\n      rename: title\n")
    instance = installation.instance(ways)
    assert installation.backup(instance).status == "successful"
    (board, *_) = boards.all("one/boards")
    boards.records["one/boards"][board["id"]]["owner"] = boards.all("one/people")[2]["id"]
    plan = planned(installation, instance, on_conflict="duplicate")
    made = restored(installation, instance, on_conflict="duplicate")
    assert (made.status, list(made.failures)) == ("successful", [])
    assert (plan.total("create"), plan.total("leave")) == (1, 12)
    assert (made.counters["created"], made.counters["left_alone"]) == (1, 12)
    assert made.counters["requests"] == plan.requests


@pytest.mark.parametrize("rule", ["skip", "overwrite", "duplicate"])
def test_what_differs_is_left_alone_overwritten_or_duplicated(
    installation: Installation, boards: WritableSource, instance: Instance, rule: str
) -> None:
    (someone, *_) = boards.all("one/people")
    boards.records["one/people"][someone["id"]]["born"] = "2000-02-02"
    before = boards.all("one/people")
    boards.writes.clear()
    plan = planned(installation, instance, endpoint="people", on_conflict=rule)
    made = restored(installation, instance, endpoint="people", on_conflict=rule)
    assert made.status == "successful"
    figures = (plan.total("create"), plan.total("update"), plan.total("leave"))
    assert figures == tuple(made.counters[name] for name in ("created", "updated", "left_alone"))
    assert figures == {"skip": (0, 0, 3), "overwrite": (0, 1, 2), "duplicate": (1, 0, 2)}[rule]
    differing = 1 if rule == "skip" else 0
    assert plan.document()["leave_differing"] == made.counters["left_differing"] == differing
    told = report(installation, made)
    assert (made.complete, told["complete"]) == (not differing, not differing)
    assert told["counters"]["endpoints"]["people"]["left_differing"] == differing
    now = boards.all("one/people")
    if rule == "skip":
        assert (now, boards.writes) == (before, [])
    elif rule == "overwrite":
        assert now == [{**someone, "born": "1990-01-01"}, *before[1:]]
    else:
        assert now[:3] == before
        assert now[3]["name"].startswith("person 0 (restored, ")
        assert now[3]["born"] == "1990-01-01"
        again = restored(installation, instance, endpoint="people", on_conflict=rule)
        assert (again.status, again.counters["left_alone"], boards.all("one/people")) == ("successful", 3, now)


def test_one_record_and_those_of_a_condition(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:  # fmt: skip
    ids = [one["id"] for one in boards.all("one/people")]
    boards.wipe("one/people")
    assert restored(installation, instance, endpoint="people", record=ids[1]).counters["created"] == 1
    assert [one["name"] for one in boards.all("one/people")] == ["person 1"]
    made = restored(installation, instance, where=("name=person 2",))
    assert (made.counters["created"], made.counters["left_alone"]) == (1, 0)
    made = restored(installation, instance, endpoint="people")
    assert (made.counters["created"], made.counters["left_alone"]) == (1, 2), "those with new ids are known again"
    assert len(boards.all("one/people")) == 3


def test_the_plan_of_a_queued_dry_run_is_that_of_the_command_line(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    boards.wipe("one/people")
    boards.wipe("one/boards")
    boards.writes.clear()
    plan = planned(installation, instance).document()
    queued = restored(installation, instance, dry_run=True)
    assert queued.plan is not None and (plan["create"], plan["impossible"]) == (13, 0)
    assert {**queued.plan, "seconds": 0} == {**plan, "seconds": 0}
    assert (queued.complete, boards.writes) == (None, [])


def test_the_time_of_a_plan_is_that_of_the_answers_not_of_the_looking(
    installation: Installation, boards: WritableSource, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards.wipe("one/people")
    monkeypatch.setattr(Source, "answered_s", property(lambda source: 2.0 * source.requests))
    plan = planned(installation, instance)
    assert plan.requests > 3 and plan.seconds == 2.0 * plan.requests


def test_to_an_empty_account_references_and_parents_hold(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    other = installation.instance(DOCUMENT.format(url=boards.url), label="unlike", account="two")
    with pytest.raises(InputError, match="same definition"):
        planned(installation, instance, to=other)
    other = instances.create(
        installation.services, installation.customer.id, instance.definition_id, label="other", given={"account": "two"}
    )
    plan = planned(installation, instance, to=other, endpoint="cards")
    assert (plan.total("create"), plan.total("impossible")) == (0, 8), "their boards are not there"
    plan = planned(installation, instance, to=other, endpoint="boards")
    reason = next(iter(plan.endpoints[0].reasons))
    assert "which is not at the target: restore it as well" in reason
    assert planned(installation, instance, to=other).total("create") == 13
    made = restored(installation, instance, to=other)
    assert (made.status, made.counters["created"]) == ("successful", 13)
    assert cards_of(boards, "two") == cards_of(boards, "one")
    made = restored(installation, instance, to=other)
    assert (made.counters["created"], made.counters["left_alone"]) == (0, 13)


def test_an_ignored_field_a_date_of_1970_and_an_error_in_a_200_come_to_light(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    boards.wipe("one/people")
    boards.switches.ignores = {"born"}
    made = restored(installation, instance, endpoint="people")
    assert (made.status, made.counters["differ"]) == ("failed", 3)
    assert made.failures[0]["message"] == "read back, it differs in born"
    (first, *_) = report(installation, made)["records"]
    wrong = {"field": "born", "why": "unexpected", "stored": '"1990-01-01"', "found": None}
    assert wrong in first["differences"]

    boards.wipe("one/people")
    boards.switches.ignores, boards.switches.epoch = set(), {"born"}
    made = restored(installation, instance, endpoint="people")
    assert (made.status, made.counters["differ"]) == ("failed", 3)
    assert {"field": "born", "why": "unexpected", "stored": '"1990-01-01"', "found": '"1970-01-01T00:00:00Z"'} in (
        journal(installation, made, "people")[0].differences or ()
    )

    boards.wipe("one/people")
    boards.switches.epoch, boards.switches.error_in_200 = set(), True
    made = restored(installation, instance, endpoint="people")
    assert (made.status, made.counters["failed"]) == ("failed", 3)
    assert "no such record came of it" in made.failures[0]["message"]


def test_a_lost_answer_doubles_nothing(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:  # fmt: skip
    before = cards_of(boards, "one")
    for place in ("one/people", "one/boards"):
        boards.wipe(place)
    boards.switches.lose_answers = 6
    assert restored(installation, instance).status == "successful"
    assert cards_of(boards, "one") == before
    assert len(boards.all("one/people")) == 3


def test_what_the_source_refuses_is_told_and_the_rest_goes_on(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    boards.wipe("one/people")
    boards.switches.refuse = {"person 1": 422}
    made = restored(installation, instance, endpoint="people")
    assert (made.status, made.counters["created"], made.counters["failed"]) == ("failed", 2, 1)
    assert "422" in made.failures[0]["message"]


def test_a_source_that_answers_nothing_but_errors_ends_the_restore_soon_and_another_goes_on(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    for number in range(3, 20):
        boards.put("one/people", name=f"person {number}", born="1990-01-01")
    installation.backup(instance)
    boards.wipe("one/people")
    boards.switches.refuse = {"person 1": 500}  # no other between 10 and 19
    made = restored(installation, instance, endpoint="people")
    numbers = made.counters
    assert (made.status, numbers["created"], numbers["failed"], numbers["waiting"]) == ("failed", 9, 6, 5)
    assert made.failures[0]["code"] == "source_down"
    assert "none of 5 records in a row" in made.failures[0]["message"]
    assert "when the source is well" in made.failures[0]["message"]
    boards.switches.refuse = {}
    boards.switches.lose_answers = 4
    made = restored(installation, instance, endpoint="people")
    assert (made.status, made.complete, made.counters["created"]) == ("successful", True, 11)
    assert sorted(one["name"] for one in boards.all("one/people")) == sorted(f"person {one}" for one in range(20))


def test_records_that_look_alike_are_told_apart_by_their_number(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:
    twin = boards.put("one/people", name="person 0", born="1990-01-01")
    installation.backup(instance)
    del boards.records["one/people"][twin]
    assert restored(installation, instance, endpoint="people").counters["created"] == 1
    assert [one["name"] for one in boards.all("one/people")].count("person 0") == 2
    boards.wipe("one/people")
    assert restored(installation, instance, endpoint="people").counters["created"] == 4


def test_a_plan_by_job_and_one_restore_at_a_time(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:  # fmt: skip
    boards.wipe("one/people")
    made = restored(installation, instance, endpoint="people", dry_run=True)
    assert (made.status, boards.writes) == ("successful", [])
    assert made.plan is not None
    assert (made.plan["create"], made.plan["endpoints"][0]["endpoint"]) == (3, "people")
    waiting = asked(installation, instance, endpoint="people")
    with pytest.raises(Conflict, match="under way"):
        asked(installation, instance, endpoint="people")
    restore.cancel_restore(installation.services, waiting)
    run_restore(installation.services, waiting.id)
    assert (ended(installation, waiting).status, boards.writes) == ("canceled", [])


COUNTING = """
holdfast: 1
name: Counting
connection: {base_url: "http://127.0.0.1:1"}
endpoints:
  - {name: places, path: /places, id: id}
  - {name: goals, for_each: places, path: "/places/{{ parent.id }}/goals", id: {fields: id, global: true}}
  - name: tasks
    for_each: places
    path: /places/{{ parent.id }}/tasks
    id: {fields: id, global: true}
    restore:
      create: {path: "/places/{{ parent.id }}/tasks", fields: [goal]}
      find: goal
      references: {goal: {endpoint: goals, field: number}}
"""


def test_a_number_that_counts_anew_below_every_parent_is_never_taken_for_another_parents(
    installation: Installation,
) -> None:
    instance, definition = installation.instance(COUNTING), load(COUNTING, "counting")
    database = installation.services.database
    ties = Ties(database, definition, instance.id, instance.id)
    old, new = {"id": "g1", "number": 1}, {"id": "g9", "number": 4}
    learned = ties.learned(definition.endpoint("goals"), "g1", "here", old, new, "g9")
    with database.write() as connection:
        restores.map_values(connection, instance.id, instance.id, "goals", learned)
    tasks = definition.endpoint("tasks")
    assert ties.tied(tasks, "here", {"goal": 1}).fields == {"goal": 4}
    assert ties.tied(tasks, "there", {"goal": 1}).fields == {"goal": 1}
    goals = definition.endpoint("goals")
    ties.remember(
        "goals", ties.learned(goals, "g2", "there", {"id": "g2", "number": 1}, {"id": "g8", "number": 7}, "g8")
    )
    assert ties.as_target(goals, "g1", "here", old) == new
    assert ties.as_target(goals, "g2", "there", {"id": "g2", "number": 1}) == {"id": "g8", "number": 7}


CONVERSATION = """\
holdfast: 1
name: Talk
variables:
  - {{key: account, default: one}}
connection:
  base_url: {url}
endpoints:
  - name: said
    path: /{{{{ account }}}}/said
    records: items
    id: id
    stable: true
    paging: {{type: page, query: page}}
    restore:
      create: {{path: "/{{{{ account }}}}/said", fields: [text, sent, relates, needs]}}
      find: text
      order: sent
      references:
        'relates."answer.to".id': {{endpoint: said, required: false}}
        needs: said
      except:
        - {{when: secret, because: what is secret stays where it is}}
      ignored: {{made_by: the author is whoever restores}}
"""


def _said(source: WritableSource, key: str, sent: int, *, answers: str | None = None, **more: object) -> None:
    relates = {} if answers is None else {"relates": {"answer.to": {"id": answers}, "answer": {"to": "as it is"}}}
    source.put("one/said", id=key, text=f"text of {key}", sent=sent, **relates, **more)


def test_records_come_in_their_order_and_an_answer_to_nothing_is_restored_too(
    installation: Installation, boards: WritableSource
) -> None:
    _said(boards, "z", 1)
    _said(boards, "y", 2, answers="q")
    _said(boards, "b", 9, answers="y")
    _said(boards, "a", 10, answers="z")
    _said(boards, "q", 11, secret=True)
    _said(boards, "c", 4, answers="d")  # to what comes later
    _said(boards, "d", 5)
    _said(boards, "e", 6, needs="q")
    _said(boards, "f", 7, needs="e")
    instance = installation.instance(CONVERSATION.format(url=boards.url))
    assert installation.backup(instance).status == "successful"
    target = instances.create(
        installation.services, installation.customer.id, instance.definition_id, label="new", given={"account": "two"}
    )
    plan = planned(installation, instance, to=target)
    assert (plan.total("create"), plan.total("impossible")) == (6, 3)
    assert plan.endpoints[0].reasons == {
        "what is secret stays where it is": 1, "it refers to q, which cannot be restored": 1,
        "it refers to e, which cannot be restored": 1,
    }  # fmt: skip
    made = restored(installation, instance, to=target)
    assert (made.status, made.counters["created"], made.counters["impossible"]) == ("successful", 6, 3)
    now = boards.all("two/said")
    assert [one["text"].removeprefix("text of ") for one in now] == ["z", "y", "d", "c", "b", "a"]
    ids = {one["text"].removeprefix("text of "): one["id"] for one in now}
    answers = {one["text"].removeprefix("text of "): one["relates"] for one in now if one.get("relates")}
    assert answers == {
        key: {"answer.to": {"id": to}, "answer": {"to": "as it is"}}
        for key, to in (("y", "q"), ("c", ids["d"]), ("b", ids["y"]), ("a", ids["z"]))
    }
    (told,) = [one for one in journal(installation, made, "said") if one.record_key == "y"]
    assert {"field": 'relates."answer.to".id', "why": "what it refers to is not at the target"} in (
        told.differences or []
    )
