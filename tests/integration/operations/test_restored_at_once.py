"""Records that are sent with their blob in one request, and those that come to be with what belongs to them."""

import random
from collections.abc import Iterator

import pytest

from holdfast.catalog.instances import Instance
from holdfast.operations import instances
from holdfast.vault import names
from tests.support.installation import Installation
from tests.support.restoring import journal, planned, restored
from tests.support.writable_source import DOCUMENT, WritableSource, writable

PAPERS = """
  - name: papers
    path: /{{ account }}/papers
    records: items
    id: id
    stable: true
    paging: {type: page, query: page}
    record: {path: "/{{ account }}/papers/{{ record.id }}"}
    blob: {url: "{{ record.file }}", version: id, content_type: kind}
    restore:
      create:
        path: /{{ account }}/papers
        multipart:
          type: related
          parts:
            - {json: {name: "{{ record.name }}", kind: "{{ record.kind }}", folder: "{{ record.folder }}"}}
            - {file: blob}
      find: [name, kind]
      references: {folder: {endpoint: papers, otherwise: top}}
      ignored: {made_by: the author is whoever restores, file: every file has an address of its own}
"""
SIZES = {"small é": 11, "large": 9_000_000, "empty": 0}


@pytest.fixture
def boards() -> Iterator[WritableSource]:
    with writable() as source:
        folder = source.put("one/papers", name="folder", kind="folder", folder="elsewhere")
        for number, (name, size) in enumerate(SIZES.items(), start=801):
            place = f"one/papers/{number}/file"
            source.put("one/papers", id=number, name=name, kind="x/y", folder=folder, file=f"{source.url}/{place}")
            source.files[place] = random.Random(number).randbytes(size)
        yield source


@pytest.fixture
def papers(installation: Installation, boards: WritableSource) -> Instance:
    made = installation.instance(DOCUMENT.format(url=boards.url) + PAPERS)
    assert installation.backup(made).status == "successful"
    return made


def seen(source: WritableSource, account: str) -> list[tuple[str, str | None, bytes | None]]:
    """(name, name of the folder or what stands for it, content) by name."""
    found = {one["id"]: one for one in source.all(f"{account}/papers")}
    return sorted(
        (one["name"], found.get(one["folder"], {"name": one["folder"]})["name"],
         source.files[one["file"].removeprefix(f"{source.url}/")] if "file" in one else None)
        for one in found.values()
    )  # fmt: skip


def test_record_and_blob_come_to_be_in_one_request(
    installation: Installation, boards: WritableSource, papers: Instance
) -> None:
    before = seen(boards, "one")
    boards.wipe("one/papers")
    boards.log.clear()
    plan = planned(installation, papers, endpoint="papers")
    looks = len(boards.log)
    made = restored(installation, papers, endpoint="papers")
    assert (made.status, made.complete, list(made.failures)) == ("successful", True, [])
    assert (seen(boards, "one") == before, boards.writes) == (True, ["POST /one/papers"] * 4)
    assert made.counters["requests"] == plan.requests == len(boards.log) - looks
    assert restored(installation, papers, endpoint="papers").counters["left_alone"] == 4


def test_what_leads_nowhere_in_another_account_stands_where_the_definition_says(
    installation: Installation, boards: WritableSource, papers: Instance
) -> None:
    other = instances.create(
        installation.services, installation.customer.id, papers.definition_id, label="other", given={"account": "two"}
    )
    made = restored(installation, papers, to=other, endpoint="papers")
    assert (made.status, made.complete, list(made.failures)) == ("successful", True, [])
    assert seen(boards, "two") == [
        (name, "top" if folder == "elsewhere" else folder, data) for name, folder, data in seen(boards, "one")
    ]
    told = [one for row in journal(installation, made, "papers") for one in row.differences or ()]
    assert [one["why"] for one in told if one["field"] == "folder"] == [
        "what it refers to is not at the target: it is top instead"
    ]
    again = restored(installation, papers, to=other, endpoint="papers")
    assert (again.counters["left_alone"], again.counters["left_differing"]) == (4, 0)


