"""What a document may say is tested key by key in test_language; here, how problems are told."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.definitions.language import DOCUMENT
from holdfast.definitions.loading import load
from holdfast.definitions.schema import json_schema
from holdfast.errors import DefinitionError

from .cases import RIGHT

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


SHAPES = json_schema()["$defs"].values()
WORDS = sorted({key for shape in SHAPES for key in shape.get("properties", {})} | set(DOCUMENT.fields))
TEXTS = ["{{ parent.id }}", "{{ x", "/a", "1h", "a.b", "link_header", "cursor", ""]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.sampled_from(WORDS) | st.text(max_size=3)
JSON = st.recursive(
    SCALARS | st.sampled_from(TEXTS) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path] * bool(path) + [place for key, child in items for place in places(child, (*path, key))]


@given(st.sampled_from(sorted(RIGHT)), st.data())
def test_whatever_stands_in_one_place_the_worst_is_a_definition_error(name: str, data: st.DataObject) -> None:
    part = json.loads(json.dumps(RIGHT[name]))
    *path, last = data.draw(st.sampled_from(places(part)))
    at = part
    for key in path:
        at = at[key]
    at[last] = data.draw(JSON)
    try:
        load(json.dumps(part))
    except DefinitionError as error:
        assert error.problems


@pytest.mark.parametrize(
    "text", ["/" + "{{" * 4000, "/" + "{{ a }}" * 1200 + "?", "{{" + "}" * 9000, "/" + "a" * 9900 + " "]
)
def test_a_hostile_path_costs_no_time(text: str) -> None:
    part = json.loads(json.dumps(RIGHT["as it is"]))
    part["endpoints"][1]["path"] = text
    started = time.process_time()
    with pytest.raises(DefinitionError):
        load(json.dumps(part))
    assert time.process_time() - started < 2
