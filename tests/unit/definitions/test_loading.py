"""What a document may say is tested key by key in test_language; here, how problems are told."""

import pytest

from holdfast.definitions.loading import load
from holdfast.errors import DefinitionError

GOOD = """\
holdfast: 1
name: Notes
variables:
  - {key: token, name: Access token, secret: true}
  - {key: base_url, name: API address, default: https://api.example}
connection:
  base_url: "{{ base_url }}"
  auth: {type: bearer, token: "{{ token }}"}
endpoints:
  - name: folders
    path: /folders
    id: id
    paging: link_header
  - name: notes
    for_each: folders
    path: /folders/{{ parent.id }}/notes
    id: id
    incremental: {field: updated_at, query: {since: "{{ cursor }}"}}
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load(text, "notes.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_good_document_is_a_definition() -> None:
    definition = load(GOOD)
    assert definition.name == "Notes"
    assert [variable.key for variable in definition.variables] == ["token", "base_url"]
    assert [endpoint.name for endpoint in definition.planned()] == ["folders", "notes"]


def test_json_is_yaml() -> None:
    text = '{"holdfast": 1, "name": "N", "connection": {"base_url": "https://x"},'
    assert load(text + ' "endpoints": [{"name": "a", "path": "/a", "id": "id"}]}').name == "N"


def test_all_problems_of_a_document_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = GOOD.replace("secret: true", "secret: yes please").replace("{{ token }}", "{{ tokn }}")
    text = text.replace("    paging: link_header", "    pagign: link_header").replace(
        "for_each: folders", "for_each: folder"
    )
    with pytest.raises(DefinitionError) as caught:
        load(text, "notes.yaml")
    assert str(caught.value).splitlines() == [
        "notes.yaml: 4 problems",
        "  notes.yaml:4: variables[0].secret: expected true or false, not 'yes please'",
        "  notes.yaml:8: connection.auth.token: there is no variable `tokn`. Did you mean `token`?",
        "  notes.yaml:13: endpoints[0].pagign: unknown key `pagign`. Did you mean `paging`?",
        "  notes.yaml:15: endpoints[1].for_each: there is no endpoint `folder`. Did you mean `folders`?",
    ]
    assert [problem.line for problem in caught.value.problems] == [4, 8, 13, 15]
    assert [problem.field for problem in caught.value.problems][2] == "endpoints[0].pagign"
    assert caught.value.line == 4


def test_a_single_problem_is_the_error_itself() -> None:
    with pytest.raises(DefinitionError) as caught:
        load(GOOD.replace("name: Notes", "name: [Notes]"), "notes.yaml")
    assert str(caught.value) == "notes.yaml:2: name: expected text, not a list"
    assert caught.value.problems == [caught.value]


def test_an_unknown_key_without_a_near_one_names_all() -> None:
    text = GOOD.replace("secret: true", "colour: red")
    assert problems_of(text) == [
        "notes.yaml:4: variables[0].colour: unknown key `colour`."
        " Known here: key, name, description, secret, optional, default."
    ]


@pytest.mark.parametrize("text", ["just text", "- a\n- b", "7"])
def test_a_document_of_another_shape_is_refused(text: str) -> None:
    assert "expected a mapping with the keys `holdfast`" in problems_of(text)[0]


def test_missing_keys_say_what_they_are_for() -> None:
    assert problems_of("holdfast: 1\nname: N\n") == [
        "notes.yaml:1: the key `connection` is missing: Where the API is and how to speak to it.",
        "notes.yaml:1: the key `endpoints` is missing: The kinds of records, each a list of the API.",
    ]


@pytest.mark.parametrize("line", range(len(GOOD.splitlines())))
def test_any_line_left_out_is_either_good_or_a_definition_error(line: int) -> None:
    lines = GOOD.splitlines(keepends=True)
    try:
        load("".join(lines[:line] + lines[line + 1 :]))
    except DefinitionError as error:
        assert error.problems