def test_half_a_file_and_a_lost_answer_come_to_light(
    installation: Installation, boards: WritableSource, papers: Instance
) -> None:
    boards.wipe("one/papers")
    boards.switches.lose_answers = 2
    boards.switches.halve_files = True
    made = restored(installation, papers, endpoint="papers")
    assert (made.status, made.counters["created"], made.counters["differ"]) == ("failed", 4, 2)
    assert (len(boards.all("one/papers")), len(boards.writes)) == (4, 4)
    assert {one["message"] for one in made.failures} == {"read back, it differs in (blob)"}


def test_a_blob_that_is_damaged_or_missing_makes_no_record_without_it(
    installation: Installation, boards: WritableSource, papers: Instance
) -> None:
    state = installation.state(papers)
    blob = installation.browser.blob(state, installation.browser.record(state, "papers", "801"))
    for pack in {place.pack for place in blob._places}:
        installation.services.storage.delete(names.pack(installation.customer.id, pack))
    boards.wipe("one/papers")
    made = restored(installation, papers, endpoint="papers")
    assert (made.status, "small é" in {one["name"] for one in boards.all("one/papers")}) == ("failed", False)
    assert any("its blob cannot be read" in one["message"] for one in made.failures)


def test_what_nobody_can_create_comes_with_what_belongs_to_it(
    installation: Installation, boards: WritableSource
) -> None:
    document = DOCUMENT.format(url=boards.url)
    begin, end = (
        document.index('    restore:\n      create: {path: "/{{ account }}/boards"'),
        document.index("  - name: cards"),
    )
    document = document[:begin] + "    restore: {comes_with: cards, ignored: {made_by: whoever}}\n" + document[end:]
    boards.switches.makes_parents = True
    for board in ("b1", "b2", "empty"):
        boards.put("one/boards", id=board)
    for text in ("first", "second"):
        boards.put("one/boards/b1/cards", text=text)
        boards.put("one/boards/b2/cards", text=f"{text} of b2")
    instance = installation.instance(document)
    assert installation.backup(instance).status == "successful"
    boards.wipe("one/boards")
    boards.put("one/boards", id="b2")
    plan = planned(installation, instance)
    assert (plan.total("create"), plan.total("leave"), plan.total("impossible")) == (2 + 4, 1, 0)
    made = restored(installation, instance)
    assert [(one["record_id"], one["message"]) for one in made.failures] == [
        ("empty", "none of its cards was restored, with which it comes to be")
    ]
    assert (made.status, made.counters["created"], made.counters["left_alone"]) == ("failed", 5, 1)
    assert sorted(one["id"] for one in boards.all("one/boards")) == ["b1", "b2"]
    cards = [one["text"] for board in ("b1", "b2") for one in boards.all(f"one/boards/{board}/cards")]
    assert cards == ["first", "second", "first of b2", "second of b2"]
    assert boards.writes == ["POST /one/boards/b1/cards"] * 2 + ["POST /one/boards/b2/cards"] * 2


def test_what_nobody_can_create_is_known_where_it_is_there_already(
    installation: Installation, boards: WritableSource
) -> None:
    document = DOCUMENT.format(url=boards.url)
    begin, end = document.index("    restore:"), document.index("  - name: boards")
    people = "    restore: {impossible: people are invited, find: name, ignored: {made_by: whoever}}\n"
    document = document[:begin] + people + document[end:]
    document = document.replace("{owner: people}", '{owner: {endpoint: people, otherwise: ""}}')
    ann, bob = boards.put("one/people", name="ann"), boards.put("one/people", name="bob")
    for title, owner in (("hers", ann), ("his", bob)):
        boards.put("one/boards", title=title, owner=owner)
    instance = installation.instance(document)
    assert installation.backup(instance).status == "successful"
    other = instances.create(
        installation.services, installation.customer.id, instance.definition_id, label="o", given={"account": "two"}
    )
    there = boards.put("two/people", name="ann")
    plan = planned(installation, instance, to=other)
    assert [(one.endpoint, one.create, one.leave, one.impossible) for one in plan.endpoints] == [
        ("people", 0, 1, 1), ("boards", 2, 0, 0), ("cards", 0, 0, 0),
    ]  # fmt: skip
    made = restored(installation, instance, to=other)
    assert (made.status, made.complete, list(made.failures)) == ("successful", False, [])
    assert {one["title"]: one.get("owner") for one in boards.all("two/boards")} == {"hers": there, "his": None}
    again = restored(installation, instance, to=other)
    assert (again.counters["created"], again.counters["left_alone"], again.counters["left_differing"]) == (0, 3, 0)
