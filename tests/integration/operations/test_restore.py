"""Restores to a source that can be written to: in place and to another account, with every rule for conflicts."""

from collections.abc import Iterator

import pytest

from holdfast.catalog.instances import Instance
from tests.support.installation import Installation
from tests.support.restoring import journal, planned, report, restored
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
            blocked = None if card["blocks"] is None else cards[card["blocks"]]["text"]
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


def test_what_is_as_it_was_is_left_alone(
    installation: Installation, boards: WritableSource, instance: Instance
) -> None:  # fmt: skip
    made = restored(installation, instance)
    assert (made.status, made.counters["left_alone"], boards.writes) == ("successful", 13, [])
