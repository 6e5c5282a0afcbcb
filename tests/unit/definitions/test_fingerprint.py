import pytest

from holdfast.definitions.fingerprint import fingerprint
from holdfast.definitions.loading import load

TEXT = """\
holdfast: 1
name: Notes
variables:
  - {key: token, secret: true}
  - {key: team}
  - {key: unused}
connection:
  base_url: https://{{ team }}.api.example
  auth: {type: bearer, token: "{{ token }}"}
  limits: {concurrency: 2}
endpoints:
  - {name: folders, path: /folders, id: id}
  - name: notes
    for_each: folders
    path: /folders/{{ parent.id }}/notes
    query: {state: all}
    records: data
    id: id
    incremental: {field: updated_at, query: {since: "{{ cursor }}"}}
    volatile: [seen]
  - {name: others, path: /others, id: id}
"""
VALUES = {"token": "t1", "team": "a", "unused": "u"}


def of(text: str = TEXT, values: dict[str, str] = VALUES, key: bytes = b"k" * 32) -> str:
    definition = load(text)
    return fingerprint(definition, definition.endpoint("notes"), values, key)


def test_it_is_the_same_for_the_same() -> None:
    assert of() == of()
    assert len(of()) == 32


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: /folders/{{ parent.id }}/notes", "path: /v2/folders/{{ parent.id }}/notes"),
        ("state: all", "state: open"),
        ("records: data", "records: items"),
        ("    id: id\n", "    id: [id, part]\n"),
        ("field: updated_at", "field: changed_at"),
        ("since:", "after:"),
        ("path: /folders, id: id", "path: /all-folders, id: id"),
        (".api.example", ".example"),
        ("for_each: folders\n", "for_each: folders\n    global_id: true\n"),
    ],
)
def test_it_changes_with_what_is_listed(old: str, new: str) -> None:
    assert old in TEXT
    assert of(TEXT.replace(old, new)) != of()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: Notes", "name: Notebook"),
        ("concurrency: 2", "concurrency: 3"),
        ("volatile: [seen]", "volatile: [seen, read]"),
        ("path: /others", "path: /else"),
    ],
)
def test_it_does_not_change_with_anything_else(old: str, new: str) -> None:
    assert old in TEXT
    assert of(TEXT.replace(old, new)) == of()


def test_it_changes_with_the_account() -> None:
    assert of(values=VALUES | {"team": "b"}) != of()
    assert of(values=VALUES | {"token": "t2"}) != of()
    assert of(values=VALUES | {"unused": "v"}) == of()


def test_without_the_key_nobody_can_make_it() -> None:
    assert of(key=b"x" * 32) != of()
