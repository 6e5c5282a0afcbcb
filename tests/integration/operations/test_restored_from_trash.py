"""Records that are taken out of the source's own trash, and become what they were there."""

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation
from tests.support.restoring import journal, planned, restored
from tests.support.writable_source import DOCUMENT, WritableSource, writable

NOTES = """
  - name: notes
    path: /{{ account }}/notes
    records: items
    id: id
    stable: true
    paging: {type: page, query: page}
    record: {path: "/{{ account }}/notes/{{ record.id }}"}
    restore:
      trashed: {field: trashed, equals: true}
      undelete:
        path: /{{ account }}/notes/{{ record.id }}
        method: PATCH
        json: {trashed: false}
      update: {path: "/{{ account }}/notes/{{ record.id }}", fields: [text, state, trashed]}
      ignored: {made_by: the author is whoever restores}
"""


@pytest.fixture
def boards() -> Iterator[WritableSource]:
    with writable() as source:
        for number in range(3):
            source.put("one/notes", text=f"note {number}", state="open", trashed=False)
        yield source


@pytest.mark.parametrize("by_list", [False, True])
def test_what_differs_after_it_is_updated(installation: Installation, boards: WritableSource, by_list: bool) -> None:
    notes = "\n".join(line for line in NOTES.splitlines() if not (by_list and "record: {" in line))
    instance = installation.instance(DOCUMENT.format(url=boards.url) + notes)
    assert installation.backup(instance).status == "successful"
    before = boards.without("one/notes")
    first, second, _ = boards.all("one/notes")
    first.update(trashed=True, state="closed")
    second.update(trashed=True)
    plan = planned(installation, instance, endpoint="notes")
    assert plan.total("undelete") == 2
    boards.log.clear()
    made = restored(installation, instance, endpoint="notes")
    assert (made.status, list(made.failures), made.counters["undeleted"]) == ("successful", [], 2)
    assert boards.without("one/notes") == before
    assert len(boards.writes) == 3
    assert by_list or made.counters["requests"] == plan.requests == len(boards.log)
    assert {row.state for row in journal(installation, made, "notes")} == {"verified", "done"}
